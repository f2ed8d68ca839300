"""Codes the publisher manages: bound, single use, five tries, expiring, and never readable on disk."""

import hashlib
import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from otp_publisher.codebook import CodeBook, Refused, Rules, same_receiver

PARAMS = ["100", "200", "", ""]


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(tmp_path: Path, clock: Clock) -> CodeBook:
    return CodeBook(tmp_path / "otp", wall=clock)


def issue(book: CodeBook, clock: Clock, reference: str = "ref", lifetime: float = 60) -> str:
    return book.issue(reference, "0812", PARAMS, clock.now + lifetime)


def refusal(
    book: CodeBook, code: str, reference: str = "ref", receiver: str = "0812", params: list[str] = PARAMS
) -> str:
    with pytest.raises(Refused) as caught:
        book.verify(reference, receiver, params, code)
    return f"{caught.value.code} {caught.value.reason}"


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_a_right_code_is_right_once(book: CodeBook, clock: Clock) -> None:
    code = issue(book, clock)
    assert re.fullmatch(r"\d{6}", code)
    book.verify("ref", "+62 812", PARAMS, f" {code} ")
    assert refusal(book, code) == "1202 invalid_otp"


def test_codes_have_the_digits_asked_for_and_keep_leading_zeros(tmp_path: Path, clock: Clock) -> None:
    book = CodeBook(tmp_path, rules=Rules(digits=4), wall=clock)
    codes = {issue(book, clock, str(number)) for number in range(200)}
    assert all(re.fullmatch(r"\d{4}", code) for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert len(codes) > 150


def test_it_is_bound_to_reference_receiver_and_every_parameter(book: CodeBook, clock: Clock) -> None:
    code = issue(book, clock)
    assert refusal(book, code, reference="other") == "1202 invalid_otp"
    assert refusal(book, code, receiver="0813") == "1202 invalid_otp"
    assert refusal(book, code, params=["200", "100", "", ""]) == "1202 invalid_otp"
    # "1" + "00" must not be "10" + "0".
    assert refusal(book, code, params=["1002", "00", "", ""]) == "1202 invalid_otp"
    book.verify("ref", "0812", PARAMS, code)


def test_five_wrong_tries_lock_the_reference(book: CodeBook, clock: Clock) -> None:
    code = issue(book, clock)
    assert [refusal(book, other(code)) for _ in range(5)] == ["1202 invalid_otp"] * 5
    assert refusal(book, code) == "1202 locked"


def test_a_live_reference_is_taken_an_expired_one_free(book: CodeBook, clock: Clock) -> None:
    code = issue(book, clock, lifetime=60)
    with pytest.raises(Refused) as caught:
        issue(book, clock)
    assert (caught.value.code, caught.value.reason) == ("1201", "duplicated")
    clock.now += 60
    assert refusal(book, code) == "1203 expired"
    issue(book, clock)


def test_a_used_and_a_forgotten_reference_are_free_again(book: CodeBook, clock: Clock) -> None:
    book.verify("ref", "0812", PARAMS, issue(book, clock))
    issue(book, clock)
    book.forget("ref")
    issue(book, clock)


def test_no_lifetime_is_no_code(book: CodeBook, clock: Clock) -> None:
    with pytest.raises(Refused) as caught:
        issue(book, clock, lifetime=0)
    assert caught.value.code == "1203"


def test_files_are_private_and_tell_nothing(book: CodeBook, clock: Clock, tmp_path: Path) -> None:
    code = issue(book, clock, "my-reference")
    files = list((tmp_path / "otp").iterdir())
    assert len(files) == 3  # the record, the key, the lock
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "otp").stat().st_mode) == 0o700
    [record] = (tmp_path / "otp").glob("otp-*.json")
    written = json.loads(record.read_text())
    assert set(written) == {"hash", "expiration", "tries"}
    assert re.fullmatch("[0-9a-f]{64}", written["hash"])
    assert hashlib.sha256(code.encode()).hexdigest() not in (written["hash"], record.name)
    assert hashlib.sha256(b"my-reference").hexdigest() not in record.name


def test_the_hash_needs_the_key_of_the_installation(book: CodeBook, clock: Clock, tmp_path: Path) -> None:
    code = issue(book, clock)
    elsewhere = CodeBook(tmp_path / "otp", tmp_path / "another.key", wall=clock)
    assert refusal(elsewhere, code) == "1202 invalid_otp"
    again = CodeBook(tmp_path / "otp", wall=clock)
    again.verify("ref", "0812", PARAMS, code)


def test_a_record_that_cannot_be_read_now_is_not_taken_for_none(
    book: CodeBook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a second code would replace the living one."""
    code = issue(book, clock)

    def broken(path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(OSError, match="Too many open files"):
        issue(book, clock)
    assert book.sweep(force=True) == 0
    monkeypatch.undo()
    book.verify("ref", "0812", PARAMS, code)


def test_sweeping_touches_only_its_own_files(book: CodeBook, clock: Clock, tmp_path: Path) -> None:
    directory = tmp_path / "otp"
    for name in (
        "holiday.jpg",
        "otp-notes.json",
        "otp-" + "g" * 64 + ".json",
        "5d41402abc4b2a76b9719d911017c592.bin",
    ):
        (directory / name).write_text("keep me")
    (directory / ("otp-" + "a" * 64)).mkdir()
    before = set(directory.iterdir())
    issue(book, clock, "short", 10)
    issue(book, clock, "long", 1000)
    left = directory / ".otp-publisher-0123456789abcdef.tmp"
    left.write_text("half a record")
    os.utime(left, (clock.now - 7200, clock.now - 7200))

    clock.now += 10 + 300
    assert book.sweep(force=True) == 2  # the expired record and the leftover
    records = set(directory.glob("otp-" + "?" * 64 + ".json")) - before
    assert len(records) == 1
    assert before <= set(directory.iterdir())


def test_an_expired_code_is_told_apart_until_it_is_swept(book: CodeBook, clock: Clock) -> None:
    code = issue(book, clock, lifetime=10)
    clock.now += 10 + 299
    book.sweep(force=True)
    assert refusal(book, code) == "1203 expired"
    clock.now += 1
    book.sweep(force=True)
    assert refusal(book, code) == "1202 invalid_otp"


def test_a_torn_record_counts_as_none(book: CodeBook, clock: Clock, tmp_path: Path) -> None:
    code = issue(book, clock)
    [record] = (tmp_path / "otp").glob("otp-*.json")
    record.write_text('{"hash": "ab')
    assert refusal(book, code) == "1202 invalid_otp"
    issue(book, clock)


def test_two_parallel_right_answers_succeed_once(tmp_path: Path, clock: Clock) -> None:
    books = [CodeBook(tmp_path / "otp", wall=clock) for _ in range(8)]
    code = issue(books[0], clock)
    start = threading.Barrier(len(books))
    outcomes: list[str] = []

    def answer(book: CodeBook) -> None:
        start.wait()
        try:
            book.verify("ref", "0812", PARAMS, code)
            outcomes.append("right")
        except Refused as refused:
            outcomes.append(refused.reason)

    threads = [threading.Thread(target=answer, args=(book,)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["invalid_otp"] * 7 + ["right"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_share_one_key_and_one_book(tmp_path: Path) -> None:
    children = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                CodeBook(tmp_path / "otp").issue("the same", "0812", PARAMS, 4_000_000_000.0)
                status = 0
            except Refused as refused:
                status = 2 if refused.code == "1201" else 1
            finally:
                os._exit(status)
        children.append(pid)
        assert number < 8
    statuses = sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)
    assert statuses == [0] + [2] * 7


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("+62812345678", "62812345678"),
        ("0812345678", "62812345678"),
        ("62 812-345.678", "62812345678"),
        ("(0812) 345678", "62812345678"),
        ("99", "99"),
        (" Anna@Example.com ", "Anna@Example.com"),
    ],
)
def test_one_receiver_in_every_spelling(written: str, same: str) -> None:
    assert same_receiver(written, "62") == same
