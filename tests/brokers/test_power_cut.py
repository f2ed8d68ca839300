"""The gateway is killed while 200 messages wait in a broker: afterwards each was sent exactly once.

First it is killed while every modem has a message in hand, which nobody can take back; then twice more at
random moments under load. Between the ledger's note and the modem's prompt lie a few milliseconds in which
nobody can know whether a modem took the message: what is caught there, at most one a modem and kill, is on
record as unknown and never sent again. Every other message reaches its handset once.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.store.places import Places
from bench.rig import Gateway, Simulators
from tests.brokers.conftest import Servers
from tests.brokers.peers import RedisPeer
from tests.brokers.servers import until
from tests.brokers.ways import WAYS, Way, options_for, unique

KEEPING = ["amqp", "amqp1", "mqtt3", "mqtt5", "redis-list", "redis-stream", "activemq", "activemq-topic",
           "stomp"]  # fmt: skip
MESSAGES, MODEMS, RANDOM_KILLS = 200, 4, 2


@pytest.fixture
def modems() -> Iterator[Simulators]:
    # Long enough for a kill to find each modem between taking a message and confirming it.
    made = Simulators(MODEMS, delay_ms=400)
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
        # Without an id: nothing but the broker's own mark or name tells that a message is given again.
        receivers = [f"+6281200{place:06d}" for place in range(MESSAGES)]
        bodies = [
            json.dumps({"command": "send-sms", "data": {"receiver": receiver, "message": "One of many"}})
            for receiver in receivers
        ]
        publish_all(way, server, options.topic, [body.encode() for body in bodies])

        until(lambda: len(handsets(modems)) >= 12, "the first dozen arrived", 60)
        until(lambda: each_has_one_in_hand(modems), "every modem has a message in hand")
        gateway.kill()
        assert len(handsets(modems)) < MESSAGES / 2
        modems.order("set", delay_ms=40)
        for _ in range(RANDOM_KILLS):
            before = len(handsets(modems))
            gateway.start(ready=False)
            until(lambda least=before + 10: len(handsets(modems)) >= least, "messages flow again", 90)  # type: ignore[misc]
            time.sleep(random.uniform(0.0, 0.4))
            gateway.kill()
        assert len(set(handsets(modems))) < MESSAGES, "it was killed under load to the last"
        gateway.start(ready=False)
        until(
            lambda: set(receivers) == set(handsets(modems)) | unknown(gateway),
            f"all {MESSAGES} arrived or are on record as unknown",
            90,
        )
        until(lambda: settled(way, server, options.topic), "the broker has none left", 30)
        assert [one for one, times in Counter(handsets(modems)).items() if times != 1] == []
        missing = set(receivers) - set(handsets(modems))
        assert len(missing) <= RANDOM_KILLS * MODEMS, missing
        assert len(unknown(gateway)) <= (1 + RANDOM_KILLS) * MODEMS


def handsets(modems: Simulators) -> list[str]:
    """The number of every message that reached a simulated handset, as often as it did."""
    return [one["number"] for one in modems.order("inbox", limit=100_000)["messages"]]


def unknown(gateway: Gateway) -> set[str]:
    """Receivers of the messages that the ledger says may or may not have been sent."""
    with closing(sqlite3.connect(f"file:{Places(gateway.home).database}?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT receiver FROM message WHERE state = 'unknown'").fetchall()
    return {f"+{receiver}" for (receiver,) in rows}


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
