"""SIGKILL for each broker, with every way to it open: found again soon after it is back, by few attempts."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from app.core.events import BrokerState
from tests.brokers.conftest import Servers
from tests.brokers.servers import (
    ActiveMq,
    Mosquitto,
    RabbitMq,
    Redis,
    Server,
    WebSocketBroker,
    listens,
    until,
)
from tests.brokers.standalone import Heard, subscriber_of
from tests.brokers.ways import WAYS, options_for, unique
from tests.house import House

DELAY = 2  # seconds between two attempts
SLACK = 2.0  # seconds that connecting may take beyond the delay


class Watcher:
    """Notes when somebody listens at a port again."""

    def __init__(self, port: int) -> None:
        self.answered: float | None = None
        self._port = port
        threading.Thread(target=self._look, name="watcher", daemon=True).start()

    def _look(self) -> None:
        until_ = time.monotonic() + 120
        while self.answered is None and time.monotonic() < until_:
            if listens(self._port):
                self.answered = time.monotonic()
            time.sleep(0.02)


@pytest.mark.parametrize("kind", [RabbitMq, Redis, Mosquitto, ActiveMq, WebSocketBroker])
def test_a_killed_broker_is_found_again_within_the_delay_and_two_seconds(
    kind: type[Server], servers: Servers, tmp_path: Path
) -> None:
    server = servers.get(kind)
    names = [name for name, way in WAYS.items() if way.server is kind]
    house = House(tmp_path)
    heard: dict[str, Heard] = {name: [] for name in names}
    options = {name: options_for(WAYS[name], server, unique("sms"), reconnect_delay=DELAY) for name in names}
    ours = {name: subscriber_of(WAYS[name].section, house, f"killed-{name}", heard[name]) for name in names}
    try:
        for name in names:
            ours[name].start(options[name])
        for name in names:
            until(lambda one=ours[name]: one.status.connected, f"{name} is connected", 30)  # type: ignore[misc]
        threads = threading.active_count()
        killed = time.monotonic()
        server.kill()
        for name in names:
            until(lambda one=ours[name]: not one.status.connected, f"{name} noticed the loss", 15)  # type: ignore[misc]
            assert ours[name].status.last_error
        before = {name: ours[name].status.attempts for name in names}
        watchers = {name: Watcher(WAYS[name].port(server)) for name in names}
        server.start()
        for name in names:
            until(lambda one=ours[name]: one.status.connected, f"{name} is connected again", 30)  # type: ignore[misc]
        for name in names:
            answered = watchers[name].answered
            connected = [
                at for at, event in heard[name] if isinstance(event, BrokerState) and event.connected
            ]
            assert answered is not None
            late = connected[-1] - answered
            assert late <= DELAY + SLACK, f"{name}: {late:.1f} s after its port answered"
            away = connected[-1] - killed
            attempts = ours[name].status.attempts - before[name]
            assert attempts <= away / (0.8 * DELAY) + 2, f"{name}: {attempts} attempts in {away:.1f} s"
        until(lambda: threading.active_count() <= threads, "no thread is left behind")
        for name in names:
            peer = WAYS[name].peer(server)
            assert (
                peer.ask(options[name].topic, {"command": "echo"}, unique("answer"))["response_code"]
                == "0000"
            )
    finally:
        for one in ours.values():
            one.leave()
        for one in ours.values():
            assert one.join(20)
        house.close()
