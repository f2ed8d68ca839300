"""Passwords are kept as argon2id hashes, one computed at a time, and weak ones are told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.settings import checks
from app.settings.passwords import generate_password, hash_password, verify_password, weakness


def test_a_hash_opens_to_its_password_only() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "correct horsf")
    assert hash_password("correct horse") != stored
    assert checks.password_hash(stored) == stored


def test_a_hash_made_elsewhere_is_understood() -> None:
    # Argon2's own command line: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 24 -e
    stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    assert verify_password(stored, "password")
    assert not verify_password(stored, "Password")


@pytest.mark.parametrize("stored", ["", "nonsense", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAA"])
def test_no_password_opens_an_empty_or_damaged_hash(stored: str) -> None:
    assert not verify_password(stored, "")
    assert not verify_password(stored, "correct horse")


def test_an_accent_typed_on_two_keyboards_is_one_password() -> None:
    assert verify_password(hash_password("caf\u00e9 au lait"), "cafe\u0301 au lait")


@pytest.mark.parametrize(
    ("password", "username", "why"),
    [
        ("short", "", "too short"),
        ("1234567890", "", "first that are guessed"),
        ("Password123", "", "first that are guessed"),
        ("aaaaaaaaaaaa", "", "first that are guessed"),
        ("abcdefghijkl", "", "first that are guessed"),
        ("somebody12", "somebody", "little more than the user name"),
    ],
)
def test_a_weak_password_is_told(password: str, username: str, why: str) -> None:
    assert why in weakness(password, username)


def test_a_good_password_is_not_complained_about() -> None:
    assert weakness("correct horse battery", "somebody") == ""
    assert weakness(generate_password()) == ""


def test_generated_passwords_differ_and_can_be_read_from_paper() -> None:
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    assert not set("".join(made)) & set("l1o0")


def test_sign_ins_in_many_threads_give_the_memory_of_their_hashes_back() -> None:
    program = """
import threading
from app.settings.passwords import hash_password, verify_password

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

stored = hash_password("correct horse")
before = resident()
for _ in range(2):
    threads = [threading.Thread(target=verify_password, args=(stored, "wrong")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print((resident() - before) // 2**20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 19  # MiB: less than a single hash takes
