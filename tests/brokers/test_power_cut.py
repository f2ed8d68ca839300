"""The gateway is killed while 200 messages wait in a broker: afterwards each was sent exactly once.

It is killed while every modem has a message in hand, which nobody can take back: those are neither lost nor
sent again. Between the ledger's note and the modem's prompt lie a few milliseconds in which nobody can know
whether a modem took the message; what is caught there is answered as unknown and never sent twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.rig import Gateway, Simulators
from tests.brokers.conftest import Servers
from tests.brokers.peers import RedisPeer
from tests.brokers.servers import until
from tests.brokers.ways import WAYS, Way, options_for, unique

KEEPING = ["amqp", "amqp1", "mqtt3", "mqtt5", "redis-list", "redis-stream", "activemq", "stomp"]
MESSAGES = 200


@pytest.fixture
def modems() -> Iterator[Simulators]:
    # Long enough for a kill to find each modem between taking a message and confirming it.
    made = Simulators(4, delay_ms=400)
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
    name: str, servers: Servers, modems: Simulators, tmp_path: Path
) -> None:
    way = WAYS[name]
    server = servers.get(way.server)
    options = options_for(way, server, unique("sms"))
    ports = {f"m{n}": {"port": path} for n, path in enumerate(modems.paths, 1)}
    with Gateway(ports, tmp_path, log="INFO") as gateway:
        gateway.store.save(way.section, options)
        gateway.start(ready=False)
        until(lambda: connected(gateway), "queue, group or session exists", 60)
        gateway.stop()
        texts = [f"message {n}" for n in range(MESSAGES)]
        bodies = [
            json.dumps({"command": "send-sms", "data": {"receiver": "+628120000001", "message": text}})
            for text in texts
        ]
        publish_all(way, server, options.topic, [body.encode() for body in bodies])

        gateway.start(ready=False)
        until(lambda: len(arrived(modems)) >= 12, "the first dozen arrived", 60)
        until(lambda: each_has_one_in_hand(modems), "every modem has a message in hand")
        gateway.kill()
        assert len(arrived(modems)) < MESSAGES / 2
        modems.order("set", delay_ms=5)
        gateway.start(ready=False)
        until(lambda: len(set(arrived(modems))) == MESSAGES, f"all {MESSAGES} arrived", 90)
        until(lambda: settled(way, server, options.topic), "the broker has none left", 30)
        assert [text for text, times in Counter(arrived(modems)).items() if times != 1] == []


def connected(gateway: Gateway) -> bool:
    return ": connected" in gateway.log.read_text()


def arrived(modems: Simulators) -> list[str]:
    """Every text that reached the simulated handsets, as often as it did."""
    return [one["text"] for one in modems.order("inbox", limit=100_000)["messages"]]


def each_has_one_in_hand(modems: Simulators, names: Sequence[str] = ()) -> bool:
    """Whether every modem (or those named) has taken a message that is not on the air yet."""
    stats = modems.order("stats")["modems"]
    chosen = [stats[name] for name in names or stats]
    return all(one["bodies"] == one["parts"] + 1 for one in chosen)


def settled(way: Way, server: Any, topic: str) -> bool:
    """Whether nothing waits in Redis any more; the others do not tell a publisher."""
    peer = way.peer(server)
    if not isinstance(peer, RedisPeer):
        return True
    if peer.mode == "list":
        return not peer.client.llen(topic) and not peer.client.keys(f"{topic}:processing:*")
    return bool(peer.client.xpending(topic, "otp-pi")["pending"] == 0)
