"""A connection lost while a message is at the modem: given again by the broker, sent once, answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.routing import Lane
from tests.brokers.conftest import Case
from tests.brokers.relay import Relay
from tests.brokers.servers import until
from tests.brokers.standalone import subscriber_of
from tests.brokers.ways import WAYS, number, unique
from tests.house import House

KEEPING = [name for name, way in WAYS.items() if way.keeps]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize("case", KEEPING, indirect=True)
def test_a_message_in_a_modems_hands_when_the_connection_is_lost_is_sent_once(
    case: Case, house: House
) -> None:
    relay = Relay(case.options.port)
    subscriber = subscriber_of(case.way.section, house)
    subscriber.start(case.changed(port=relay.port))
    try:
        until(lambda: subscriber.status.connected, "connected", 30)
        # No id: only the broker's own mark of redelivery tells the repeat from a second message.
        message = {"command": "send-sms", "data": {"receiver": number(), "message": "Once"}}
        answer = unique("answer")
        whole = {**message, "callback_topic": answer}
        case.peer.publish(case.topic, json.dumps(whole).encode())
        until(lambda: len(house.fleet.jobs) == 1, "a modem has it")
        relay.cut()
        until(lambda: subscriber.status.attempts >= 2 and subscriber.status.connected, "connected again")
        until(lambda: subscriber.status.received >= 2, "given again")
        house.fleet.send_next()
        until(lambda: subscriber.status.sent == 1 and subscriber.status.waiting == 0, "its outcome is told")
        assert house.fleet.jobs == []
        # Acknowledged: it is not given a third time.
        relay.cut()
        until(lambda: subscriber.status.attempts >= 3 and subscriber.status.connected, "connected again")
        case.peer.send(case.topic, {"command": "echo"})
        until(lambda: subscriber.status.sent >= 2, "the next message is handled")
        assert house.fleet.jobs == []
    finally:
        subscriber.leave()
        assert subscriber.join(20)
        relay.close()
        house.close()


@pytest.mark.parametrize("case", ["amqp", "amqp1", "redis-list", "redis-stream"], indirect=True)
def test_no_more_messages_are_taken_than_twice_the_usable_modems(case: Case, house: House) -> None:
    subscriber = subscriber_of(case.way.section, house)
    subscriber.start(case.options)
    try:
        until(lambda: subscriber.status.connected, "connected", 30)
        for place in range(20):
            message = {"command": "send-sms", "data": {"receiver": number(), "message": f"No. {place}"}}
            case.peer.send(case.topic, message)
        until(lambda: len(house.fleet.jobs) == 4, "two modems have four messages")
        assert subscriber.status.received == 4
        house.fleet.open_lanes.append(Lane("m3", "Three"))
        until(lambda: len(house.fleet.jobs) == 6, "a third modem brings two more")
        house.fleet.open_lanes.clear()
        house.fleet.open_lanes.append(Lane("m1", "One"))
        for _ in range(20):
            until(lambda: len(house.fleet.jobs) > 0, "there is a next one")
            house.fleet.send_next()
        until(lambda: subscriber.status.sent == 20, "all were sent")
    finally:
        subscriber.leave()
        assert subscriber.join(20)
        house.close()
