"""Which trouble of a broker is news: each once, and again after its connection was ended by us."""

from __future__ import annotations

import pytest

from app.brokers.status import Tally
from app.core.events import BrokerState, Event
from tests.house import HandClock

REFUSED = "nobody listens at 10.0.0.1 port 5672"


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def tally(heard: list[Event]) -> Tally:
    return Tally("amqp", heard.append, HandClock())


def test_the_same_trouble_is_told_once(tally: Tally, heard: list[Event]) -> None:
    tally.lost(REFUSED, was_open=False)
    tally.lost(REFUSED, was_open=False)
    assert heard == [BrokerState("amqp", False, REFUSED)]


def test_it_is_told_again_after_a_connection_that_was_made_anew_on_purpose(
    tally: Tally, heard: list[Event]
) -> None:
    tally.lost(REFUSED, was_open=False)
    tally.connected(paused=False)
    tally.left()  # it is time to refresh
    tally.lost(REFUSED, was_open=False)
    assert heard[-1] == BrokerState("amqp", False, REFUSED)


def test_it_is_told_again_after_its_owner_switched_it_off_and_on(tally: Tally, heard: list[Event]) -> None:
    tally.lost(REFUSED, was_open=False)
    tally.off()
    tally.lost(REFUSED, was_open=False)
    assert heard == [BrokerState("amqp", False, REFUSED)] * 2
