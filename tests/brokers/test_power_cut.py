"""The gateway is killed while 200 messages wait in a broker: afterwards each was sent exactly once.

It is killed while every modem has a message in hand, which nobody can take back: those are neither lost nor
sent again. Between the ledger's note and the modem's prompt lie a few milliseconds in which nobody can know
whether a modem took the message; what is caught there is answered as unknown and never sent twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.conftest import WAYS, Servers, Way, options_for, unique
from tests.brokers.gateway import GatewayProcess, Modems
from tests.brokers.peers import RedisPeer
from tests.brokers.servers import until

KEEPING = ["amqp", "amqp1", "mqtt3", "mqtt5", "redis-list", "redis-stream", "activemq", "stomp"]
MESSAGES = 200


@pytest.fixture
def modems(tmp_path: Path) -> Iterator[Modems]:
    # Long enough for a kill to find each modem between taking a message and confirming it.
    made = Modems(tmp_path / "ports", 4, delay_ms=400)
    yield made
    made.close()


def publish_all(way: Way, server: Any, topic: str, bodies: list[bytes]) -> None:
    peer = way.peer(server)
    if isinstance(peer, RedisPeer):
        for body in bodies:
            peer.publish(topic, body)
    else:
        peer.publish_many(topic, bodies)


@pytest.mark.parametrize("name", KEEPING)
def test_every_waiting_message_is_sent_exactly_once(
    name: str, servers: Servers, modems: Modems, tmp_path: Path
) -> None:
    way = WAYS[name]
    server = servers.get(way.server)
    options = options_for(way, server, unique("sms"))
    door = way.section.about.name.removeprefix("subscriber_")
    gateway = GatewayProcess(tmp_path / "home", [options], modems.paths)
    try:
        gateway.start()
        gateway.await_connected(door)  # queue, group or session exists now
        gateway.stop()
        texts = [f"message {n}" for n in range(MESSAGES)]
        bodies = [
            json.dumps({"command": "send-sms", "data": {"receiver": "+628120000001", "message": text}})
            for text in texts
        ]
        publish_all(way, server, options.topic, [body.encode() for body in bodies])

        gateway.start()
        until(lambda: len(modems.texts()) >= 12, "the first dozen arrived", 60)
        until(modems.each_has_one_in_hand, "every modem has a message in hand")
        gateway.kill()
        assert len(modems.texts()) < MESSAGES / 2
        modems.tell(do="set", delay_ms=5)
        gateway.start()
        until(lambda: len(set(modems.texts())) == MESSAGES, f"all {MESSAGES} arrived", 90)
        until(lambda: settled(way, server, options.topic), "the broker has none left", 30)
        assert [text for text, times in Counter(modems.texts()).items() if times != 1] == []
    finally:
        gateway.kill()


def settled(way: Way, server: Any, topic: str) -> bool:
    """Whether nothing waits in Redis any more; the others do not tell a publisher."""
    peer = way.peer(server)
    if not isinstance(peer, RedisPeer):
        return True
    if peer.mode == "list":
        return not peer.client.llen(topic) and not peer.client.keys(f"{topic}:processing:*")
    return bool(peer.client.xpending(topic, "otp-pi")["pending"] == 0)
