"""Several devices on one queue: who has no usable modem leaves the messages to the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.errors import PortGone
from app.core.routing import Lane
from app.settings.subscribers import SubscriberMqtt
from tests.brokers.conftest import Case
from tests.brokers.servers import until
from tests.brokers.standalone import subscriber_of
from tests.brokers.ways import number, unique
from tests.house import House

SHARED = ["amqp", "amqp1", "redis-list", "redis-stream", "activemq", "stomp"]


def body(text: str) -> bytes:
    return json.dumps({"command": "send-sms", "data": {"receiver": number(), "message": text}}).encode()


def house_in(folder: Path) -> House:
    folder.mkdir()
    return House(folder)


@pytest.mark.parametrize("case", SHARED, indirect=True)
def test_what_a_device_holds_when_its_last_modem_goes_is_sent_by_another(case: Case, tmp_path: Path) -> None:
    poor, rich = house_in(tmp_path / "poor"), house_in(tmp_path / "rich")
    first = subscriber_of(case.way.section, poor, "poor")
    second = subscriber_of(case.way.section, rich, "rich")
    try:
        first.start(case.options)
        until(lambda: first.status.connected, "the first is connected", 30)
        texts = [f"no. {place}" for place in range(10)]
        for text in texts:
            case.peer.publish(case.topic, body(text))
        until(lambda: len(poor.fleet.jobs) == 4, "its two modems have four of them")
        poor.fleet.open_lanes.clear()
        until(lambda: first.status.paused, "it takes nothing more")
        while poor.fleet.jobs:
            _, job = poor.fleet.take()
            job.refused(PortGone("the modem is gone; nothing was sent"))
        second.start(case.options)
        sent = []
        while len(sent) < len(texts):
            until(lambda: rich.fleet.jobs != [], "the other device has the next one", 30)
            sent.append(rich.fleet.send_next())
        assert sorted(sent) == texts
        assert poor.fleet.jobs == [] and first.status.sent == 0

        # Nothing is left to give again, and the first takes messages when a modem is back.
        second.leave()
        assert second.join(20)
        assert rich.fleet.jobs == []
        poor.fleet.open_lanes.append(Lane("m1", "One"))
        until(lambda: not first.status.paused, "it takes messages again")
        case.peer.publish(case.topic, body("afterwards"))
        until(lambda: poor.fleet.jobs != [], "it has the next one", 30)
        assert poor.fleet.send_next() == "afterwards"
        until(lambda: first.status.sent == 1 and first.status.waiting == 0, "its outcome is told")
    finally:
        for one in (first, second):
            one.leave()
            assert one.join(20)
        poor.close()
        rich.close()


@pytest.mark.parametrize("case", [*SHARED, "mqtt3", "mqtt5"], indirect=True)
def test_a_device_without_a_usable_modem_is_given_nothing(case: Case, tmp_path: Path) -> None:
    poor, rich = house_in(tmp_path / "poor"), house_in(tmp_path / "rich")
    poor.fleet.open_lanes.clear()
    options = case.options
    if case.way.section is SubscriberMqtt:
        options = case.changed(topic=f"$share/{unique('gateways')}/{case.topic}")
    first = subscriber_of(case.way.section, poor, unique("poor"))
    second = subscriber_of(case.way.section, rich, unique("rich"))
    try:
        for one in (first, second):
            one.start(options)
            until(lambda one=one: one.status.connected, "both are connected", 30)  # type: ignore[misc]
        assert first.status.paused and not second.status.paused
        texts = [f"no. {place}" for place in range(10)]
        for text in texts:
            case.peer.publish(case.topic, body(text))
        sent = []
        while len(sent) < len(texts):
            until(lambda: rich.fleet.jobs != [], "the device with modems has the next one", 30)
            sent.append(rich.fleet.send_next())
        assert sorted(sent) == texts
        assert first.status.received == 0

        poor.fleet.open_lanes.append(Lane("m1", "One"))
        rich.fleet.open_lanes.clear()
        until(lambda: second.status.paused and not first.status.paused, "they have changed places")
        # A list or a stream may give the second one more, which it had asked for before; it gives that back.
        case.peer.publish(case.topic, body("afterwards"))
        until(lambda: poor.fleet.jobs != [], "the other one has it", 30)
        assert poor.fleet.send_next() == "afterwards"
    finally:
        for one in (first, second):
            one.leave()
            assert one.join(20)
        poor.close()
        rich.close()
