"""RabbitMQ by AMQP 0-9-1: a queue consumed with manual acknowledgement, answers to durable reply queues."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence

import pika
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException, AMQPConnectorStackTimeout
from pika.spec import Basic, BasicProperties

from app.brokers.dial import Fault, Place, context, in_words, keepalive
from app.brokers.link import Incoming, Unpublishable
from app.settings.subscribers import SubscriberAmqp

# Reply codes of AMQP 0-9-1 §1.2.
CONNECTION_FORCED = 320
ACCESS_REFUSED = 403
NOT_FOUND = 404
RESOURCE_LOCKED = 405
PRECONDITION_FAILED = 406
NOT_ALLOWED = 530

FAILURES = (exceptions.AMQPError, AMQPConnectorException, OSError)


class AmqpLink:
    """One AMQP 0-9-1 connection: a channel to consume on, another for answers so that these harm no one."""

    def __init__(self, options: SubscriberAmqp) -> None:
        self._options = options
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._connection: BlockingConnection | None = None
        self._consuming: BlockingChannel | None = None
        self._answering: BlockingChannel | None = None
        self._consumers: list[str] = []
        self._prefetch = 1
        self._granted = 0  # by all consumers together
        self._held = 0
        self._came: list[Incoming] = []
        self._cancelled = False

    def open(self) -> None:
        options, place = self._options, self._place
        tls = pika.SSLOptions(place.context, place.host) if place.context else None
        tcp = {name: value for name, value in keepalive(place.timeout).items() if name != "TCP_NODELAY"}
        parameters = pika.ConnectionParameters(
            host=options.host,
            port=options.port,
            virtual_host=options.virtual_host,
            credentials=pika.PlainCredentials(options.username or "guest", options.password or "guest"),
            heartbeat=max(2, options.timeout),
            socket_timeout=options.timeout,
            stack_timeout=options.timeout,
            blocked_connection_timeout=options.timeout,
            ssl_options=tls,
            tcp_options=tcp,
        )
        try:
            self._connection = BlockingConnection(parameters)
            self._declare()
            self._follow_limit()
        except FAILURES as error:
            raise Fault(self._words(error)) from error

    def _declare(self) -> None:
        """The queue that publishers declare passively: it must exist, and stay."""
        topic = self._options.topic
        channel = self._channel()
        try:
            channel.queue_declare(topic, durable=self._options.durable)
        except exceptions.ChannelClosedByBroker as refusal:
            if refusal.reply_code != PRECONDITION_FAILED:
                raise
            # It exists with other properties; what is waiting there is ours all the same.
            channel = self._channel()
            channel.queue_declare(topic, passive=True)
        channel.add_on_cancel_callback(self._on_cancel)
        self._consuming = channel

    def _consume(self, prefetch: int) -> None:
        """One more consumer with a limit of its own: RabbitMQ is giving up the one for a whole channel."""
        channel = self._opened()
        channel.basic_qos(prefetch_count=prefetch)
        self._consumers.append(channel.basic_consume(self._options.topic, self._on_message))
        self._granted += prefetch

    def _follow_limit(self) -> None:
        """More is granted at once, by one more consumer. Less is when nothing is under way: what a consumer
        that is cancelled was given already comes again marked as redelivered, and would look like a repeat.
        None is at once all the same: what is waiting is for other devices.
        """
        if self._prefetch > self._granted:
            self._consume(self._prefetch - self._granted)
        elif self._prefetch < self._granted and not (self._prefetch and self._held):
            while self._consumers:
                self._opened().basic_cancel(self._consumers.pop())
            self._granted = 0
            if self._prefetch:  # to the broker 0 means as many as there are
                self._consume(self._prefetch)

    def _opened(self) -> BlockingChannel:
        if self._consuming is None:
            raise Fault("the connection is not open")
        return self._consuming

    def _channel(self) -> BlockingChannel:
        if self._connection is None:
            raise Fault("the connection is not open")
        return self._connection.channel()

    def _on_message(
        self, channel: BlockingChannel, deliver: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        self._came.append(Incoming(body, deliver.delivery_tag, bool(deliver.redelivered)))

    def _on_cancel(self, frame: object) -> None:
        self._cancelled = True

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        if self._connection is None:
            raise Fault("the connection is not open")
        try:
            self._follow_limit()
            self._connection.process_data_events(seconds)
        except FAILURES as error:
            raise Fault(self._words(error)) from error
        if self._cancelled:
            raise Fault(f"the queue {self._options.topic} was deleted")
        came, self._came = self._came, []
        self._held += len(came)
        return came

    def limit(self, prefetch: int) -> None:
        self._prefetch = prefetch

    def settle(self, token: int) -> None:
        self._held -= 1
        try:
            self._opened().basic_ack(token)
        except FAILURES as error:
            raise Fault(self._words(error)) from error

    def release(self, token: int) -> bool:
        self._held -= 1
        try:
            self._follow_limit()
            self._opened().basic_nack(token, requeue=True)
        except FAILURES as error:
            raise Fault(self._words(error)) from error
        return True

    def publish(self, topic: str, body: bytes) -> None:
        try:
            if self._answering is None or not self._answering.is_open:
                self._answering = self._channel()
            try:
                # Each time: publishers delete their reply queues.
                self._answering.queue_declare(topic, durable=True)
            except exceptions.ChannelClosedByBroker as refusal:
                if refusal.reply_code not in (PRECONDITION_FAILED, RESOURCE_LOCKED):
                    raise Unpublishable(f"the broker said {refusal.reply_code}") from refusal
                # Its owner declared it otherwise; it exists, and that is enough.
                self._answering = self._channel()
            properties = BasicProperties(content_type="application/json")
            self._answering.basic_publish("", topic, body, properties)
        except ValueError as error:  # a name longer than AMQP's short string
            raise Unpublishable("its topic cannot be the name of a queue") from error
        except FAILURES as error:
            raise Fault(self._words(error)) from error

    def wake(self) -> None:
        connection = self._connection
        if connection is not None:
            try:
                connection.add_callback_threadsafe(_nothing)
            except FAILURES:
                pass  # closed: its turn ends by itself

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            try:
                connection.close()
            except FAILURES:
                pass

    def _words(self, error: BaseException) -> str:
        for cause in _causes(error):
            match cause:
                case exceptions.ProbableAuthenticationError() | exceptions.AuthenticationError():
                    return "the broker refused the user name or the password"
                case exceptions.ProbableAccessDeniedError():
                    return self._refusal(NOT_ALLOWED)
                case exceptions.ConnectionClosedByBroker() | exceptions.ChannelClosedByBroker():
                    return self._refusal(cause.reply_code)
                case exceptions.AMQPHeartbeatTimeout():
                    return f"{self._place} fell silent for {self._place.timeout:g} s"
                case exceptions.ConnectionBlockedTimeout():
                    return "the broker takes no messages: it is short of memory or disk"
                case exceptions.IncompatibleProtocolError():
                    return f"{self._place} does not speak AMQP 0-9-1"
                case AMQPConnectorStackTimeout():
                    return in_words(TimeoutError(), self._place)
                case ssl.SSLError() | OSError():
                    return in_words(cause, self._place)
        return f"{self._place} closed the connection"

    def _refusal(self, code: int) -> str:
        options = self._options
        if code == ACCESS_REFUSED:
            return "the broker refused the user name or the password, or the right to use the queue"
        if code == NOT_FOUND:
            return f"the queue {options.topic} is gone"
        if code == RESOURCE_LOCKED:
            return f"the queue {options.topic} belongs to another connection alone"
        if code == NOT_ALLOWED:
            return f"the broker knows no virtual host {options.virtual_host} for this user"
        if code == CONNECTION_FORCED:
            return "the broker is shutting down"
        return f"the broker closed the connection (reply code {code})"


def _nothing() -> None:
    """The wake-up itself is all that is wanted."""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error of pika and everything it was made from, the outermost first."""
    yield error
    inner = getattr(error, "exceptions", None) or getattr(error, "exception", None) or ()
    for cause in (*error.args, *(inner if isinstance(inner, tuple | list) else (inner,))):
        if isinstance(cause, BaseException) and cause is not error:
            yield from _causes(cause)
