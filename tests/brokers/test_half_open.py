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
from tests.brokers.conftest import CI
from tests.brokers.network import BROKER, Cable, enter
from tests.brokers.servers import until
from tests.brokers.standalone import Heard, subscriber_of
from tests.brokers.ways import WAYS, options_for, unique
from tests.house import House

TIMEOUT = 3


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    if missing := Cable.missing():
        (pytest.fail if CI else pytest.skip)(missing)
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
            if missing := kind.missing():
                (pytest.fail if CI else pytest.skip)(missing)
            there = type(kind.__name__, (kind,), {"host": BROKER, "namespace": cable.far})
            running[kind] = there(tmp_path_factory.mktemp("far"), certificates)
            running[kind].start()
        return running[kind]

    yield server_of
    for server in running.values():
        server.close()


@pytest.mark.parametrize("name", ["amqp", "amqp1", "mqtt3", "mqtt5", "redis-channel", "redis-list",
                                  "redis-stream", "activemq", "stomp", "ws"])  # fmt: skip
def test_a_half_open_connection_is_noticed_and_made_again(
    name: str, cable: Cable, far: Callable[[str], Any], tmp_path: Path
) -> None:
    server = far(name)
    options = options_for(WAYS[name], server, unique("sms"), host=BROKER, timeout=TIMEOUT)
    house = House(tmp_path)
    heard: Heard = []
    subscriber = subscriber_within(cable.near, WAYS[name].section, house, heard)
    subscriber.start(options)
    try:
        until(lambda: subscriber.status.connected, "connected", 30)
        time.sleep(1.5)  # an idle connection, whose last word was acknowledged
        dropped = time.monotonic()
        cable.drop()
        try:
            until(lambda: not subscriber.status.connected, "noticed", 60)
            lost = next(at for at, event in heard if isinstance(event, BrokerState) and not event.connected)
            assert lost - dropped < LATEST[name], f"noticed after {lost - dropped:.1f} s"
            assert subscriber.status.last_error
            until(lambda: "no answer from" in subscriber.status.last_error, "shown in words", 20)
        finally:
            cable.mend()
        until(lambda: subscriber.status.connected, "connected again", TIMEOUT + 10)
    finally:
        subscriber.leave()
        assert subscriber.join(TIMEOUT + 10)
        house.close()


# The timeout, and half as much again for the beat that was just missed and for a busy machine.
LATEST = dict.fromkeys(WAYS, TIMEOUT * 1.5 + 2.0)


def subscriber_within(namespace: str, section: type, house: House, heard: Heard) -> Subscriber[Any]:
    """The house's own subscriber, but that its thread lives in a network namespace."""
    subscriber = subscriber_of(section, house, "half-open", heard)
    make, entered = subscriber.make, threading.local()

    def make_there(options: Any) -> Any:
        if not getattr(entered, "yes", False):
            enter(namespace)
            entered.yes = True
        return make(options)

    subscriber.make = make_there
    return subscriber
