"""WebSocket broker: one text frame on the topic; the answer arrives on a second connection opened before."""

import base64
import contextlib
import logging
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown, LoginRefused, NotPublished
from ..options import Ws
from .base import missing, unique

try:
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.sync.client import ClientConnection, connect
except ImportError as error:
    raise missing("websockets", "ws", error) from error

# At DEBUG it writes the beginning and the end of each frame, and with them codes and texts.
_library_log = logging.getLogger("otp_publisher.websockets")
_library_log.setLevel(logging.INFO)


class WsTransport:
    def __init__(self, options: Ws) -> None:
        self._options = options
        self.callback_delay = options.callback_delay
        self._context = options.trust.context() if options.ssl else None

    def reply_topic(self) -> str:
        return unique(self._options.topic)

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        if reply_to is None:
            self._publish(payload, deadline)
            return None
        with self._open(reply_to, deadline) as listener:
            self._publish(payload, deadline)
            try:
                answer = listener.recv(timeout=deadline.to_wait())
            except TimeoutError as error:
                raise FateUnknown("no answer came before the deadline") from error
            except (OSError, WebSocketException) as error:
                raise FateUnknown(f"the broker went away before the answer: {error}") from error
            return answer if isinstance(answer, str) else answer.decode(errors="replace")

    def _publish(self, payload: str, deadline: Deadline) -> None:
        with self._open(self._options.topic, deadline) as sender:
            try:
                sender.send(payload)
                # The broker answers a close frame only after it has read all that came before it.
                sender.close()
            except (OSError, WebSocketException) as error:
                raise FateUnknown(f"the broker went away after the message: {error}") from error
        if sender.close_code == 1009:
            raise NotPublished("the broker refused the message: it is too large")
        if sender.close_code not in (1000, 1001, 1005):
            raise FateUnknown(
                f"the broker did not say that it read the message (close code {sender.close_code})"
            )

    @contextlib.contextmanager
    def _open(self, topic: str, deadline: Deadline) -> Iterator[ClientConnection]:
        host, port = self._options.address()
        headers = {}
        if self._options.username:
            login = f"{self._options.username}:{self._options.password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(login).decode()
        timeout = deadline.to_connect()
        with contextlib.ExitStack() as stack:
            try:
                # Version 15 connects at the call, later ones on entering; here both is one step.
                connection = stack.enter_context(
                    connect(
                        self._uri(topic),
                        ssl=self._context,
                        additional_headers=headers,
                        open_timeout=timeout,
                        close_timeout=min(2.0, timeout),
                        # A proxy of the environment must not see messages meant for this host.
                        proxy=None,
                        compression=None,
                        ping_interval=None,
                        logger=_library_log,
                    )
                )
            except InvalidStatus as error:
                raise _refused(f"{host}:{port}", error.response.status_code) from error
            except (OSError, EOFError, ValueError, WebSocketException) as error:
                raise ConnectionFailed(f"cannot reach the broker at {host}:{port}: {error}") from error
            yield connection

    def _uri(self, topic: str) -> str:
        host, port = self._options.address()
        host = f"[{host}]" if ":" in host else host
        path = urlsplit(self._options.path)
        kept = [
            (key, value)
            for key, value in parse_qsl(path.query, keep_blank_values=True)
            if key != self._options.topic_parameter
        ]
        query = urlencode([*kept, (self._options.topic_parameter, topic)])
        scheme = "wss" if self._options.ssl else "ws"
        return urlunsplit((scheme, f"{host}:{port}", "/" + path.path.lstrip("/"), query, ""))


def _refused(broker: str, status: int) -> NotPublished:
    if status in (401, 403):
        return LoginRefused(f"the broker at {broker} refused the login or the topic: HTTP {status}")
    return ConnectionFailed(f"the broker at {broker} answered HTTP {status}")
