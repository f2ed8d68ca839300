"""MQTT: publish with the chosen QoS; the answer is awaited on a topic subscribed to before."""

import math
import secrets
from typing import Any

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown, LoginRefused, NotPublished
from ..options import Mqtt
from .base import missing, unique

try:
    from paho.mqtt import client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion
except ImportError as error:
    raise missing("paho-mqtt", "mqtt", error) from error

_PROTOCOLS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}
_REFUSED = {"Bad user name or password", "Not authorized", "Client identifier not valid"}


class MqttTransport:
    def __init__(self, options: Mqtt) -> None:
        self._options = options
        self.callback_delay = options.callback_delay
        self._context = options.trust.context() if options.ssl else None

    def reply_topic(self) -> str:
        return unique(self._options.topic, "/")

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        call = _Call(self._client(), deadline)
        try:
            call.connect(*self._options.address())
            if reply_to is not None:
                call.subscribe(reply_to, max(1, self._options.qos))
            call.publish(self._options.topic, payload, self._options.qos)
            return None if reply_to is None else call.answer()
        finally:
            call.close()

    def _client(self) -> Any:
        # MQTT 3.1 allows 23 signs for an id.
        client_id = f"{self._options.client_id[:14]}-{secrets.token_hex(4)}"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=_PROTOCOLS[self._options.protocol]
        )
        if self._options.username:
            client.username_pw_set(self._options.username, self._options.password)
        if self._context:
            client.tls_set_context(self._context)
        return client


class _Call:
    """One connection, driven by hand so that every wait ends at the one deadline."""

    def __init__(self, client: Any, deadline: Deadline) -> None:
        self._client = client
        self._deadline = deadline
        self._connected: Any = None
        self._granted: Any = None
        self._published: Any = None
        self._answer: str | None = None
        self._lost: Any = None
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    def connect(self, host: str, port: int) -> None:
        self._client.connect_timeout = self._deadline.to_connect()
        try:
            self._client.connect(host, port, keepalive=math.ceil(min(60.0, self._deadline.to_wait())))
        except (OSError, ValueError) as error:
            raise ConnectionFailed(f"cannot reach the MQTT broker at {host}:{port}: {error}") from error
        opening = Deadline(self._deadline.to_connect())
        self._run(opening, lambda: self._connected is not None)
        if self._connected is None:
            raise ConnectionFailed(
                f"the MQTT broker at {host}:{port} did not answer: {self._lost or 'timed out'}"
            )
        if self._connected.is_failure:
            kind = LoginRefused if str(self._connected) in _REFUSED else ConnectionFailed
            raise kind(f"the MQTT broker at {host}:{port} refused: {self._connected}")

    def subscribe(self, topic: str, qos: int) -> None:
        self._client.subscribe(topic, qos)
        self._run(self._deadline, lambda: self._granted is not None)
        if self._granted is None:
            raise NotPublished(
                f"the broker did not confirm that it listens for the answer: {self._lost or 'timed out'}"
            )
        if self._granted.is_failure:
            raise LoginRefused(f"the broker refused the answer topic: {self._granted}")

    def publish(self, topic: str, payload: str, qos: int) -> None:
        try:
            self._client.publish(topic, payload.encode(), qos=qos)
        except ValueError as error:  # a wildcard in it
            raise NotPublished(f"{topic!r} is not a topic to publish to") from error
        self._run(self._deadline, lambda: self._published is not None)
        if self._published is None:
            raise FateUnknown(f"the broker did not confirm the message: {self._lost or 'timed out'}")
        # Only version 5 says why; in 3.1.1 a message that is not allowed is confirmed and thrown away.
        if self._published.is_failure:
            raise LoginRefused(f"the broker refused the message: {self._published}")

    def answer(self) -> str:
        self._run(self._deadline, lambda: self._answer is not None)
        if self._answer is None:
            raise FateUnknown(f"no answer came before the deadline{f': {self._lost}' if self._lost else ''}")
        return self._answer

    def close(self) -> None:
        self._client.disconnect()
        # Lets the DISCONNECT packet out and closes the socket.
        self._run(Deadline(1.0), lambda: self._client.socket() is None)

    def _run(self, deadline: Deadline, done: Any) -> None:
        while not done() and not deadline.over and self._client.socket() is not None:
            self._client.loop(timeout=min(0.5, deadline.to_wait()))

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._connected = reason

    def _on_subscribe(
        self, client: Any, userdata: Any, mid: int, reasons: list[Any], properties: Any
    ) -> None:
        self._granted = reasons[0]

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        self._published = reason

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._answer = message.payload.decode(errors="replace")

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._lost = reason
