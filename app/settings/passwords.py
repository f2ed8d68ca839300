"""Password hashes: argon2id, one at a time, so that a flood of logins cannot take the memory."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10
#: A hash of 19 MiB each (OWASP's first choice for argon2id): two at once would double what the device needs.
MEMORY_KIB = 19 * 1024
PASSES = 2

_one_at_a_time = threading.Lock()
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is misread on a printed card

# Long enough to pass the length rule, and first in every list of guesses.
_GUESSES = (
    "0123456789 1234567890 12345678910 1234567891 123456789a 0987654321 9876543210 1q2w3e4r5t "
    "1q2w3e4r5t6y 1qaz2wsx3edc qwertyuiop qwerty12345 qwerty123456 asdfghjkl; asdfghjkl1 zxcvbnm123 "
    "abcdefghij abcd123456 abcdef1234 password12 password123 password1234 passw0rd123 p@ssw0rd123 "
    "p@ssword123 password01 mypassword iloveyou123 iloveyou12 welcome123 welcome1234 admin12345 "
    "admin123456 administrator adminadmin letmein123 sayangku123 sayang12345 indonesia1 indonesia123 "
    "bismillah1 bismillah123 rahasia123 raspberrypi raspberry1 raspberry123 changeme123 changemenow "
    "otppi12345 otp-pi12345 superman123 football123 princess123 dragon12345 monkey12345 sunshine123 "
    "trustno1234"
)
_COMMON = frozenset(_GUESSES.split())


def hash_password(password: str) -> str:
    """The argon2id hash to store, in the PHC text form. Takes some 50 ms on a desk and 0.3 s on a Pi 3."""
    with _one_at_a_time:
        return _hasher().hash(_same_form(password))


def verify_password(stored: str, password: str) -> bool:
    """Whether the password is the stored one. An empty or damaged hash takes as long and is never right."""
    from argon2.exceptions import InvalidHash, VerificationError

    with _one_at_a_time:
        try:
            return _hasher().verify(stored or _decoy(), _same_form(password)) and bool(stored)
        except (VerificationError, InvalidHash):
            return False


def weakness(password: str, username: str = "") -> str:
    """Why an administrator may not choose this password, as a sentence; "" when it is good enough."""
    plain = password.casefold()
    if len(password) < SHORTEST:
        return f"the password is too short: at least {SHORTEST} characters"
    if len(set(plain)) < 4 or plain in _COMMON or plain in "abcdefghijklmnopqrstuvwxyz":
        return "the password is one of the first that are guessed: choose another"
    if username and username.casefold() in plain and len(plain) < len(username) + SHORTEST:
        return "the password is little more than the user name: choose another"
    return ""


def generate_password(length: int = 20) -> str:
    """A new random password that can be read from paper and typed: 100 bits at the usual length."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    _give_memory_back()
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)


@cache
def _give_memory_back() -> None:
    """Have glibc return a hash's 19 MiB to the system, rather than keep as much for each thread.

    Left alone it takes the first freed block for a hint to serve its like from the heap, of which every
    thread may have one: 170 MiB after two dozen sign-ins. A threshold that was set stays (mallopt(3)).
    """
    import ctypes

    m_mmap_threshold = -3  # malloc.h
    try:
        ctypes.CDLL(None).mallopt(m_mmap_threshold, 1024 * 1024)
    except AttributeError:
        pass  # another C library, which does not know mallopt


def _same_form(password: str) -> bytes:
    # One accent typed on two keyboards must be one password (RFC 8265 §4.2).
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


_decoys: list[str] = []


def _decoy() -> str:
    if not _decoys:
        _decoys.append(_hasher().hash(secrets.token_bytes(16)))
    return _decoys[0]
