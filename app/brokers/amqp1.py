"""RabbitMQ by AMQP 1.0: one receiving link, settled after the outcome; one sending link an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import proton

from app.brokers.dial import Fault, Place, Wire, context
from app.brokers.link import Bell, Incoming, Unpublishable
from app.core.clock import Clock
from app.settings.subscribers import SubscriberAmqp

LEAVING = 2.0  # seconds for the broker to say that it has heard what was settled
UNAUTHORIZED = ("amqp:unauthorized-access", "amqp:unauthorized-access-error")


class _Refused(Fault):
    """The broker ended our link or session, and said why."""


class Amqp1Link:
    """One AMQP 1.0 connection. The library is used as a pure protocol engine; the socket is ours."""

    def __init__(self, options: SubscriberAmqp, device: str, clock: Clock) -> None:
        self._options = options
        self._device = device
        self._clock = clock
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._bell = Bell()
        self._wire: Wire | None = None
        self._prefetch = 1
        self._held = 0
        self._came: list[Incoming] = []
        self._names = count()
        # Of the engine.
        self._transport: Any = None
        self._collector: Any = None
        self._connection: Any = None
        self._session: Any = None  # of the receiver
        self._receiver: Any = None
        self._answering: Any = None
        self._answer_refused = ""

    def open(self) -> None:
        """A bare name is first taken as it is: a queue that exists. RabbitMQ 3 makes one of /queue/name."""
        topic = self._options.topic
        addresses = [topic] if topic.startswith("/") else [topic, f"/queue/{topic}"]
        for address in addresses:
            self._connect()
            try:
                self._attach(address)
                return
            except _Refused as refusal:
                self._disconnect()
                if address == addresses[-1]:
                    raise Fault(f"the broker gives this user no queue {topic}: {refusal}") from refusal

    def _connect(self) -> None:
        options = self._options
        self._wire = Wire(self._place)
        self._collector = proton.Collector()
        self._connection = connection = proton.Connection()
        connection.collect(self._collector)
        connection.container = f"otp-pi-{self._device}"
        # The form in which RabbitMQ is told the virtual host (plugin rabbitmq_amqp1_0).
        vhost = options.virtual_host
        connection.hostname = self._place.host if vhost == "/" else f"vhost:{vhost}"
        if options.username:
            connection.user, connection.password = options.username, options.password
        self._transport = transport = proton.Transport()
        sasl = transport.sasl()
        sasl.allow_insecure_mechs = True
        sasl.allowed_mechs("PLAIN" if options.username else "ANONYMOUS")
        transport.idle_timeout = options.timeout
        transport.bind(connection)
        connection.open()
        self._until(lambda: bool(connection.state & proton.Endpoint.REMOTE_ACTIVE))

    def _attach(self, address: str) -> None:
        self._session = session = self._connection.session()
        session.open()
        self._receiver = receiver = session.receiver(f"otp-pi-{self._device}-{next(self._names)}")
        receiver.source.address = address
        receiver.target.address = address
        if self._options.durable:
            receiver.source.durability = proton.Terminus.CONFIGURATION
        receiver.open()
        # A refused link is first attached without a source, then detached (AMQP 1.0 §2.6.3).
        self._until(
            lambda: bool(receiver.state & proton.Endpoint.REMOTE_ACTIVE and receiver.remote_source.address)
        )
        self._give_credit()
        self._flush()

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        if not self._came:
            self._pump(seconds)
        came, self._came = self._came, []
        return came

    def limit(self, prefetch: int) -> None:
        self._prefetch = prefetch
        if self._receiver is not None:
            self._give_credit()
            self._flush()

    def settle(self, token: Any) -> None:
        token.update(proton.Delivery.ACCEPTED)
        token.settle()
        self._held -= 1
        self._give_credit()
        self._flush()

    def release(self, token: Any) -> bool:
        token.update(proton.Delivery.RELEASED)
        token.settle()
        self._held -= 1
        self._give_credit()
        self._flush()
        return True

    def publish(self, topic: str, body: bytes) -> None:
        product = (self._connection.remote_properties or {}).get("product", "")
        if product != "RabbitMQ" or topic.startswith("/"):
            refused = self._send(topic, body)
        elif refused := self._send(f"/queue/{topic}", body):
            # Its owner declared it otherwise; it exists, and that is enough.
            refused = self._send(f"/amq/queue/{topic}", body)
        if refused:
            raise Unpublishable(refused)

    def _send(self, address: str, body: bytes) -> str:
        """One message to an address; why it was refused, or nothing."""
        self._answer_refused = ""
        # A session of its own: RabbitMQ ends the whole session over a wrong address.
        self._answering = session = self._connection.session()
        session.open()
        sender = session.sender(f"otp-pi-{self._device}-{next(self._names)}")
        sender.source.address = sender.target.address = address
        sender.target.durability = proton.Terminus.CONFIGURATION  # a durable queue, where one is made
        sender.open()
        self._until(lambda: bool(self._answer_refused) or sender.credit > 0)
        if not self._answer_refused:
            # A data section: readers of AMQP 0-9-1 get the plain octets, and no encoded value.
            message = proton.Message(body=body, inferred=True, content_type="application/json")
            delivery = sender.send(message)
            self._until(lambda: bool(self._answer_refused) or bool(delivery.remote_state))
            delivery.settle()
        self._answering = None
        session.close()
        self._flush()
        if session.state & proton.Endpoint.REMOTE_CLOSED:
            session.free()
        return self._answer_refused

    def wake(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        if self._connection is not None and self._wire is not None:
            with suppress(Fault, proton.ProtonException):
                if self._session is not None:
                    # RabbitMQ hears a connection and its sessions in processes of their own: until the
                    # session has said good-bye, what was settled may be given to somebody else.
                    self._session.close()
                    self._until(lambda: self._session is None, LEAVING)
            with suppress(Fault, proton.ProtonException):
                self._connection.close()
                self._flush()
        self._disconnect()
        self._bell.close()

    def _disconnect(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = self._transport = self._collector = self._connection = self._session = self._receiver = (
            None
        )
        self._came = []
        self._held = 0

    def _give_credit(self) -> None:
        more = self._prefetch - self._held - self._receiver.credit
        if more > 0:
            self._receiver.flow(more)

    # Between the socket and the engine.

    def _until(self, reached: Callable[[], bool], longest: float = math.inf) -> None:
        deadline = self._clock.steady() + min(self._place.timeout, longest)
        while not reached():
            left = deadline - self._clock.steady()
            if left <= 0:
                raise Fault(f"{self._place} did not answer in AMQP 1.0 within {self._place.timeout:g} s")
            self._pump(left)

    def _pump(self, seconds: float) -> None:
        """Write what the engine has, wait for the peer, read what it says."""
        self._flush()
        wire = self._wire
        if wire is None:
            raise Fault("the connection is not open")
        now = self._clock.steady()
        tick = self._transport.tick(now)  # the moment of the next heart-beat, 0 for none
        if tick:
            seconds = min(seconds, max(0.0, tick - now))
        if wire.waiting() or self._bell.wait(wire.sock, seconds):
            octets = wire.read()
            while octets:
                room = self._transport.capacity()
                if room <= 0:
                    break
                self._transport.push(octets[:room])
                octets = octets[room:]
                self._listen()
        self._transport.tick(self._clock.steady())
        self._flush()

    def _flush(self) -> None:
        """Hear what happened and write what follows from it."""
        wire = self._wire
        if wire is None:
            raise Fault("the connection is not open")
        self._listen()
        while (pending := self._transport.pending()) > 0:
            octets = self._transport.peek(pending)
            wire.write(octets)
            self._transport.pop(len(octets))
            self._listen()
        if self._transport.closed or self._transport.condition is not None:
            raise Fault(self._ended())

    def _listen(self) -> None:
        while (event := self._collector.peek()) is not None:
            try:
                self._hear(event)
            finally:
                self._collector.pop()

    def _hear(self, event: Any) -> None:
        match event.type:
            case proton.Event.DELIVERY:
                if event.receiver is not None:
                    self._receive(event.delivery)
            case proton.Event.LINK_REMOTE_CLOSE | proton.Event.LINK_REMOTE_DETACH:
                self._refuse(event.session, event.link.remote_condition)
            case proton.Event.SESSION_REMOTE_CLOSE:
                self._refuse(event.session, event.session.remote_condition)
                if self._session is not None and event.session == self._session:
                    self._session = None
                if event.session.state & proton.Endpoint.LOCAL_CLOSED:
                    event.session.free()  # else the engine keeps every answer's for ever
            case proton.Event.CONNECTION_REMOTE_CLOSE:
                raise _Refused(_words(event.connection.remote_condition))
            case proton.Event.TRANSPORT_ERROR:
                raise Fault(self._ended())

    def _refuse(self, session: Any, condition: Any) -> None:
        if session.state & proton.Endpoint.LOCAL_CLOSED:
            return
        if self._answering is not None and session == self._answering:
            self._answer_refused = _words(condition)
        else:
            raise _Refused(_words(condition))

    def _receive(self, delivery: Any) -> None:
        if not delivery.readable or delivery.partial:
            return
        link = delivery.link
        octets = link.recv(delivery.pending)
        link.advance()
        self._held += 1
        message = proton.Message()
        try:
            message.decode(octets)
        except proton.ProtonException:
            message.body = b""  # no AMQP message: what is no JSON either is told apart further on
        again = not message.first_acquirer or message.delivery_count > 0
        self._came.append(Incoming(_octets(message.body), delivery, again))

    def _ended(self) -> str:
        condition = self._transport.condition
        if condition is not None and condition.name in UNAUTHORIZED:
            return "the broker refused the user name or the password"
        if condition is not None and condition.name == "amqp:resource-limit-exceeded":
            return f"{self._place} fell silent for {self._place.timeout:g} s"
        if condition is not None and condition.name == "amqp:connection:framing-error":
            return f"{self._place} does not speak AMQP 1.0 (RabbitMQ: is its plugin rabbitmq_amqp1_0 on?)"
        return f"{self._place} closed the connection"


def _octets(body: object) -> bytes:
    """A message's body, whether it was sent as text or as binary."""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    return bytes(body) if isinstance(body, bytes | bytearray | memoryview) else b""


def _words(condition: Any) -> str:
    if condition is None:
        return "the broker ended it without a reason"
    if condition.name in UNAUTHORIZED:
        return "the user may not use it"
    return f"the broker says {condition.name}"
