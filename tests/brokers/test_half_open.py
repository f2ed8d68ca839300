"""The network swallows every packet and tells nobody: noticed within the timeout, and recovered from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.brokers.base import Subscriber
from app.core.events import BrokerState
from tests.brokers.certificates import Certificates
from tests.brokers.network import BROKER, Cable, enter
from tests.brokers.servers import until
from tests.brokers.standalone import Heard, subscriber_of
from tests.brokers.ways import WAYS, options_for, unique
from tests.house import House
from tests.wanting import need

TIMEOUT = 3


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    need(Cable.missing())
    made = Cable()
    yield made
    made.close()


@pytest.fixture(scope="module")
def far(
    cable: Cable, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Brokers at the other end of the cable."""
    running: dict[type, Any] = {}

    def server_of(name: str) -> Any:
        kind = WAYS[name].server
        if kind not in running:
            need(kind.missing())
            there = type(kind.__name__, (kind,), {"host": BROKER, "namespace": cable.far})
            running[kind] = there(tmp_path_factory.mktemp("far"), certificates)
            running[kind].start()
        return running[kind]

    yield server_of
    for server in running.values():
        server.close()


WAYS_THERE = ["amqp", "amqp1", "mqtt3", "mqtt5", "redis-channel", "redis-list", "redis-stream", "activemq",
              "activemq-topic", "stomp", "ws"]  # fmt: skip
LATEST = TIMEOUT * 1.5 + 2.0  # the timeout, half as much for the beat that was just missed, a busy machine


def test_a_half_open_connection_is_noticed_and_made_again(
    cable: Cable, far: Callable[[str], Any], tmp_path: Path
) -> None:
    """All ways over one cable, which swallows every packet of them at the same moment."""
    house = House(tmp_path)
    heard: dict[str, Heard] = {name: [] for name in WAYS_THERE}
    ours: dict[str, Subscriber[Any]] = {}
    try:
        for name in WAYS_THERE:
            way = WAYS[name]
            options = options_for(way, far(name), unique("sms"), host=BROKER, timeout=TIMEOUT)
            ours[name] = subscriber_within(cable.near, f"half-open-{name}", way.section, house, heard[name])
            ours[name].start(options)
        for name, one in ours.items():
            until(lambda one=one: one.status.connected, f"{name} is connected", 60)  # type: ignore[misc]
        time.sleep(1.5)  # idle connections, whose last word was acknowledged
        dropped = time.monotonic()
        cable.drop()
        try:
            for name, one in ours.items():
                until(lambda one=one: not one.status.connected, f"{name} noticed", 60)  # type: ignore[misc]
                assert one.status.last_error
                until(lambda one=one: "no answer from" in one.status.last_error, f"{name} in words", 20)  # type: ignore[misc]
        finally:
            cable.mend()
        for name, one in ours.items():
            lost = next(
                at for at, event in heard[name] if isinstance(event, BrokerState) and not event.connected
            )
            assert lost - dropped < LATEST, f"{name} noticed after {lost - dropped:.1f} s"
            until(lambda one=one: one.status.connected, f"{name} is connected again", TIMEOUT + 10)  # type: ignore[misc]
    finally:
        for one in ours.values():
            one.leave()
        for one in ours.values():
            assert one.join(TIMEOUT + 10)
        house.close()


def subscriber_within(
    namespace: str, device: str, section: type, house: House, heard: Heard
) -> Subscriber[Any]:
    """The house's own subscriber, but that its thread lives in a network namespace."""
    subscriber = subscriber_of(section, house, device, heard)
    make, entered = subscriber.make, threading.local()

    def make_there(options: Any) -> Any:
        if not getattr(entered, "yes", False):
            enter(namespace)
            entered.yes = True
        return make(options)

    subscriber.make = make_there
    return subscriber
