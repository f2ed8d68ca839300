"""A WebSocket message broker: one connection to listen on, a second for each answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

import websocket

from app.brokers.dial import Fault, Place, context, dial, in_words
from app.brokers.link import Bell, Incoming, Unpublishable
from app.core.clock import Clock
from app.settings.subscribers import SubscriberWs

PING = 20.0  # seconds of quiet after which we ask whether the broker is still there
NIBBLE = 0.05  # seconds to wait for the rest of a frame before the rest of the house is looked at


class WsLink:
    """One WebSocket connection; the broker keeps nothing, so there is nothing to acknowledge."""

    def __init__(self, options: SubscriberWs, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._bell = Bell()
        self._socket: websocket.WebSocket | None = None
        self._heard = 0.0
        self._pinged = 0.0

    def open(self) -> None:
        self._socket = self._connected(self._options.topic)
        self._socket.settimeout(NIBBLE)
        self._heard = self._pinged = self._clock.steady()

    def _connected(self, topic: str) -> websocket.WebSocket:
        options, place = self._options, self._place
        sock = dial(place)
        headers = []
        if options.username:
            pair = f"{options.username}:{options.password}".encode()
            headers.append(f"Authorization: Basic {base64.b64encode(pair).decode('ascii')}")
        try:
            made = websocket.create_connection(
                self._address(topic),
                timeout=place.timeout,
                socket=sock,
                header=headers,
                redirect_limit=0,  # the password is for this place alone
                suppress_origin=True,
                skip_utf8_validation=True,  # a wrong text is that message's fault, not the connection's
            )
        except websocket.WebSocketBadStatusException as error:
            sock.close()
            raise Fault(_status(error.status_code, options.path)) from error
        except websocket.WebSocketTimeoutException as error:
            sock.close()
            raise Fault(in_words(TimeoutError(), place)) from error
        except (websocket.WebSocketException, OSError) as error:
            sock.close()
            if isinstance(error, OSError):
                raise Fault(in_words(error, place)) from error
            raise Fault(f"{place} does not speak WebSocket on the path {options.path}") from error
        status = made.getstatus()
        if status != 101:  # up to 1.8 the library takes a redirection that it does not follow for success
            made.shutdown()
            raise Fault(_status(status, options.path))
        return made

    def _address(self, topic: str) -> str:
        """The path with its own query kept and the topic set (wire §4)."""
        options = self._options
        parts = urlsplit(options.path)
        query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
        query = [pair for pair in query if pair[0] != options.topic_parameter]
        query.append((options.topic_parameter, topic))
        scheme = "wss" if options.ssl else "ws"
        return f"{scheme}://{self._place}{parts.path}?{urlencode(query)}"

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        opened = self._opened()
        now = self._clock.steady()
        if now - self._heard >= PING and now - self._pinged >= PING:
            self._pinged = now
            self._tell(opened)
        if now - self._heard >= PING + self._place.timeout:
            raise Fault(f"{self._place} fell silent for {PING + self._place.timeout:g} s")
        sock = opened.sock
        held = bool(getattr(sock, "pending", lambda: 0)())
        if not held and not self._bell.wait(sock, min(seconds, PING)):
            return ()
        return self._read(opened)

    def _tell(self, opened: websocket.WebSocket) -> None:
        try:
            opened.ping(b"otp-pi")  # not empty: there are brokers that an empty one confuses
        except (websocket.WebSocketException, OSError) as error:
            raise Fault(f"{self._place} closed the connection") from error

    def _read(self, opened: websocket.WebSocket) -> Sequence[Incoming]:
        try:
            kind, octets = opened.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return ()  # a part of a frame: the library keeps it
        except (websocket.WebSocketException, OSError) as error:
            raise Fault(f"{self._place} closed the connection") from error
        self._heard = self._clock.steady()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            raise Fault(f"{self._place} closed the connection")
        if kind in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            return (Incoming(bytes(octets)),)
        return ()

    def limit(self, prefetch: int) -> None:
        """A WebSocket cannot be asked to wait."""

    def settle(self, token: object) -> None:
        """There is nothing to acknowledge."""

    def release(self, token: object) -> bool:
        return False

    def publish(self, topic: str, body: bytes) -> None:
        try:
            other = self._connected(topic)
        except Fault as fault:
            raise Unpublishable(str(fault)) from fault
        try:
            other.send(body.decode("ascii"))
            other.close(timeout=1)
        except (websocket.WebSocketException, OSError) as error:
            raise Unpublishable("the broker closed the connection") from error
        finally:
            other.shutdown()

    def wake(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        opened, self._socket = self._socket, None
        if opened is not None:
            try:
                opened.close(timeout=1)
            except (websocket.WebSocketException, OSError):
                pass
            opened.shutdown()
        self._bell.close()

    def _opened(self) -> websocket.WebSocket:
        if self._socket is None or self._socket.sock is None:
            raise Fault("the connection is not open")
        return self._socket


def _status(status: int | None, path: str) -> str:
    match status:
        case 401 | 403:
            return "the broker refused the user name or the password"
        case 404:
            return f"the broker knows no path {path}"
    return f"the broker answered with status {status} instead of opening a WebSocket"
