"""An application server's side of each broker: publishes messages and hears the answers."""

from __future__ import annotations

import base64
import json
import queue
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pika
import redis
import websocket
from proton import Message
from proton.utils import BlockingConnection

from tests.brokers.servers import PASSWORD, USER

PATIENCE = 20.0  # seconds for an answer on a busy machine


class Peer(ABC):
    """``publish`` sends a message; ``ask`` sends one that wants an answer, and gives the answer."""

    def __init__(self, port: int) -> None:
        self.port = port

    @abstractmethod
    def publish(self, topic: str, body: bytes) -> None: ...

    @abstractmethod
    def stream(self, topic: str) -> Callable[[bytes], Any]:
        """A connection kept open: each call publishes one message, as fast as the library can."""

    @abstractmethod
    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes: ...

    def send(self, topic: str, message: dict[str, Any]) -> None:
        self.publish(topic, json.dumps(message).encode())

    def ask(self, topic: str, message: dict[str, Any], reply_topic: str) -> Any:
        whole = {**message, "callback_topic": reply_topic, "callback_delay": "20"}
        return json.loads(self.ask_raw(topic, json.dumps(whole).encode(), reply_topic))


class AmqpPeer(Peer):
    def _open(self) -> pika.BlockingConnection:
        login = pika.PlainCredentials(USER, PASSWORD)
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port, "/", login))

    def publish(self, topic: str, body: bytes) -> None:
        connection = self._open()
        channel = connection.channel()
        channel.queue_declare(topic, passive=True)
        channel.basic_publish("", topic, body)
        connection.close()

    def stream(self, topic: str) -> Callable[[bytes], Any]:
        channel = self._open().channel()
        return lambda body: channel.basic_publish("", topic, body)

    def publish_many(self, topic: str, bodies: list[bytes]) -> None:
        connection = self._open()
        channel = connection.channel()
        for body in bodies:
            channel.basic_publish("", topic, body, pika.BasicProperties(delivery_mode=2))
        connection.close()

    def waiting(self, topic: str) -> int:
        """Messages of a queue that nobody has been given."""
        connection = self._open()
        count: int = connection.channel().queue_declare(topic, passive=True).method.message_count
        connection.close()
        return count

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        connection = self._open()
        channel = connection.channel()
        channel.queue_declare(reply_topic, durable=True)
        channel.basic_publish("", topic, body)
        try:
            return _amqp_answer(channel, reply_topic)
        finally:
            channel.queue_delete(reply_topic)
            connection.close()


def _amqp_answer(channel: Any, topic: str) -> bytes:
    for method, properties, body in channel.consume(topic, auto_ack=True, inactivity_timeout=PATIENCE):
        assert method is not None, f"no answer on {topic}"
        assert properties.content_type == "application/json"
        return bytes(body)
    raise AssertionError("the consumer was cancelled")


class Amqp1Peer(AmqpPeer):
    """Publishes by AMQP 1.0; answers are read by 0-9-1, which can delete their queue."""

    def publish(self, topic: str, body: bytes) -> None:
        connection = BlockingConnection(
            f"amqp://127.0.0.1:{self.port}", user=USER, password=PASSWORD, allowed_mechs="PLAIN"
        )
        sender = connection.create_sender(f"/amq/queue/{topic}")
        sender.send(Message(body=body.decode()))
        connection.close()

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        connection = self._open()
        channel = connection.channel()
        channel.queue_declare(reply_topic, durable=True)
        self.publish(topic, body)
        try:
            return _amqp_answer(channel, reply_topic)
        finally:
            channel.queue_delete(reply_topic)
            connection.close()


class MqttPeer(Peer):
    def stream(self, topic: str) -> Callable[[bytes], Any]:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return lambda body: client.publish(topic, body, 1)

    def publish(self, topic: str, body: bytes) -> None:
        self.publish_many(topic, [body])

    def publish_many(self, topic: str, bodies: list[bytes], qos: int = 1) -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        sent = [client.publish(topic, body, qos) for body in bodies]
        for one in sent:
            one.wait_for_publish(PATIENCE)
        client.disconnect()
        client.loop_stop()

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        heard: queue.Queue[bytes] = queue.Queue()
        ready = threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_message = lambda client, data, message: heard.put(message.payload)
        client.on_subscribe = lambda *rest: ready.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.subscribe(reply_topic, 1)
        assert ready.wait(PATIENCE)
        client.publish(topic, body, 1)
        try:
            return heard.get(timeout=PATIENCE)
        finally:
            client.disconnect()
            client.loop_stop()


class RedisPeer(Peer):
    def __init__(self, port: int, mode: str) -> None:
        super().__init__(port)
        self.mode = mode
        self.client = redis.Redis(
            port=port, username=USER, password=PASSWORD, socket_timeout=PATIENCE + 5, protocol=2
        )

    def stream(self, topic: str) -> Callable[[bytes], Any]:
        return lambda body: self.publish(topic, body)

    def publish(self, topic: str, body: bytes) -> None:
        match self.mode:
            case "channel":
                self.client.publish(topic, body)
            case "list":
                self.client.lpush(topic, body)
            case "stream":
                self.client.xadd(topic, {"message": body})

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        if self.mode == "channel":
            hearing = self.client.pubsub()
            hearing.subscribe(reply_topic)
            assert hearing.get_message(timeout=PATIENCE)
            self.publish(topic, body)
            answer = hearing.get_message(timeout=PATIENCE)
            hearing.close()
            assert answer, f"no answer on {reply_topic}"
            return bytes(answer["data"])
        self.publish(topic, body)
        if self.mode == "list":
            popped = self.client.brpop([reply_topic], timeout=PATIENCE)
            assert popped, f"no answer on {reply_topic}"
            return bytes(popped[1])
        read = self.client.xread({reply_topic: "0"}, block=int(PATIENCE * 1000), count=1)
        assert read, f"no answer on {reply_topic}"
        self.client.delete(reply_topic)
        return bytes(read[0][1][0][1][b"message"])


class StompPeer(Peer):
    """Frames written by hand over a plain socket."""

    def __init__(self, port: int, kind: str = "queue") -> None:
        super().__init__(port)
        self.kind = kind

    def _open(self) -> StompWire:
        return StompWire(self.port)

    def stream(self, topic: str) -> Callable[[bytes], Any]:
        wire = self._open()
        return lambda body: wire.frame("SEND", {"destination": f"/{self.kind}/{topic}"}, body)

    def publish(self, topic: str, body: bytes) -> None:
        self.publish_many(topic, [body])

    def publish_many(self, topic: str, bodies: list[bytes]) -> None:
        wire = self._open()
        for body in bodies:
            wire.frame("SEND", {"destination": f"/{self.kind}/{topic}", "persistent": "true"}, body)
        wire.receipt()
        wire.close()

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        wire = self._open()
        wire.frame("SUBSCRIBE", {"id": "0", "destination": f"/queue/{reply_topic}", "ack": "auto"})
        wire.receipt()
        wire.frame("SEND", {"destination": f"/{self.kind}/{topic}"}, body)
        try:
            return wire.await_frame("MESSAGE").partition(b"\n\n")[2]
        finally:
            wire.close()


class StompWire:
    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.sock.settimeout(PATIENCE)
        self.held = b""
        self.frame("CONNECT", {"accept-version": "1.2", "host": "/", "login": USER, "passcode": PASSWORD})
        self.await_frame("CONNECTED")

    def frame(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        head = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self.sock.sendall(f"{command}\n{head}\n".encode() + body + b"\0")

    def await_frame(self, command: str) -> bytes:
        while True:
            while b"\0" not in self.held:
                octets = self.sock.recv(65536)
                assert octets, "the broker closed the connection"
                self.held += octets
            frame, _, self.held = self.held.partition(b"\0")
            frame = frame.lstrip(b"\n").replace(b"\r\n", b"\n")
            assert not frame.startswith(b"ERROR"), frame
            if frame.startswith(command.encode()):
                return frame

    def receipt(self) -> None:
        """Wait until everything before this was taken."""
        self.frame("SEND", {"destination": "/queue/nowhere", "receipt": "all"}, b"x")
        self.await_frame("RECEIPT")

    def close(self) -> None:
        self.sock.sendall(b"DISCONNECT\n\n\0")
        self.sock.close()


class WsPeer(Peer):
    def stream(self, topic: str) -> Callable[[bytes], Any]:
        connection = self.connect(topic)
        return lambda body: connection.send(body.decode())

    def connect(self, topic: str) -> websocket.WebSocket:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/ws?topic={topic}",
            header=[f"Authorization: Basic {login}"],
            timeout=PATIENCE,
        )

    def publish(self, topic: str, body: bytes) -> None:
        connection = self.connect(topic)
        connection.send(body.decode())
        connection.close()

    def ask_raw(self, topic: str, body: bytes, reply_topic: str) -> bytes:
        hearing = self.connect(reply_topic)
        self.publish(topic, body)
        try:
            return str(hearing.recv()).encode()
        finally:
            hearing.close()
