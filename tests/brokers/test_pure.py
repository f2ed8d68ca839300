"""What needs no broker: when to try again, frames, failures in words, topics, answers that wait."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brokers.answers import Answers
from app.brokers.dial import Fault, Place, handshake_in_words, in_words
from app.brokers.link import Incoming, Unpublishable
from app.brokers.mqtt import WAITING, MqttLink
from app.brokers.redis_modes import StreamLink
from app.brokers.rhythm import again_in
from app.brokers.stomp import Frames, destination
from app.brokers.websocket import WsLink
from app.core.clock import SystemClock
from app.settings.subscribers import (
    SubscriberMqtt,
    SubscriberRedis,
    SubscriberWs,
    mqtt_filter,
    path_and_query,
)
from app.wire import Request, return_address

HERE = Place("broker.example", 5672, 10.0)


@pytest.mark.parametrize(
    ("lived", "chance", "seconds"),
    [
        (None, 0.0, 8.0),  # never opened: the delay, with jitter, and never more than the delay
        (None, 1.0, 10.0),
        (4.9, 1.0, 10.0),  # closed within 5 s of opening: none at all
        (5.0, 1.0, 1.0),  # a connection that held: almost at once
        (5.0, 0.0, 0.0),
    ],
)
def test_when_to_try_again(lived: float | None, chance: float, seconds: float) -> None:
    assert again_in(10.0, lived, chance) == seconds


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "the host name broker.example is unknown to the name server",
        ),
        (
            ConnectionRefusedError(111, "refused"),
            "broker.example:5672 refused the connection: is the broker running there?",
        ),
        (TimeoutError(), "no answer from broker.example:5672 within 10 s"),
        (ConnectionResetError(104, "reset"), "broker.example:5672 closed the connection"),
        (OSError(113, "No route to host"), "broker.example:5672 cannot be reached: No route to host"),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
            "TLS with broker.example:5672 failed (the handshake failed): "
            "does the broker speak TLS on this port?",
        ),
        (KeyError("secret"), "the connection to broker.example:5672 failed (KeyError)"),
    ],
)
def test_a_failure_in_words(error: Exception, sentence: str) -> None:
    assert in_words(error, HERE) == sentence


def test_a_peer_that_ends_the_handshake_may_not_speak_tls() -> None:
    assert handshake_in_words(TimeoutError(), HERE).startswith(
        "TLS with broker.example:5672 failed (no answer)"
    )
    assert "it closed the connection" in handshake_in_words(ConnectionResetError(), HERE)


def test_stomp_frames_are_cut_by_length_or_by_the_null() -> None:
    frames = Frames()
    found = frames.feed(b"\n\nCONNECTED\nversion:1.2\n\n\0\nMESSAGE\ncontent-length:3\n\na\0b\0MESS")
    assert [(one.cmd, one.body) for one in found] == [("CONNECTED", b""), ("MESSAGE", b"a\0b")]
    (last,) = frames.feed(b"AGE\r\nack:1\\c2\r\n\r\n{}\0\n\n\n")
    assert (last.cmd, last.body, last.headers) == ("MESSAGE", b"{}", {"ack": "1:2"})


def test_a_stomp_frame_without_end_is_not_collected_for_ever() -> None:
    frames = Frames()
    with pytest.raises(ValueError, match="too large"):
        for _ in range(300):
            frames.feed(b"x" * 65536)


@given(st.lists(st.binary(max_size=40)), st.integers(1, 7))
def test_stomp_frames_come_out_as_they_went_in_however_they_are_cut(bodies: list[bytes], step: int) -> None:
    stream = b"".join(b"MESSAGE\ncontent-length:%d\n\n%s\0\n" % (len(body), body) for body in bodies)
    frames = Frames()
    found = [one for at in range(0, len(stream), step) for one in frames.feed(stream[at : at + step])]
    assert [one.body for one in found] == bodies


@given(st.binary(max_size=200))
def test_no_octets_break_the_frames(octets: bytes) -> None:
    Frames().feed(octets)


def test_redis_an_entry_that_was_trimmed_away_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis 6.2 puts nothing in its place; later ones leave it out."""
    link = StreamLink(SubscriberRedis(topic="sms", mode="stream"), "a1b2", SystemClock())
    answer = [b"0-0", [None, [b"7-0", [b"message", b"{}"]]]]
    monkeypatch.setattr(link.doing, "execute_command", lambda *_: answer)
    assert [(one.token, one.body) for one in link._claim(5)] == [(b"7-0", b"{}")]
    link.close()


def test_a_websocket_broker_that_points_elsewhere_gets_no_second_visit_there() -> None:
    """The password goes to the place of the settings and to no other."""
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_server(("127.0.0.1", 0)) as there:
        there.settimeout(0.2)

        def answer() -> None:
            visitor, _ = here.accept()
            with visitor:
                visitor.recv(4096)
                elsewhere = f"ws://127.0.0.1:{there.getsockname()[1]}/ws"
                visitor.sendall(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\n\r\n".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        options = SubscriberWs(host="127.0.0.1", port=here.getsockname()[1], username="u", password="p")
        link = WsLink(options, SystemClock())
        with pytest.raises(Fault):
            link.open()
        thread.join(20)
        link.close()
        with pytest.raises(TimeoutError):
            there.accept()


def test_mqtt_answers_that_the_broker_leaves_unconfirmed_do_not_pile_up() -> None:
    link = MqttLink(SubscriberMqtt(host="127.0.0.1"), "a1b2", SystemClock())
    assert link._client._max_queued_messages == WAITING
    link.close()


def test_a_bare_stomp_name_is_a_queue() -> None:
    assert destination("sms") == "/queue/sms"
    assert destination("sms", "topic") == "/topic/sms"
    assert destination("/amq/queue/sms") == "/amq/queue/sms"


@pytest.mark.parametrize("topic", ["sms", "a/b", "+/sms", "a/+/b", "a/#", "#", "$share/pi/a/#"])
def test_mqtt_topics_that_can_be_subscribed_to(topic: str) -> None:
    assert mqtt_filter(topic) == topic


@pytest.mark.parametrize("topic", ["", "a+", "a/#/b", "#a", "$share/pi", "$share//sms", "$share/p+/sms"])
def test_mqtt_topics_that_cannot(topic: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        mqtt_filter(topic)


@pytest.mark.parametrize("path", ["/", "/ws", "/ws/?a=1&b=%20", "/%7Euser/ws?x"])
def test_paths_of_a_websocket(path: str) -> None:
    assert path_and_query(path) == path


@pytest.mark.parametrize("path", ["", "ws", "/a b", "/ws#part", "/ws\r\nHost: x"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        path_and_query(path)


def test_where_a_refusal_goes() -> None:
    body = b'{"command":"send-sms","callback_topic":"back","callback_delay":"50","data":{}}'
    assert return_address(body) == Request("send-sms", (), False, "back", 50)
    assert return_address(b'{"callback_topic":"back"}') == Request("", (), False, "back", 10)
    assert return_address(b"not JSON") is None
    assert return_address(b'{"command":"echo","callback_delay":"soon"}') is None


MESSAGE = Incoming(b"{}", "token")


class Recorded:
    """A link that writes down what it is told, and fails where a test wants."""

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.said: list[Any] = []
        self.failing = failing

    def publish(self, topic: str, body: bytes) -> None:
        if topic in self.failing:
            raise Fault("gone")
        if topic == "wrong":
            raise Unpublishable("no such topic")
        self.said.append((topic, body))

    def settle(self, token: Any) -> None:
        self.said.append(token)

    def open(self) -> None: ...
    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        return ()

    def limit(self, prefetch: int) -> None: ...
    def wake(self) -> None: ...
    def close(self) -> None: ...


def request(topic: str = "", delay: int = 10) -> Request:
    return Request("echo", (), False, topic, delay)


def test_an_answer_is_published_after_its_delay_and_then_acknowledged() -> None:
    answers, link = Answers("amqp"), Recorded()
    answers.add(request("back", 50), b"{}", MESSAGE, now=100.0)
    answers.give(link, 100.04)
    assert link.said == []
    assert answers.wait(100.04) == pytest.approx(0.01)
    answers.give(link, 100.05)
    assert link.said == [("back", b"{}"), "token"]


def test_a_long_delay_does_not_hold_the_acknowledgement_back() -> None:
    answers, link = Answers("amqp"), Recorded()
    answers.add(request("back", 60_000), b"{}", MESSAGE, now=100.0)
    answers.give(link, 100.0)
    assert link.said == ["token"]
    answers.give(link, 160.0)
    assert link.said == ["token", ("back", b"{}")]


def test_without_a_topic_there_is_only_the_acknowledgement() -> None:
    answers, link = Answers("amqp"), Recorded()
    answers.add(request(), b"{}", MESSAGE, now=100.0)
    answers.give(link, 100.0)
    assert link.said == ["token"]


def test_a_topic_that_cannot_be_published_to_costs_only_its_answer() -> None:
    answers, link = Answers("amqp"), Recorded()
    answers.add(request("wrong"), b"{}", MESSAGE, now=100.0)
    answers.give(link, 101.0)
    assert link.said == ["token"]


def test_a_topic_that_breaks_the_connection_is_left_out_the_third_time() -> None:
    answers, link = Answers("stomp"), Recorded(failing=["poison"])
    for _ in range(2):
        answers.add(request("poison"), b"{}", MESSAGE, now=100.0)
        with pytest.raises(Fault):
            answers.give(link, 101.0)
        assert answers.forget_link() == [MESSAGE]  # the broker gives it again
    answers.add(request("poison"), b"{}", MESSAGE, now=100.0)
    answers.give(link, 101.0)
    assert link.said == ["token"]


def test_an_answer_whose_message_will_not_come_again_is_kept_for_the_next_link() -> None:
    answers, link = Answers("ws"), Recorded(failing=["back"])
    answers.add(request("back"), b"{}", Incoming(b"", None), now=100.0)
    with pytest.raises(Fault):
        answers.give(link, 101.0)
    assert answers.forget_link() == []
    after = Recorded()
    answers.give(after, 102.0)
    assert after.said == [("back", b"{}")]
