"""AMQP 0-9-1: to the device's queue by the default exchange; the answer comes to a queue declared before."""

from collections.abc import Callable
from typing import Any

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown, LoginRefused, NoSubscriber, NotPublished, PublisherError
from ..options import Amqp
from .base import missing, unique

try:
    import pika
    from pika.adapters.select_connection import IOLoop
    from pika.exceptions import AMQPError, ProbableAccessDeniedError, ProbableAuthenticationError
except ImportError as error:
    raise missing("pika", "amqp", error) from error

_GRACE = 2.0
"""Seconds that closing politely may take after the outcome is known."""

_LATE = 3600_000
"""Milliseconds that a reply queue outlives its last use, for an answer that comes after the deadline."""


class AmqpTransport:
    def __init__(self, options: Amqp) -> None:
        self._options = options
        self.callback_delay = options.callback_delay
        self._context = options.trust.context() if options.ssl else None

    def reply_topic(self) -> str:
        return unique(self._options.topic)

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        return _Call(self._options, self._parameters(deadline), payload, reply_to, deadline).run()

    def _parameters(self, deadline: Deadline) -> Any:
        host, port = self._options.address()
        connect = deadline.to_connect()
        return pika.ConnectionParameters(
            host=host,
            port=port,
            virtual_host=self._options.vhost,
            credentials=pika.PlainCredentials(
                self._options.username or "guest", self._options.password or "guest"
            ),
            ssl_options=pika.SSLOptions(self._context, host) if self._context else None,
            socket_timeout=connect,
            stack_timeout=connect,
            connection_attempts=1,
            client_properties={"connection_name": self._options.client_id},
        )


class _Call:
    """One connection on a loop of its own, so that a silent broker costs no more than the deadline.

    Steps: open, channel, confirm mode, reply queue and its consumer, publish, confirmed, answer, tidy up.
    """

    def __init__(
        self, options: Amqp, parameters: Any, payload: str, reply_to: str | None, deadline: Deadline
    ) -> None:
        self._options = options
        self._parameters = parameters
        self._payload = payload
        self._reply_to = reply_to
        self._deadline = deadline
        self._loop = IOLoop()
        self._connection: Any = None
        self._channel: Any = None
        self._published = False
        self._confirmed = False
        self._declared = False
        self._answer: str | None = None
        self._returned = False
        self._failure: PublisherError | None = None
        self._finishing = False

    def run(self) -> str | None:
        self._connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=lambda _: self._step(self._opened),
            on_open_error_callback=self._open_failed,
            on_close_callback=self._connection_closed,
            custom_ioloop=self._loop,
        )
        # pika's own timeouts come first; closing it in the middle of opening would only confuse it.
        self._loop.call_later(self._deadline.to_connect() + _GRACE, self._not_open)
        self._loop.call_later(self._deadline.to_wait(), self._too_late)
        try:
            self._loop.start()
        finally:
            self._loop.close()
        if self._failure is not None:
            raise self._failure
        return self._answer

    def _opened(self) -> None:
        self._connection.channel(
            on_open_callback=lambda channel: self._step(lambda: self._channel_open(channel))
        )

    def _channel_open(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._unroutable)
        if self._options.confirm:
            channel.confirm_delivery(self._acknowledged, callback=lambda _: self._step(self._listen))
        else:
            self._listen()

    def _listen(self) -> None:
        if self._reply_to is None:
            self._publish()
            return
        # The device would make a queue for a late answer that stays for ever; it uses this one instead, as it
        # finds it, and the broker removes both in the end.
        self._channel.queue_declare(
            self._reply_to,
            durable=True,
            arguments={"x-expires": _LATE},
            callback=lambda _: self._step(self._consume),
        )

    def _consume(self) -> None:
        self._declared = True
        self._channel.basic_consume(
            self._reply_to,
            lambda channel, method, properties, body: self._answered(body),
            auto_ack=True,
            callback=lambda _: self._step(self._publish),
        )

    def _publish(self) -> None:
        mode = 2 if self._options.persistent else 1
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=mode)
        # `mandatory`: a message for a queue that does not exist comes back instead of vanishing.
        self._channel.basic_publish(
            "", self._options.topic, self._payload.encode(), properties, mandatory=True
        )
        self._published = True
        if not self._options.confirm and self._reply_to is None:
            self._finish()

    def _acknowledged(self, frame: Any) -> None:
        if isinstance(frame.method, pika.spec.Basic.Nack):
            self._finish(NotPublished("the broker refused the message: its queue is full"))
            return
        self._confirmed = True
        if self._returned:
            self._finish(self._nobody())
        elif self._reply_to is None or self._answer is not None:
            self._finish()

    def _unroutable(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._returned = True
        if not self._options.confirm:
            self._finish(self._nobody())

    def _nobody(self) -> NoSubscriber:
        return NoSubscriber(
            f"there is no queue {self._options.topic!r}: has the device been connected to this broker?"
        )

    def _answered(self, body: bytes) -> None:
        self._answer = body.decode(errors="replace")
        self._finish()

    def _finish(self, failure: PublisherError | None = None) -> None:
        """The outcome is known: close, and give that `_GRACE` seconds.

        The reply queue is removed, unless its answer may still come: then it expires.
        """
        if self._finishing:
            # Without confirms a message is returned while the connection is already closing.
            self._failure = self._failure or failure
            return
        self._finishing = True
        self._failure = failure
        self._loop.call_later(_GRACE, self._loop.stop)
        if self._declared and self._channel.is_open and not isinstance(failure, FateUnknown):
            self._channel.queue_delete(self._reply_to, callback=lambda _: self._close())
        else:
            self._close()

    def _close(self) -> None:
        if self._connection.is_closed:
            self._loop.stop()
        elif not self._connection.is_closing:
            self._connection.close()

    def _not_open(self) -> None:
        if not self._connection.is_open and not self._finishing:
            host, port = self._options.address()
            self._failure = ConnectionFailed(f"cannot reach the AMQP broker at {host}:{port}: timed out")
            self._loop.stop()

    def _too_late(self) -> None:
        if self._finishing or not self._connection.is_open:
            return
        if not self._published:
            self._finish(NotPublished("the AMQP broker was too slow before the message was published"))
        elif self._confirmed or not self._options.confirm:
            self._finish(FateUnknown("no answer came before the deadline"))
        else:
            self._finish(FateUnknown("the broker did not confirm the message before the deadline"))

    def _open_failed(self, connection: Any, error: Any) -> None:
        host, port = self._options.address()
        cause = _root(error)
        kind: type[PublisherError] = ConnectionFailed
        if isinstance(cause, ProbableAuthenticationError | ProbableAccessDeniedError):
            kind = LoginRefused
        self._fail(kind(f"cannot open AMQP at {host}:{port}: {cause or type(cause).__name__}"), cause)
        self._loop.stop()

    def _channel_closed(self, channel: Any, reason: Exception) -> None:
        code = getattr(reason, "reply_code", 0)
        words = getattr(reason, "reply_text", "") or str(reason)
        if not self._finishing:
            if code == 403:
                self._fail(LoginRefused(f"the broker refused: {words}"), reason)
            elif self._published and code not in (404, 406):
                self._fail(FateUnknown(f"the channel was closed: {words}"), reason)
            else:
                self._fail(NotPublished(f"the broker refused: {words}"), reason)
        self._finishing = True
        self._close()

    def _connection_closed(self, connection: Any, reason: Exception) -> None:
        if not self._finishing:
            kind = FateUnknown if self._published else NotPublished
            self._fail(kind(f"the broker closed the connection: {reason}"), reason)
        self._loop.stop()

    def _fail(self, failure: PublisherError, cause: BaseException) -> None:
        if self._failure is None:
            failure.__cause__ = cause
            self._failure = failure

    def _step(self, action: Callable[[], None]) -> None:
        """Callbacks that arrive after the outcome is known have nothing left to do."""
        if self._finishing:
            return
        try:
            action()
        except AMQPError as error:
            kind = FateUnknown if self._published else NotPublished
            self._fail(kind(f"the AMQP connection broke: {error}"), error)
            self._loop.stop()


def _root(error: Any) -> BaseException:
    """pika wraps the one failure that matters into its workflow's lists of failures."""
    for _ in range(10):
        inner = getattr(error, "exceptions", None) or getattr(error, "exception", None) or error.args[:1]
        inner = inner[-1] if isinstance(inner, list | tuple) and inner else inner
        if not isinstance(inner, BaseException):
            break
        error = inner
    assert isinstance(error, BaseException)
    return error
