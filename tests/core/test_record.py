"""Nothing goes to a modem that is not on record, and what is remembered can be told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.core.commands import RequestOtp, SendSms, Source
from app.core.duplicates import Duplicates, remembered
from app.core.errors import NotSent, StorageFailed
from app.core.message import LedgerRow, Outcome, State
from app.core.replies import Reply
from tests.house import HandClock, House

REST = Source("rest", "alice")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def result(answer: Future[Reply]) -> Reply:
    return answer.result(timeout=20)


def sms(text: str = "hello", **more: object) -> SendSms:
    return SendSms("send-sms", "081234567890", text, **more)  # type: ignore[arg-type]


def test_nothing_goes_out_while_the_disk_takes_no_row(house: House) -> None:
    def refuse(connection: sqlite3.Connection) -> None:
        connection.execute(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON main.message"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )

    house.database.submit(refuse).wait()
    answer = house.gateway.handle(sms(id="1"), REST)
    for _ in range(2):
        _, job = house.fleet.take()
        job.begin()
        with pytest.raises(StorageFailed):
            job.confirm()
        job.refused(NotSent("not on record", reason="storage"))
    reply = result(answer)
    assert (reply.code, reply.reason) == ("1102", "storage")
    house.database.submit(lambda connection: connection.execute("DROP TRIGGER temp.full")).wait()
    repeat = house.gateway.handle(sms(id="1"), REST)
    house.fleet.send_next()
    assert result(repeat).ok and not result(repeat).duplicate


class Away:
    """A ledger that cannot be asked, now and then."""

    def __init__(self) -> None:
        self.away = True

    def recall(self, *_: object) -> LedgerRow | None:
        if self.away:
            self.ask_again()
            raise StorageFailed("the shared store cannot be reached; nothing was sent")
        return None

    def ask_again(self) -> None:
        """While the first is being looked up."""


def test_a_repeat_that_could_not_be_looked_up_poisons_nothing() -> None:
    ledger = Away()
    duplicates = Duplicates(ledger, HandClock())  # type: ignore[arg-type]
    heard: list[Outcome] = []
    ledger.ask_again = lambda: duplicates.claim(b"f", 2, heard.append, True)  # type: ignore[method-assign]
    with pytest.raises(StorageFailed):
        duplicates.claim(b"f", 1, heard.append, True)
    assert [(one.state, one.code, one.reason) for one in heard] == [(State.FAILED, "1102", "storage")]
    ledger.away = False
    assert duplicates.claim(b"f", 3, heard.append, True)
    assert len(heard) == 1


def test_a_message_that_is_still_open_is_remembered_as_unknown() -> None:
    row = LedgerRow(
        1, "9", "send-sms", "o", "62", State.SENDING, "", "", "", "m1", "One", 1, 1000.0, None, ()
    )
    outcome = remembered(row)
    assert (outcome.state, outcome.code, outcome.reason) == (State.UNKNOWN, "1102", "unknown_outcome")


def test_a_refused_request_does_not_free_the_reference_that_is_alive(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.otp.secrets.randbelow", lambda _: 123456)  # twice the same code
    command = RequestOtp("request-otp", "r1", "081234567890", "Code %s")
    house.gateway.handle(command, REST)
    house.fleet.send_next()
    for _ in range(2):
        assert result(house.gateway.handle(command, REST)).code == "1201"
    assert house.fleet.jobs == []


def test_a_repeat_without_waiting_hears_the_outcome_at_once(house: House) -> None:
    assert house.gateway.take(sms(id="9"), REST).data["state"] == "queued"
    house.fleet.send_next()
    house.database.submit(lambda connection: None).wait()
    for who in ("alice", "bob"):
        reply = house.gateway.take(sms(id="9"), Source("rest", who))
        assert reply.ok and reply.duplicate and reply.data["result"] == "sent"
