"""One contract for every OTP store; a store is a parameter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.ports import OtpStore, Verdict
from app.store.database import Database
from app.store.otp import SqliteOtpStore

KEY, MARK, OTHER = b"k" * 32, b"m" * 32, b"x" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OtpStore]:
    database = Database(tmp_path / "state.db")
    yield SqliteOtpStore(database)
    database.close()


def test_the_right_mark_is_right_once(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.check(KEY, MARK, now=101.0, tries=5) is Verdict.RIGHT
    assert store.check(KEY, MARK, now=102.0, tries=5) is Verdict.USED


def test_a_living_reference_is_not_issued_again(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert not store.issue(KEY, OTHER, expires=300.0, now=199.0)
    assert store.check(KEY, MARK, now=199.0, tries=5) is Verdict.RIGHT


def test_expired_used_and_locked_references_are_free(store: OtpStore) -> None:
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.issue(KEY, MARK, expires=300.0, now=200.0)
    assert store.check(KEY, MARK, now=201.0, tries=5) is Verdict.RIGHT
    assert store.issue(KEY, MARK, expires=300.0, now=202.0)
    assert store.check(KEY, OTHER, now=203.0, tries=1) is Verdict.LOCKED
    assert store.issue(KEY, MARK, expires=300.0, now=204.0)


def test_an_unknown_reference_is_unknown(store: OtpStore) -> None:
    assert store.check(KEY, MARK, now=1.0, tries=5) is Verdict.UNKNOWN


def test_an_expired_one_says_so(store: OtpStore) -> None:
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    assert store.check(KEY, MARK, now=200.0, tries=5) is Verdict.EXPIRED


def test_the_last_allowed_wrong_try_locks(store: OtpStore) -> None:
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    verdicts = [store.check(KEY, OTHER, now=101.0, tries=3) for _ in range(4)]
    assert verdicts == [Verdict.WRONG, Verdict.WRONG, Verdict.LOCKED, Verdict.LOCKED]
    assert store.check(KEY, MARK, now=101.0, tries=3) is Verdict.LOCKED


def test_forgetting_frees_only_this_very_code(store: OtpStore) -> None:
    store.issue(KEY, MARK, expires=200.0, now=100.0)
    store.forget(KEY, OTHER)
    assert not store.issue(KEY, MARK, expires=200.0, now=100.0)
    store.forget(KEY, MARK)
    assert store.issue(KEY, MARK, expires=200.0, now=100.0)


def test_two_parallel_right_answers_give_exactly_one_success(store: OtpStore) -> None:
    for round_ in range(20):
        key = bytes([round_]) * 32
        store.issue(key, MARK, expires=200.0, now=100.0)
        verdicts: list[Verdict] = []
        start = threading.Barrier(8)

        def answer(
            key: bytes = key, start: threading.Barrier = start, verdicts: list[Verdict] = verdicts
        ) -> None:
            start.wait(10)
            verdicts.append(store.check(key, MARK, now=101.0, tries=100))

        threads = [threading.Thread(target=answer) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(verdict.value for verdict in verdicts) == ["right"] + ["used"] * 7
