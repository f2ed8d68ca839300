"""STOMP 1.2: SEND with a receipt; the answer is awaited on a topic subscribed to before."""

import inspect
import logging
import queue
import socket
from collections.abc import Callable
from typing import Any

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown, LoginRefused, NotPublished, PublisherError
from ..options import Stomp
from .base import missing, unique

try:
    import stomp
except ImportError as error:
    raise missing("stomp.py", "stomp", error) from error

# At DEBUG it writes whole frames, and with them codes and texts.
logging.getLogger("stomp.py").setLevel(logging.INFO)


class StompTransport:
    def __init__(self, options: Stomp) -> None:
        self._options = options
        self.callback_delay = options.callback_delay

    def reply_topic(self) -> str:
        """A topic, never a queue: it ends with its subscription and leaves nothing behind at the broker."""
        return "/topic/" + unique(self._options.topic.rsplit("/", 1)[-1])

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        call = _Call(self._connection(deadline), deadline)
        try:
            call.open(self._options, lambda: self._why_not(deadline))
            if reply_to is not None:
                call.subscribe(reply_to)
            headers = {"content-type": "application/json"}
            if self._options.persistent:
                headers["persistent"] = "true"
            call.send(self._options.topic, payload, headers)
            return None if reply_to is None else call.answer()
        finally:
            call.close()

    def _connection(self, deadline: Deadline) -> Any:
        address = self._options.address()
        connection = stomp.StompConnection12(
            [address],
            prefer_localhost=False,
            try_loopback_connect=False,
            reconnect_attempts_max=1,
            timeout=deadline.to_connect(),
            vhost=self._options.vhost or None,
        )
        if self._options.ssl:
            trust = self._options.trust
            # Up to 8.2 `ca_certs` alone decides whether anything is verified; 9 asks for `verify` as well.
            flag = (
                {"verify": trust.verify}
                if "verify" in inspect.signature(connection.transport.set_ssl).parameters
                else {}
            )
            connection.set_ssl(
                [address],
                ca_certs=trust.authorities() if trust.verify else None,
                cert_file=trust.cert_file or None,
                key_file=trust.key_file or None,
                **flag,
            )
        return connection

    def _why_not(self, deadline: Deadline) -> Exception | None:
        """stomp.py logs why it could not connect and forgets it; connecting once more by hand tells."""
        host, port = self._options.address()
        try:
            with socket.create_connection((host, port), deadline.to_connect()) as plain:
                if self._options.ssl:
                    self._options.trust.context().wrap_socket(plain, server_hostname=host).close()
        except (OSError, PublisherError) as error:
            return error
        return None


class _Call(stomp.ConnectionListener):  # type: ignore[misc]
    """One connection; the library's thread only fills the queue that this one reads until the deadline."""

    def __init__(self, connection: Any, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._events: queue.Queue[tuple[str, str]] = queue.Queue()
        self._early: str | None = None
        connection.set_listener("", self)

    def open(self, options: Stomp, why_not: Callable[[], Exception | None]) -> None:
        host, port = options.address()
        failed: Exception | None = None
        try:
            self._connection.connect(
                options.username or None, options.password or None, wait=False, with_connect_command=True
            )
        except stomp.exception.StompException as error:
            failed = error
        if failed is not None:
            cause = why_not() or failed
            raise ConnectionFailed(f"cannot reach the STOMP broker at {host}:{port}: {cause}") from cause
        kind, text = self._next({"connected"}, self._deadline.to_connect())
        if kind == "error":
            raise LoginRefused(f"the STOMP broker at {host}:{port} refused: {text}")
        if kind != "connected":
            raise ConnectionFailed(f"the STOMP broker at {host}:{port} did not answer: {text}")

    def subscribe(self, topic: str) -> None:
        try:
            self._connection.subscribe(topic, id="answer", ack="auto", headers={"receipt": "listening"})
        except (OSError, stomp.exception.StompException) as error:
            raise NotPublished(f"the connection broke before the message: {error}") from error
        kind, text = self._next({"receipt"}, self._deadline.to_connect())
        if kind == "error":
            raise LoginRefused(f"the broker refused the answer topic: {text}")
        if kind != "receipt":
            raise NotPublished(f"the broker did not confirm that it listens for the answer: {text}")

    def send(self, destination: str, payload: str, headers: dict[str, str]) -> None:
        try:
            self._connection.send(destination, payload, headers=headers | {"receipt": "sent"})
        except (OSError, stomp.exception.StompException) as error:
            raise FateUnknown(f"the connection broke while sending: {error}") from error
        kind, text = self._next({"receipt"}, self._deadline.to_wait())
        if kind == "error":
            raise NotPublished(f"the broker refused the message: {text}")
        if kind != "receipt":
            raise FateUnknown(f"the broker did not confirm the message: {text}")

    def answer(self) -> str:
        if self._early is not None:
            return self._early
        kind, text = self._next({"message"}, self._deadline.to_wait())
        if kind != "message":
            raise FateUnknown(f"no answer came before the deadline: {text}")
        return text

    def close(self) -> None:
        try:
            if self._connection.is_connected():
                self._connection.disconnect()
                self._next({"lost"}, 1.0)
        except (OSError, stomp.exception.StompException):
            pass
        finally:
            self._connection.transport.stop()

    def _next(self, wanted: set[str], seconds: float) -> tuple[str, str]:
        """The next event of a wanted kind, an error or a loss, or `("silence", "timed out")`."""
        wait = Deadline(seconds)
        while not wait.over:
            try:
                kind, text = self._events.get(timeout=wait.to_wait())
            except queue.Empty:
                break
            if kind in wanted or kind in ("error", "lost"):
                return kind, text
            if kind == "message":
                # A quick device answers before the receipt of the sending comes in.
                self._early = text
        return "silence", "timed out"

    def on_connected(self, frame: Any) -> None:
        self._events.put(("connected", ""))

    def on_receipt(self, frame: Any) -> None:
        self._events.put(("receipt", ""))

    def on_message(self, frame: Any) -> None:
        self._events.put(("message", frame.body))

    def on_error(self, frame: Any) -> None:
        self._events.put(("error", frame.headers.get("message") or "an ERROR frame"))

    def on_disconnected(self) -> None:
        self._events.put(("lost", "the connection was closed"))
