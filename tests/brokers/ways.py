"""The ways messages can come in: a server, a section with its options, and the application's side of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.settings.subscribers import Subscriber as Options
from app.settings.subscribers import (
    SubscriberActivemq,
    SubscriberAmqp,
    SubscriberMqtt,
    SubscriberRedis,
    SubscriberStomp,
    SubscriberWs,
)
from tests.brokers.peers import Amqp1Peer, AmqpPeer, MqttPeer, Peer, RedisPeer, StompPeer, WsPeer
from tests.brokers.servers import (
    PASSWORD,
    USER,
    ActiveMq,
    Mosquitto,
    RabbitMq,
    Redis,
    Server,
    WebSocketBroker,
)

LOGIN = {"username": USER, "password": PASSWORD}


@dataclass(frozen=True)
class Way:
    """One way in: which server, which section, which options, and the application's side of it.

    keeps: whether what is published while the gateway is away waits for it.
    """

    server: type[Server]
    section: type[Options]
    options: dict[str, Any]
    peer: Callable[[Any], Peer]
    port: Callable[[Any], int] = lambda server: server.port
    keeps: bool = True


WAYS: dict[str, Way] = {
    "amqp": Way(RabbitMq, SubscriberAmqp, LOGIN, lambda server: AmqpPeer(server.port)),
    "amqp1": Way(
        RabbitMq, SubscriberAmqp, {**LOGIN, "version": "1.0"}, lambda server: Amqp1Peer(server.port)
    ),
    "mqtt3": Way(Mosquitto, SubscriberMqtt, {}, lambda server: MqttPeer(server.port)),
    "mqtt5": Way(Mosquitto, SubscriberMqtt, {"protocol": "5"}, lambda server: MqttPeer(server.port)),
    "mqtt-qos0": Way(
        Mosquitto, SubscriberMqtt, {"qos": 0}, lambda server: MqttPeer(server.port), keeps=False
    ),
    "mqtt-qos2": Way(Mosquitto, SubscriberMqtt, {"qos": 2}, lambda server: MqttPeer(server.port)),
    "redis-channel": Way(
        Redis, SubscriberRedis, LOGIN, lambda server: RedisPeer(server.port, "channel"), keeps=False
    ),
    "redis-list": Way(
        Redis, SubscriberRedis, {**LOGIN, "mode": "list"}, lambda server: RedisPeer(server.port, "list")
    ),
    "redis-stream": Way(
        Redis, SubscriberRedis, {**LOGIN, "mode": "stream"}, lambda server: RedisPeer(server.port, "stream")
    ),
    "activemq": Way(ActiveMq, SubscriberActivemq, LOGIN, lambda server: StompPeer(server.port)),
    "activemq-topic": Way(
        ActiveMq,
        SubscriberActivemq,
        {**LOGIN, "destination": "topic"},
        lambda server: StompPeer(server.port, "topic"),
    ),
    "stomp": Way(
        RabbitMq,
        SubscriberStomp,
        {**LOGIN, "virtual_host": "/"},
        lambda server: StompPeer(server.stomp_port),
        lambda server: server.stomp_port,
    ),
    "ws": Way(WebSocketBroker, SubscriberWs, LOGIN, lambda server: WsPeer(server.port), keeps=False),
}


def options_for(way: Way, server: Any, topic: str, **more: Any) -> Options:
    fields = {"enable": True, "port": way.port(server), "topic": topic, "timeout": 5, "reconnect_delay": 1}
    return way.section(**{**fields, **way.options, **more})


_taken = iter(range(10**9))


def unique(word: str) -> str:
    """A name no other test has."""
    return f"{word}-{os.getpid()}-{next(_taken)}"


def number() -> str:
    """A telephone number no other test has."""
    return f"+62812{next(_taken):08d}"
