"""The ledger tells what it could not write, and writes the end of a message until it is on record."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import StorageFailed
from app.core.message import Message, Outcome, Sent, State
from app.store.database import Database
from app.store.ledger import SqliteLedger
from app.store.otp import SqliteOtpStore
from app.store.redis_otp import connect
from app.store.shared_ledger import SharedLedger

KEY, MARK, OTHER = b"k" * 32, b"m" * 32, b"x" * 32
SENT = Outcome(State.SENT, "0000", sent=Sent("m1", "One"))
FAILED = Outcome(State.FAILED, "1102", "not_sent", "no")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "state.db")
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database) -> SqliteLedger:
    return SqliteLedger(database)


def message(seq: int, **more: Any) -> Message:
    return Message(seq, f"id{seq}", "send-sms", "rest:u", "628121", "t", b"f" * 32, 1000.0, 100.0, **more)


def state(database: Database, seq: int) -> object:
    return database.read("SELECT state FROM message WHERE seq = ?", seq)


def refuse(connection: sqlite3.Connection) -> None:
    """From now on the table takes no change, as a full disk does not."""
    connection.execute(
        "CREATE TEMP TRIGGER full BEFORE UPDATE ON main.message BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )


def allow(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TRIGGER temp.full")


def test_what_is_not_on_record_cannot_be_handed_over(ledger: SqliteLedger) -> None:
    with pytest.raises(StorageFailed, match="message 7 is not on record"):
        ledger.sending(7, "m1").wait()


def test_an_end_that_the_disk_did_not_take_is_written_again(database: Database, ledger: SqliteLedger) -> None:
    ledger.accept(message(1)).wait()
    ledger.sending(1, "m1").wait()
    database.submit(refuse).wait()
    told: list[object] = []
    ledger.close(1, SENT, 1001.0, lambda: told.append(state(database, 1)))
    database.submit(lambda connection: None).wait()
    assert told == []  # nobody is told before it was tried twice
    ledger.settle()
    database.submit(lambda connection: None).wait()
    assert told == [[("sending",)]]
    database.submit(allow).wait()
    ledger.settle()
    database.submit(lambda connection: None).wait()
    assert state(database, 1) == [("sent",)]
    assert len(told) == 1


def test_an_end_that_is_taken_the_second_time_is_told_then(database: Database, ledger: SqliteLedger) -> None:
    ledger.accept(message(1)).wait()
    database.submit(refuse).wait()
    told: list[object] = []
    ledger.close(1, FAILED, 1001.0, lambda: told.append(state(database, 1)))
    database.submit(allow).wait()
    ledger.settle()
    ledger.settle()
    database.submit(lambda connection: None).wait()
    assert told == [[("failed",)]]


def test_the_end_of_a_message_frees_its_reference_and_no_other(
    database: Database, ledger: SqliteLedger
) -> None:
    otp = SqliteOtpStore(database)
    otp.issue(KEY, MARK, expires=200.0, now=100.0)
    ledger.close(1, FAILED, 1001.0, lambda: None, (KEY, OTHER))
    assert not otp.issue(KEY, MARK, expires=200.0, now=100.0)
    ledger.close(2, FAILED, 1001.0, lambda: None, (KEY, MARK))
    assert otp.issue(KEY, MARK, expires=200.0, now=100.0)


def test_a_repeat_is_known_also_after_the_clock_jumped(database: Database, ledger: SqliteLedger) -> None:
    ledger.accept(message(1, expires=1300.0)).wait()
    ledger.close(1, SENT, 1001.0, lambda: None)
    year = 365 * 24 * 3600.0
    ledger.shift(year, since=1010.0 - 600.0, now=1010.0)
    database.submit(lambda connection: None).wait()
    row = ledger.recall(b"f" * 32, year + 1020.0 - 600.0, year + 1020.0)
    assert row is not None and (row.accepted, row.finished) == (year + 1000.0, year + 1001.0)
    assert database.read("SELECT expires FROM message") == [(year + 1300.0,)]


def test_a_shared_store_that_does_not_answer_holds_up_no_commit(
    database: Database, ledger: SqliteLedger
) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Silent:
        def forget(self, key: bytes, mark: bytes) -> None:
            asked.set()
            answer.wait(10)
            raise StorageFailed("the shared OTP store cannot be reached; try again")

    nowhere = connect("redis://127.0.0.1:1/0")
    shared = SharedLedger(ledger, nowhere, Silent(), "one")  # type: ignore[arg-type]
    ended: list[int] = []
    both = threading.Event()

    def one_ended(seq: int) -> None:
        ended.append(seq)
        if len(ended) == 2:
            both.set()

    for seq in (1, 2):
        shared.accept(message(seq, otp=(KEY, MARK))).wait()
        shared.close(seq, FAILED, 1001.0, lambda seq=seq: one_ended(seq), (KEY, MARK))  # type: ignore[misc]
    assert asked.wait(10)
    database.submit(lambda connection: None).wait()  # while the shared store is silent
    assert ended == []
    answer.set()
    assert both.wait(10) and ended == [1, 2]
    assert database.read("SELECT DISTINCT state FROM message") == [("failed",)]


def test_a_code_of_a_shared_store_is_drawn_when_its_row_is_on_the_disk(
    database: Database, ledger: SqliteLedger
) -> None:
    """After a crash between the two only the row can free the reference."""
    shared = SharedLedger(ledger, connect("redis://127.0.0.1:1/0"), None, "one")  # type: ignore[arg-type]
    shared.accept(message(1, otp=(KEY, MARK)))
    assert state(database, 1) == [("queued",)]


def test_a_code_whose_row_the_disk_refuses_is_not_sent(database: Database, ledger: SqliteLedger) -> None:
    shared = SharedLedger(ledger, connect("redis://127.0.0.1:1/0"), None, "one")  # type: ignore[arg-type]
    shared.accept(message(1)).wait()
    shared.accept(message(1, otp=(KEY, MARK)))  # a second row of the same number is refused
    assert database.read("SELECT count(*) FROM message") == [(1,)]
