"""A client's octets in and out, each within a bounded time: what the HTTP server reads from and writes to."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from cheroot.errors import FatalSSLAlert

WRITE_SECONDS = 10.0  # for a client to take one answer
UNDER_PRESSURE = 1.0  # for one request or answer while others wait for a thread
_SLICE = 0.25
_PIECE = 16 * 1024  # octets at a time, one TLS record (RFC 8446 §5.1)
_LONGEST_LINE = 8 * 1024
_TIMED_OUT = "timed out"  # the words by which cheroot knows that it owes the client a 408
_PLAIN_HTTP = (
    b'{"command":"","response_code":"1102","data":{},"reason":"bad_request",'
    b'"error":"this port speaks HTTPS only: use https:// in the address"}'
)

T = TypeVar("T")


class BodyBroken(Exception):
    """A chunked body breaks its own framing (RFC 9112 §7.1), or ends too early."""


class BodyTooLarge(Exception):
    """A chunked body is longer than allowed."""


class Stream:
    """What reader and writer of one connection share.

    pressed: tells whether others wait for a thread; then a slow client gets only a short while.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.pressed: Callable[[], bool] = _nobody
        self.closed = False
        self.failed = False  # TLS broke down, and with it all that could still be read
        self._socket = sock
        self._began = 0.0
        self._seconds = 0.0

    def close(self) -> None:
        self.closed = True

    def allow(self, seconds: float) -> None:
        """All that is done from now on must end within so many seconds, however the client portions it."""
        self._began = time.monotonic()
        self._seconds = seconds

    def _patiently(self, act: Callable[[], T]) -> T:
        """Receive or send, in slices so as to see when others come to wait. Raises TimeoutError."""
        while True:
            spent = time.monotonic() - self._began
            left = (min(self._seconds, UNDER_PRESSURE) if self.pressed() else self._seconds) - spent
            if left <= 0:
                raise TimeoutError(_TIMED_OUT)
            self._socket.settimeout(min(left, _SLICE))
            try:
                return act()
            except TimeoutError:
                continue
            except ssl.SSLError as error:
                # The handshake happens here, too, in the worker's thread and within its time.
                self.failed = True
                if error.reason == "HTTP_REQUEST":
                    _answer_in_plain(self._socket)
                raise FatalSSLAlert(str(error.reason)) from None


def _nobody() -> bool:
    return False


class Reader(Stream):
    """Buffered reading, in the shape cheroot asks of a connection's ``rfile``."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.bytes_read = 0
        self._buffer = bytearray()

    def has_data(self) -> bool:
        if self._buffer:
            return True
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def read(self, size: int | None = None) -> bytes:
        """Exactly ``size`` octets, or fewer at the end of the stream."""
        wanted = _PIECE if size is None else size
        while len(self._buffer) < wanted and self._fill():
            pass
        return self._take(wanted)

    def readline(self, size: int | None = None) -> bytes:
        """Up to and with the next LF, but never more than ``size`` (or 8 KiB)."""
        limit = _LONGEST_LINE if size is None else size
        searched = 0
        while (end := self._buffer.find(b"\n", searched, limit)) < 0:
            searched = len(self._buffer)
            if searched >= limit or not self._fill():
                return self._take(limit)
        return self._take(end + 1)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self.bytes_read += len(taken)
        return taken

    def _fill(self) -> bool:
        piece = self._patiently(lambda: self._socket.recv(_PIECE))
        self._buffer += piece
        return bool(piece)


class Writer(Stream):
    """Writing in one piece what belongs together, in the shape cheroot asks of a ``wfile``."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.bytes_written = 0
        self._held = b""
        self._holding = False

    def hold(self) -> None:
        """Keep the next write back until the one after it: head and body leave in one segment."""
        self._holding = True

    def write(self, octets: bytes) -> int:
        if self._holding:
            self._held, self._holding = octets, False
        else:
            self._send(self._held + octets)
        return len(octets)

    def flush(self) -> None:
        self._holding = False
        if self._held:
            self._send(self._held)

    def _send(self, octets: bytes) -> None:
        self._held = b""
        self.allow(WRITE_SECONDS)
        left = memoryview(octets)
        while left:
            piece = left
            left = left[self._patiently(lambda: self._socket.send(piece)) :]  # noqa: B023 it is called at once
        self.bytes_written += len(octets)


def open_stream(sock: socket.socket, mode: str = "rb", bufsize: int = 0) -> Reader | Writer:
    """What cheroot calls a ``makefile``."""
    return Reader(sock) if "r" in mode else Writer(sock)


def _answer_in_plain(sock: socket.socket) -> None:
    """A client spoke HTTP to the HTTPS port: say so in its own language."""
    head = (
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(_PLAIN_HTTP)}\r\nConnection: close\r\n\r\n"
    )
    try:
        socket.socket.send(sock, head.encode("ascii") + _PLAIN_HTTP)
    except OSError:
        pass


class ChunkedBody:
    """A body in the chunked coding (RFC 9112 §7.1) as ``wsgi.input``; at most ``limit`` octets of content.

    ``remaining`` is 0 once the last chunk and the trailers were read, and 1 before.
    """

    def __init__(self, rfile: Reader, limit: int) -> None:
        self._rfile = rfile
        self._limit = limit
        self.remaining = 1

    def read(self, size: int | None = None) -> bytes:
        """The whole content, whatever ``size``. Raises BodyBroken or BodyTooLarge."""
        return b"".join(self._chunks()) if self.remaining else b""

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.read(),))

    def _chunks(self) -> Iterator[bytes]:
        total = framing = 0
        while True:
            line = self._rfile.readline(256)
            digits = line.partition(b";")[0].strip()
            if (
                not line.endswith(b"\n")
                or not 0 < len(digits) <= 8
                or digits.strip(b"0123456789abcdefABCDEF")
            ):
                raise BodyBroken("a chunk does not begin with its length")
            length = int(digits, 16)
            total += length
            framing += len(line)
            # One octet a chunk is allowed, but not framing without end.
            if total > self._limit or framing > 8 * self._limit:
                raise BodyTooLarge
            if length == 0:
                break
            chunk = self._rfile.read(length)
            if len(chunk) < length or self._rfile.read(2) != b"\r\n":
                raise BodyBroken("a chunk is not as long as it says")
            yield chunk
        for _ in range(16):
            if self._rfile.readline(1024) in (b"\r\n", b"\n", b""):
                self.remaining = 0
                return
        raise BodyBroken("the body has too many trailers")
