"""ActiveMQ and other STOMP 1.0 to 1.2 servers: frames by stomp.py, acknowledged one by one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from stomp.utils import Frame, convert_frame, parse_frame

from app.brokers.dial import Fault, Place, Wire, context
from app.brokers.link import Bell, Incoming
from app.core.clock import Clock
from app.settings.subscribers import SubscriberActivemq, SubscriberStomp

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", ":": "\\c"}
_LENGTH = re.compile(rb"(?:^|\n)content-length:\s*(\d{1,12})")
_BLANK = re.compile(rb"\r?\n\r?\n")
_ENDS = re.compile(rb"[\r\n]*")
LARGEST = 16 * 1024 * 1024  # octets of a frame that is still read
SUBSCRIPTION = "1"
TOPIC_PREFETCH = 32


class Frames:
    """Cuts a stream of octets into STOMP frames; what is parsed is stomp.py's business."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._begin_frame()

    def _begin_frame(self) -> None:
        self._head = 0  # where the body begins, 0 while that is not known
        self._end = -1  # where it ends, where its length was told
        self._from = 0  # what lies before was looked through already

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that are complete now. Raises ValueError when one grows beyond all measure."""
        self._held += octets
        found = []
        while (frame := self._cut()) is not None:
            parsed = parse_frame(frame)
            if parsed is not None:
                found.append(parsed)
        if len(self._held) > LARGEST:
            raise ValueError("a frame is too large")
        return found

    def _cut(self) -> bytes | None:
        held = self._held
        if not self._head and not self._find_head():
            return None
        end = self._end if self._end >= 0 else held.find(b"\0", self._from)
        if end < 0 or end >= len(held):
            self._from = max(self._head, len(held))
            return None
        frame = bytes(held[:end])
        del held[: end + 1]
        self._begin_frame()
        return frame

    def _find_head(self) -> bool:
        held = self._held
        if not self._from:
            ends = _ENDS.match(held)  # heart-beats, and the ends of lines after a frame
            del held[: ends.end() if ends else 0]
        head = _BLANK.search(held, max(0, self._from - 3))
        if head is None:
            self._from = len(held)
            return False
        self._head = self._from = head.end()
        length = _LENGTH.search(held, 0, head.start())
        self._end = self._head + int(length[1]) if length else -1
        return True


class StompLink:
    """One STOMP connection."""

    def __init__(
        self,
        options: SubscriberStomp | SubscriberActivemq,
        clock: Clock,
        destination: str,
        connect: Mapping[str, str],
        subscribe: Mapping[str, str],
        expires: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._options = options
        self._clock = clock
        self._destination = destination
        self._is_queue = destination.startswith(("/queue/", "/amq/queue/"))
        self._connect_headers = connect
        self._subscribe_headers = subscribe
        self._expires = expires
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._bell = Bell()
        self._wire: Wire | None = None
        self._frames = Frames()
        self._came: deque[Incoming] = deque()
        self._version = "1.0"
        self._receipts = count(1)
        self._prefetch = 1
        self._subscribed_for = 0  # messages at a time; 0: not subscribed
        self._held = 0
        self._heard = self._spoke = 0.0
        self._listen_every = self._speak_every = 0.0
        self._refused = ""

    def open(self) -> None:
        self._wire, self._frames, self._subscribed_for = Wire(self._place), Frames(), 0
        options = self._options
        rhythm = int(options.timeout * 500)  # milliseconds: two beats within the timeout
        headers = {
            "accept-version": "1.0,1.1,1.2",
            "heart-beat": f"{rhythm},{rhythm}",
            **self._connect_headers,
        }
        if options.username:
            headers |= {"login": options.username, "passcode": options.password}
        # Not escaped, by STOMP 1.2 "Value Encoding": CONNECT stays readable for servers of 1.0.
        self._write(Frame("CONNECT", headers, None))
        connected = self._await("CONNECTED")
        self._version = connected.headers.get("version", "1.0")
        mine, theirs = _beats(connected.headers.get("heart-beat", "0,0"))
        self._speak_every = max(rhythm, theirs) / 1000 if theirs else 0.0
        self._listen_every = max(rhythm, mine) / 1000 if mine else 0.0
        if self._prefetch or not self._is_queue:
            self._subscribe()

    def _subscribe(self) -> None:
        # STOMP 1.0 knows only "client", by which 1.0 servers mean each message by itself.
        ack = "client" if self._version == "1.0" else "client-individual"
        self._subscribed_for = self._prefetch if self._is_queue else TOPIC_PREFETCH
        limit = str(self._subscribed_for)
        limits = {"prefetch-count": limit, "activemq.prefetchSize": limit}
        headers = {"id": SUBSCRIPTION, "destination": self._destination, "ack": ack}
        self._ask("SUBSCRIBE", headers | limits | dict(self._subscribe_headers))

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        if self._is_queue and not self._held and self._prefetch != self._subscribed_for:
            self._sign_off()
            self.open()
        self._pump(0.0 if self._came else seconds)
        came = [self._came.popleft() for _ in range(min(len(self._came), room))]
        self._held += len(came)
        return came

    def limit(self, prefetch: int) -> None:
        """For queues, when nothing is under way, by a new connection: a server may keep what it gave to a
        subscription that ended, or not. What comes to a topic between two subscriptions may be lost.
        """
        self._prefetch = prefetch

    def settle(self, token: Frame) -> None:
        given = token.headers
        match self._version:
            case "1.2":
                headers = {"id": given.get("ack", given.get("message-id", ""))}
            case "1.1":
                headers = {"message-id": given.get("message-id", ""), "subscription": SUBSCRIPTION}
            case _:
                headers = {"message-id": given.get("message-id", "")}
        self._held -= 1
        self._write(Frame("ACK", self._escaped(headers), None))

    def release(self, token: Frame) -> bool:
        """The broker has it back with the end of the connection, which is when no other is under way."""
        self._held -= 1
        return True

    def publish(self, topic: str, body: bytes) -> None:
        # No content-length: with one, ActiveMQ makes a message of octets of it instead of a text.
        headers = {"destination": destination(topic), "content-type": "application/json", **self._expires()}
        try:
            self._ask("SEND", headers, body)
        except _Refused as refusal:
            raise Fault(f"the broker refused an answer: {refusal}") from refusal

    def wake(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        self._sign_off()
        self._bell.close()

    def _sign_off(self) -> None:
        self._came.clear()
        wire, self._wire = self._wire, None
        if wire is not None:
            try:
                wire.write(b"DISCONNECT\n\n\0")
            except Fault:
                pass
            wire.close()

    # Frames.

    def _ask(self, command: str, headers: dict[str, str], body: bytes | None = None) -> None:
        """Send a frame and wait until the broker confirms it. Raises Fault with the broker's reason."""
        receipt = f"r{next(self._receipts)}"
        self._write(Frame(command, self._escaped({**headers, "receipt": receipt}), body))
        self._await("RECEIPT", receipt)

    def _await(self, command: str, receipt: str = "") -> Frame:
        deadline = self._clock.steady() + self._place.timeout
        while (left := deadline - self._clock.steady()) > 0:
            for frame in self._pump(left):
                if frame.cmd == command and frame.headers.get("receipt-id", "") == receipt:
                    return frame
        raise Fault(f"{self._place} did not answer in STOMP within {self._place.timeout:g} s")

    def _pump(self, seconds: float) -> list[Frame]:
        """Wait for octets; messages go to the inbox, other frames come back."""
        wire = self._opened()
        now = self._clock.steady()
        if self._speak_every and now - self._spoke >= self._speak_every / 2:
            self._spoke = now
            wire.write(b"\n")
        pause = min(seconds, self._speak_every / 2) if self._speak_every else seconds
        others: list[Frame] = []
        if wire.waiting() or self._bell.wait(wire.sock, pause):
            octets = wire.read()
            if octets:
                self._heard = self._clock.steady()
            try:
                frames = self._frames.feed(octets)
            except ValueError as error:
                raise Fault(f"{self._place} does not speak STOMP: {error}") from error
            others = [frame for frame in frames if not self._sorted(frame)]
        elif self._listen_every and self._clock.steady() - self._heard > 2 * self._listen_every:
            raise Fault(f"{self._place} fell silent for {2 * self._listen_every:g} s")
        return others

    def _sorted(self, frame: Frame) -> bool:
        if frame.cmd == "MESSAGE":
            again = frame.headers.get("redelivered", "false") == "true"
            self._came.append(Incoming(frame.body, frame, again, self._name_of(frame)))
            return True
        if frame.cmd == "ERROR":
            raise _Refused(_error(frame))
        return False

    def _name_of(self, frame: Any) -> str:
        """ActiveMQ's own; other servers number what they give, and begin anew with each connection."""
        given = str(frame.headers.get("message-id", ""))
        return f"{self._destination} {given}" if given.startswith("ID:") else ""

    def _escaped(self, headers: Mapping[str, str]) -> dict[str, str]:
        if self._version == "1.0":
            return {name: re.sub(r"[\r\n]", " ", value) for name, value in headers.items()}
        return {
            name: re.sub(r"[\\\n\r:]", lambda m: _ESCAPES[m[0]], value) for name, value in headers.items()
        }

    def _write(self, frame: Frame) -> None:
        self._spoke = self._clock.steady()
        self._opened().write(b"".join(convert_frame(frame)))

    def _opened(self) -> Wire:
        if self._wire is None:
            raise Fault("the connection is not open")
        return self._wire


class _Refused(Fault):
    """An ERROR frame; the server closes the connection after it."""


def activemq_link(options: SubscriberActivemq, device: str, clock: Clock) -> StompLink:
    """A link to ActiveMQ: a queue, or a topic with a durable subscription."""
    name = options.client_id or f"otp-pi-{device}"
    connect = {"host": options.host}
    subscribe: dict[str, str] = {}
    if options.destination == "topic":
        connect["client-id"] = name
        subscribe["activemq.subscriptionName"] = name

    def expires() -> Mapping[str, str]:
        if not options.time_to_live:
            return {}
        return {"expires": str(int((clock.wall() + options.time_to_live) * 1000))}

    where = destination(options.topic, options.destination)
    return StompLink(options, clock, where, connect, subscribe, expires)


def stomp_link(options: SubscriberStomp, clock: Clock) -> StompLink:
    """A link to any server of STOMP."""
    connect = {"host": options.virtual_host or options.host}
    return StompLink(options, clock, destination(options.topic), connect, {})


def destination(topic: str, kind: str = "queue") -> str:
    """Where a bare name lies: ``sms`` is ``/queue/sms``; what begins with a slash is taken as it is."""
    return topic if topic.startswith("/") else f"/{kind}/{topic}"


def _beats(header: str) -> tuple[int, int]:
    """What the server can send and what it wants, in milliseconds (STOMP 1.2, Heart-beating)."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", header)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _error(frame: Any) -> str:
    """The broker's reason; its own words only as far as they are a header, never the body."""
    said = str(frame.headers.get("message", ""))
    if re.search(
        r"password|credential|login|access[ _]refused|not authori|authenticat|bad connect", said, re.I
    ):
        return "the broker refused the user name or the password"
    if "precondition" in said:
        return "the broker has such a queue with other properties: on RabbitMQ its name is /amq/queue/…"
    return f"the broker says {said[:120]!r}" if said else "the broker refused without a reason"
