"""A modem that cannot try hands a message back: that is no try, and what nobody waits for goes on waiting."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.core.commands import SendSms, Source
from app.core.errors import NotSent, PortGone, QueueFull
from app.core.message import LedgerRow, State
from app.core.recovery import recover
from app.core.replies import Reply
from app.core.routing import Lane
from tests.house import House

REST = Source("rest", "alice")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.fleet.open_lanes = [Lane("m1", "One")]
    yield house
    house.close()


def result(answer: Future[Reply]) -> Reply:
    return answer.result(timeout=20)


def sms(message_id: str = "1", **more: object) -> SendSms:
    return SendSms("send-sms", "081234567890", "hello", id=message_id, **more)  # type: ignore[arg-type]


def row(house: House, message_id: str = "1") -> LedgerRow:
    house.database.submit(lambda connection: None).wait()
    found = house.gateway.status(REST, message_id)
    assert found is not None
    return found


def test_what_nobody_waits_for_waits_for_its_modem_to_return(house: House) -> None:
    house.gateway.take(sms(), REST)
    _, job = house.fleet.take()
    lanes, house.fleet.open_lanes = house.fleet.open_lanes, []
    job.returned(PortGone("One is gone"))
    house.delivery.tick()
    assert row(house).state is State.QUEUED
    house.fleet.open_lanes = lanes
    house.delivery.tick()
    assert house.fleet.send_next() == "hello"
    assert [(one.modem, one.result) for one in row(house).tries] == [("m1", "sent")]


def test_a_modem_that_refused_does_not_stand_for_one_that_could_not_try(house: House) -> None:
    house.fleet.open_lanes = [Lane("m1", "One"), Lane("m2", "Two", stuck=True)]
    house.gateway.take(sms(), REST)
    _, job = house.fleet.take()
    job.begin()
    job.refused(NotSent("One did not take it"))
    second, job = house.fleet.take()
    house.fleet.open_lanes = [Lane("m1", "One")]
    job.returned(PortGone("Two is gone"))
    assert (second, row(house).state) == ("m2", State.QUEUED)
    house.fleet.open_lanes.append(Lane("m2", "Two"))
    house.delivery.tick()
    house.fleet.send_next()
    assert [(one.modem, one.result) for one in row(house).tries] == [("m1", "not_sent"), ("m2", "sent")]


def test_who_waits_is_told_why_no_modem_took_it(house: House) -> None:
    answer = house.gateway.handle(sms(), REST)
    _, job = house.fleet.take()
    house.fleet.open_lanes = []
    job.returned(PortGone("One is gone"))
    assert (result(answer).code, result(answer).error) == ("1000", "One is gone")


def test_a_message_that_was_handed_back_goes_to_another_modem_at_once(house: House) -> None:
    answer = house.gateway.handle(sms(), REST)
    _, job = house.fleet.take()
    house.fleet.open_lanes = [Lane("m2", "Two")]
    job.returned(NotSent("One: switched off"))
    house.fleet.send_next()
    assert result(answer).data["modem"] == "M2"
    assert [one.modem for one in row(house).tries] == ["m2"]


def test_a_service_that_stops_leaves_what_it_took_for_the_next_start(house: House, tmp_path: Path) -> None:
    for number in range(3):
        house.gateway.take(sms(str(number)), REST)
    house.fleet.open_lanes = []
    while house.fleet.jobs:
        _, job = house.fleet.take()
        job.returned(NotSent("One: switched off"))
    house.close()
    again = House(tmp_path, house.clock)
    recover(again.ledger, again.spool, again.intake, again.clock)
    assert [again.fleet.send_next() for _ in range(3)] == ["hello"] * 3
    assert [row(again, str(number)).state for number in range(3)] == [State.SENT] * 3


def test_what_was_taken_does_not_fail_because_queues_are_full(house: House) -> None:
    house.gateway.take(sms(), REST)
    _, job = house.fleet.take()
    house.fleet.refusing["m1"] = QueueFull("full")
    job.returned(NotSent("One: out of step"))
    assert row(house).state is State.QUEUED
    house.fleet.refusing.clear()
    house.delivery.tick()
    house.fleet.send_next()
    assert row(house).state is State.SENT


def test_a_stuck_modem_gives_a_message_to_one_that_is_free_and_that_is_no_try(house: House) -> None:
    answer = house.gateway.handle(sms(), REST)
    _, job = house.fleet.take()
    assert not job.elsewhere()  # nobody else is there: it stays
    house.fleet.open_lanes = [Lane("m1", "One", stuck=True), Lane("m2", "Two", stuck=True)]
    assert not job.elsewhere()
    house.fleet.open_lanes = [Lane("m1", "One"), Lane("m2", "Two", wait=1000.0)]
    assert not job.elsewhere()  # too late there
    assert house.fleet.jobs == []
    house.fleet.open_lanes = [Lane("m1", "One", stuck=True), Lane("m2", "Two")]
    assert job.elsewhere()
    house.fleet.send_next()
    assert result(answer).data["modem"] == "M2"
    assert [one.modem for one in row(house).tries] == ["m2"]


def test_a_message_that_names_its_modem_stays_with_it(house: House) -> None:
    house.gateway.handle(sms(via="m1"), REST)
    _, job = house.fleet.take()
    house.fleet.open_lanes = [Lane("m1", "One", stuck=True), Lane("m2", "Two")]
    assert not job.elsewhere()


def test_one_message_that_cannot_be_moved_on_costs_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fleet.open_lanes = []
    for number in range(3):
        house.gateway.take(sms(str(number)), REST)
    house.fleet.open_lanes = [Lane("m1", "One")]
    candidates, broken = house.delivery.router.candidates, iter([True])

    def once_broken(number: str, lanes: list[Lane]) -> object:
        if next(broken, False):
            raise RuntimeError("nobody foresaw this")
        return candidates(number, lanes)

    monkeypatch.setattr(house.delivery.router, "candidates", once_broken)
    house.delivery.tick()
    assert len(house.fleet.jobs) == 2
    assert (row(house, "0").state, row(house, "0").reason) == (State.FAILED, "not_sent")
