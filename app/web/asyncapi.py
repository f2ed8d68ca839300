"""The AsyncAPI description of the brokers, made from the same commands and from each broker's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import GatewayError
from app.core.replies import SUCCESS
from app.settings.subscribers import Subscriber
from app.web import openapi

# By section: the protocol's name in AsyncAPI without TLS and with it, and how a message is answered.
PROTOCOLS = {
    "subscriber_amqp": ("amqp", "amqps"),
    "subscriber_redis": ("redis", "rediss"),
    "subscriber_mqtt": ("mqtt", "secure-mqtt"),
    "subscriber_activemq": ("stomp", "stomps"),
    "subscriber_stomp": ("stomp", "stomps"),
    "subscriber_ws": ("ws", "wss"),
}
CALLBACK = {
    "callback_topic": {"type": "string", "description": "Where the answer goes; without it, nowhere."},
    "callback_delay": {
        "type": ["integer", "string"], "default": 10, "description": "Milliseconds before it is, up to 60000."
    },
}  # fmt: skip


@dataclass(frozen=True)
class Broker:
    """One broker as pages and the document show it; no user name and no password."""

    section: str
    title: str
    on: bool
    protocol: str
    version: str
    host: str
    topic: str
    path: str = ""

    @property
    def kind(self) -> str:
        return self.section.removeprefix("subscriber_")

    @property
    def url(self) -> str:
        return f"{self.protocol}://{self.host}{self.path}"


def brokers(subscribers: Iterable[Subscriber]) -> list[Broker]:
    """Every broker there is, also those that are switched off."""
    return [_broker(one) for one in subscribers]


def _broker(one: Subscriber) -> Broker:
    name = one.about.name
    host = f"[{one.host}]" if ":" in one.host else one.host
    protocol = PROTOCOLS[name][one.ssl]
    version = str(getattr(one, "version", ""))
    if protocol.startswith("amqp") and version == "1.0":
        protocol = "amqp1"
    path = str(getattr(one, "path", "")).partition("?")[0]
    return Broker(name, one.about.title, one.enable, protocol, version, f"{host}:{one.port}", one.topic, path)


def document(found: Iterable[Broker]) -> dict[str, Any]:
    """AsyncAPI 3.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0: this device receives."""
    listed = list(found)
    names = list(openapi.commands())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OTP-Pi",
            "version": "1",
            "description": "One format on every broker; the command in the message decides. "
            "A message is acknowledged after its outcome is known.",
        },
        "defaultContentType": "application/json",
        "servers": {one.kind: _server(one) for one in listed},
        "channels": {key: value for one in listed for key, value in _channels(one, names).items()},
        "operations": {key: value for one in listed for key, value in _operations(one, names).items()},
        "components": {"messages": {**_messages(), "answer": _answer(), "delivery-report": _report()}},
    }


def _server(one: Broker) -> dict[str, Any]:
    made = {
        "host": one.host,
        "protocol": one.protocol,
        "title": one.title,
        "description": "in use" if one.on else "switched off",
    }
    if one.version:
        made["protocolVersion"] = one.version
    return made | ({"pathname": one.path} if one.path else {})


def _channels(one: Broker, names: Iterable[str]) -> dict[str, Any]:
    server = [{"$ref": f"#/servers/{one.kind}"}]
    taken: dict[str, Any] = {
        "address": one.topic,
        "title": f"{one.title}: commands",
        "servers": server,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if one.protocol in ("amqp", "amqps"):
        queue = {"name": one.topic, "exclusive": False, "autoDelete": False}
        taken["bindings"] = {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}}
    given = {
        "address": None,
        "title": f"{one.title}: answers",
        "description": "The callback_topic of the command names it.",
        "servers": server,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in ("answer", "delivery-report")
        },
    }
    return {f"{one.kind}-commands": taken, f"{one.kind}-answers": given}


def _operations(one: Broker, names: Iterable[str]) -> dict[str, Any]:
    commands, answers = f"#/channels/{one.kind}-commands", f"#/channels/{one.kind}-answers"
    take = {
        "action": "receive",
        "title": f"Take commands from {one.title}",
        "channel": {"$ref": commands},
        "messages": [{"$ref": f"{commands}/messages/{name}"} for name in names],
        "reply": {
            "address": {"location": "$message.payload#/callback_topic"},
            "channel": {"$ref": answers},
            "messages": [{"$ref": f"{answers}/messages/answer"}],
        },
    }
    report = {
        "action": "send",
        "title": f"Tell {one.title} of delivery",
        "description": "Once the network has reported on all parts of a message that asked for a report.",
        "channel": {"$ref": answers},
        "messages": [{"$ref": f"{answers}/messages/delivery-report"}],
    }
    return {one.kind: take, f"{one.kind}-reports": report}


def _messages() -> dict[str, Any]:
    return {name: _message(name, one) for name, one in openapi.commands().items()}


def _message(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    example = {"command": name, "data": one["example"], "callback_topic": "answers"}
    return {
        "name": name,
        "title": one["title"],
        "payload": {
            "type": "object",
            "required": ["command", "data"],
            "properties": {"command": {"const": name}, "data": one["schema"], **CALLBACK},
        },
        "examples": [{"payload": example}],
    }


def _answer() -> dict[str, Any]:
    return {"name": "answer", "title": "What came of a command", "payload": openapi.answer()}


def _report() -> dict[str, Any]:
    texts = ("id", "command", "modemID", "modem")
    data = {
        **{name: {"type": "string"} for name in texts},
        "parts": {"type": "integer"},
        "delivered": {"type": "integer", "description": "How many of the parts arrived."},
        "result": {"enum": ["delivered", "failed"]},
    }
    payload = {
        "type": "object",
        "required": ["command", "response_code", "data"],
        "properties": {
            "command": {"const": "delivery-report"},
            "response_code": {"enum": [SUCCESS, GatewayError.code]},
            "data": {"type": "object", "properties": data},
        },
    }
    return {"name": "delivery-report", "title": "What the network said of a message", "payload": payload}
