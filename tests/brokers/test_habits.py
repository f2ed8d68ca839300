"""What existing publishers do, octet by octet (wire §5): they keep working unchanged."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct

import pytest

from app.brokers.link import Unpublishable
from app.core.clock import SystemClock
from tests.brokers.conftest import Case
from tests.brokers.servers import PASSWORD, USER, until
from tests.brokers.ways import WAYS, number, unique

SMS = b'{"command":"send-sms","data":{"receiver":"%s","message":"Caf\\u00e9 \\/ %s"}}'


def only(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [name], indirect=True)


class Amqp:
    """AMQP 0-9-1 frames written by hand: header, StartOk with AMQPLAIN, and what follows."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.sendall(b"AMQP\x00\x00\x09\x01")
        self.method(10, 10)
        # AMQPLAIN: the login is a table without its length (PHP's clients choose it first).
        login = table({"LOGIN": USER, "PASSWORD": PASSWORD})[4:]
        start_ok = table({}) + short("AMQPLAIN") + struct.pack(">I", len(login)) + login + short("en_US")
        self.send(0, 10, 11, start_ok)
        tune = self.method(10, 30)
        self.send(0, 10, 31, tune[:6] + b"\x00\x00")
        self.send(0, 10, 40, short("/") + short("") + b"\x00")
        self.method(10, 41)
        self.send(1, 20, 10, short(""))
        self.method(20, 11)

    def send(self, channel: int, kind: int, method: int, arguments: bytes) -> None:
        self.frame(1, channel, struct.pack(">HH", kind, method) + arguments)

    def frame(self, kind: int, channel: int, payload: bytes) -> None:
        self.sock.sendall(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")

    def read(self) -> tuple[int, bytes]:
        kind, _, length = struct.unpack(">BHI", self.exactly(7))
        payload = self.exactly(length)
        assert self.exactly(1) == b"\xce"
        return kind, payload

    def method(self, kind: int, method: int) -> bytes:
        frame, payload = self.read()
        assert (frame, payload[:4]) == (1, struct.pack(">HH", kind, method)), payload
        return payload[4:]

    def exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.sock.recv(count - len(octets))
            assert more, "the broker closed the connection"
            octets += more
        return octets

    def declare(self, queue: str, flags: int) -> None:
        self.send(1, 50, 10, b"\x00\x00" + short(queue) + bytes([flags]) + table({}))
        self.method(50, 11)

    def publish(self, queue: str, body: bytes) -> None:
        """Without any property: transient, and of no content type."""
        self.send(1, 60, 40, b"\x00\x00" + short("") + short(queue) + b"\x00")
        self.frame(2, 1, struct.pack(">HHQH", 60, 0, len(body), 0))
        self.frame(3, 1, body)


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def table(fields: dict[str, str]) -> bytes:
    rows = b"".join(
        short(k) + b"S" + struct.pack(">I", len(v.encode())) + v.encode() for k, v in fields.items()
    )
    return struct.pack(">I", len(rows)) + rows


@only("amqp")
def test_amqp_passive_declare_and_a_message_without_properties(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    publisher = Amqp(case.options.port)
    publisher.declare(case.topic, 0b00001)  # passive: fails unless the gateway made the queue
    publisher.publish(case.topic, SMS % (receiver.encode(), b"amqp"))
    case.device.await_text(receiver, "Café / amqp")


@only("amqp")
def test_amqp_a_reply_queue_that_is_listened_to_for_a_moment(case: Case) -> None:
    case.device.take_from(case.options)
    reply = unique("reply")
    publisher = Amqp(case.options.port)
    publisher.publish(
        case.topic, b'{"command":"echo","callback_topic":"%s","callback_delay":"50"}' % reply.encode()
    )
    asker = Amqp(case.options.port)
    asker.declare(reply, 0b00010)  # durable and without arguments, as the gateway declares it too
    asker.send(1, 60, 20, b"\x00\x00" + short(reply) + short("") + b"\x02" + table({}))
    asker.method(60, 21)
    asker.method(60, 60)
    kind, header = asker.read()
    assert kind == 2 and b"application/json" in header
    kind, body = asker.read()
    assert kind == 3 and body.startswith(b'{"command":"echo","response_code":"0000"')


@only("amqp")
def test_amqp_a_reply_queue_declared_otherwise_is_used_as_it_is(case: Case) -> None:
    case.device.take_from(case.options)
    reply = unique("reply")
    asker = Amqp(case.options.port)
    asker.declare(reply, 0b01000)  # auto-delete
    asker.send(1, 60, 20, b"\x00\x00" + short(reply) + short("") + b"\x02" + table({}))
    asker.method(60, 21)
    asker.publish(case.topic, b'{"command":"echo","callback_topic":"%s"}' % reply.encode())
    asker.method(60, 60)


@only("mqtt3")
def test_mqtt_3_1_anonymous_qos_0_and_no_disconnect(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    body = SMS % (receiver.encode(), b"mqtt")
    with socket.create_connection(("127.0.0.1", case.options.port), 10) as sock:
        # CONNECT of 3.1: protocol name MQIsdp, level 3, clean session, keep-alive 10, client id "php".
        sock.sendall(b"\x10\x11\x00\x06MQIsdp\x03\x02\x00\x0a\x00\x03php")
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        topic = case.topic.encode()
        rest = struct.pack(">H", len(topic)) + topic + body
        assert len(rest) < 16384
        sock.sendall(b"\x30" + bytes([len(rest) % 128 | 0x80, len(rest) // 128]) + rest)
    case.device.await_text(receiver, "Café / mqtt")


@only("redis-channel")
def test_redis_publish_in_the_inline_form_without_a_login(case: Case) -> None:
    case.device.take_from(case.changed(username="", password=""))
    receiver = number()
    body = SMS % (receiver.encode(), b"redis")
    with socket.create_connection(("127.0.0.1", case.options.port), 10) as sock:
        topic = case.topic.encode()
        sock.sendall(
            b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(topic), topic, len(body), body)
        )
        assert sock.recv(64) == b":1\r\n"
    case.device.await_text(receiver, "Café / redis")


@only("amqp1")
def test_amqp1_nothing_stays_of_an_answer_that_was_published(case: Case) -> None:
    """Some kilobytes each would fill the memory in days."""
    from app.brokers.amqp1 import Amqp1Link

    link = Amqp1Link(case.options, "habits", SystemClock())  # type: ignore[arg-type]
    link.open()
    for _ in range(5):
        link.publish(unique("answers"), b"{}")
    with contextlib.suppress(Unpublishable):
        link.publish("/no/such/address", b"{}")

    def sessions() -> int:
        link.turn(0.1, 0)
        found, one = 0, link._connection.session_head(0)
        while one is not None:
            found, one = found + 1, one.next(0)
        return found

    until(lambda: sessions() == 1, "only the one that messages come by is left")
    link.close()


@pytest.mark.parametrize("case", ["redis-list", "redis-stream"], indirect=True)
def test_redis_an_answer_nobody_waits_for_any_more_goes_by_itself(case: Case) -> None:
    case.device.take_from(case.options)
    client = case.peer.client  # type: ignore[attr-defined]
    one_call, somebodys = f"{case.topic}.reply.{secrets.token_hex(12)}", unique("answers")
    for topic in (one_call, somebodys):
        case.peer.send(case.topic, {"command": "echo", "callback_topic": topic})
    until(lambda: client.exists(one_call, somebodys) == 2, "both were answered")
    assert 3000 < client.ttl(one_call) <= 3600
    assert client.ttl(somebodys) == -1, "its reader comes when it likes"
    client.delete(somebodys)


@only("ws")
def test_websocket_one_masked_frame_and_the_connection_dropped(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    body = SMS % (receiver.encode(), b"ws")
    sock = socket.create_connection(("127.0.0.1", case.options.port), 10)
    sock.sendall(
        b"GET /ws?topic=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: Basic Z2F0ZXdheTpwYXNzOndvcmQ=\r\n\r\n" % case.topic.encode()
    )
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in sock.recv(4096)  # RFC 6455 §1.3
    mask = b"\x01\x02\x03\x04"
    length = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
    masked = bytes(octet ^ mask[place % 4] for place, octet in enumerate(body))
    sock.sendall(b"\x81" + length + mask + masked)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # dropped: RST, no close
    sock.close()
    case.device.await_text(receiver, "Café / ws")


@only("ws")
def test_websocket_the_query_of_the_path_is_kept_and_the_parameter_may_be_channel(case: Case) -> None:
    case.device.take_from(case.changed(path="/any/where?room=1", topic_parameter="channel"))
    receiver = number()
    case.peer.send(case.topic, {"command": "send-sms", "data": {"receiver": receiver, "message": "There"}})
    case.device.await_text(receiver, "There")


@pytest.mark.parametrize("case", ["activemq", "stomp"], indirect=True)
def test_stomp_1_0_without_a_content_length(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    with socket.create_connection(("127.0.0.1", case.options.port), 10) as sock:
        sock.sendall(b"CONNECT\nlogin:%s\npasscode:%s\n\n\0" % (USER.encode(), PASSWORD.encode()))
        assert sock.recv(4096).startswith(b"CONNECTED")
        body = SMS % (receiver.encode(), b"stomp")
        sock.sendall(b"SEND\ndestination:/queue/%s\n\n%s\0" % (case.topic.encode(), body))
        case.device.await_text(receiver, "Café / stomp")


@pytest.mark.parametrize("case", WAYS, indirect=True)
def test_strings_for_numbers_and_a_trailing_comma(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    reply = unique("reply")
    body = (
        b'{"command":"send-sms","callback_topic":"%s","callback_delay":"50",'
        b'"data":{"id":12345,"date_time":"1893456000","receiver":"%s","message":"ok",},}'
    ) % (reply.encode(), receiver.encode())
    answer = case.peer.ask_raw(case.topic, body, reply)
    assert b'"response_code":"0000"' in answer and b'"id":"12345"' in answer
    until(lambda: len(case.device.received(receiver)) == 1, "it arrived")
