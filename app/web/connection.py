"""cheroot's connection and request as this house wants them: strict, in bounded time, errors in JSON."""

from __future__ import annotations

import re
import socket
import time
from typing import Any, Protocol, cast

from cheroot import server as cheroot
from cheroot.errors import MaxSizeExceeded

from app import wire
from app.core.replies import Reply
from app.web.streams import ChunkedBody, Reader, Writer, open_stream

READ_SECONDS = 10.0  # for a client to send one request, head and body
LINGER_SECONDS = 2.0  # for a client to see a refusal before it has sent everything
SKIPPED = 64 * 1024  # octets of a body nobody asked for that are read past, to keep the connection
LINGER_OCTETS = 1024 * 1024

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_SLUGS = {"408": "timeout", "413": "too_large", "414": "too_large", "500": "failed", "503": "queue_full"}


class Host(Protocol):
    """What a connection needs of its server, besides what cheroot asks."""

    body_limit: int

    def put_conn(self, conn: Any) -> None: ...

    def pressed(self) -> bool: ...

    def forget(self, conn: Connection) -> None: ...


class Headers(cheroot.HeaderReader):
    """Reads header fields as RFC 9112 §5 has them; what two readers could take differently is refused."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Title-cased names to values; repeated ones joined by commas. Raises ValueError with a sentence."""
        found: dict[bytes, bytes] = {} if hdict is None else hdict
        while (line := rfile.readline()) != b"\r\n":
            name, colon, value = line.partition(b":")
            if not line.endswith(b"\r\n") or not colon or not _TOKEN.fullmatch(name):
                raise ValueError("a header line is malformed")
            value = value.strip()
            if b"\0" in value or b"\r" in value:
                raise ValueError("a header value holds a control character")
            # Under CGI's names an underscore would pass for a hyphen.
            if b"_" not in name:
                name = name.title()
                found[name] = found[name] + b", " + value if name in found else value
        _check_framing(found)
        return found


def _check_framing(headers: dict[bytes, bytes]) -> None:
    length = headers.get(b"Content-Length")
    if length is not None and not (length.isdigit() and len(length) <= 18):
        raise ValueError("Content-Length is not a number")
    if length is not None and b"Transfer-Encoding" in headers:
        raise ValueError("Content-Length and Transfer-Encoding exclude each other")
    # cheroot compares these two octet by octet, but they are free of case (RFC 9110 §7.6.1, §10.1.1).
    options = {one.strip() for one in headers.get(b"Connection", b"").lower().split(b",")}
    if b"close" in options:
        headers[b"Connection"] = b"close"
    elif b"keep-alive" in options:
        headers[b"Connection"] = b"Keep-Alive"
    if headers.get(b"Expect", b"").lower() == b"100-continue":
        headers[b"Expect"] = b"100-continue"


class Request(cheroot.HTTPRequest):
    """One request; a body is either read to its end or the connection ends with the answer."""

    header_reader = Headers()

    def read_request_headers(self) -> bool:
        try:
            proceed = super().read_request_headers()
        except MaxSizeExceeded:
            self.simple_response("413 Request Entity Too Large", "the header fields are too long")
            return False
        if proceed and b"Transfer-Encoding" in self.inheaders and not self.chunked_read:
            self.simple_response("400 Bad Request", "Transfer-Encoding has no place in HTTP/1.0")
            return False
        return bool(proceed)

    def respond(self) -> None:
        if self.chunked_read:
            self.rfile = ChunkedBody(self.conn.rfile, self.server.body_limit)
        else:
            length = int(self.inheaders.get(b"Content-Length", 0))
            self.rfile = cheroot.KnownLengthRFile(self.conn.rfile, length)
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        self.conn.wfile.flush()

    def send_headers(self) -> None:
        status = cast(bytes, self.status)  # as the gateway sets it, whatever the stubs say
        unread = self.rfile.remaining
        if unread > 0 and (self.chunked_read or status[:3] in (b"400", b"408", b"413") or unread > SKIPPED):
            self.close_connection = True
        self.conn.unread = self.close_connection and self.rfile.remaining > 0
        self.conn.wfile.hold()
        super().send_headers()

    def simple_response(self, status: Any, msg: str = "") -> None:
        """What cheroot itself refuses: a broken request line, too long a header, too slow a client."""
        status = str(status)
        reason = _SLUGS.get(status[:3], "bad_request")
        body = wire.render(Reply("", "1102", {}, reason, msg or status[4:].lower()))
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.close_connection = True
        self.conn.unread = True
        try:
            self.conn.wfile.write(head.encode("latin-1") + body)
        except OSError:
            pass  # the client is gone, or does not read


class Connection(cheroot.HTTPConnection):
    """A client's connection; as a job of the pool it serves one request and goes back to the selector.

    seen: whether it ever sent something; unread: whether it may still be sending what nobody will read.
    """

    RequestHandlerClass = Request

    server: Host
    rfile: Reader
    wfile: Writer

    def __init__(self, server: Host, sock: socket.socket, makefile: Any = None) -> None:
        # cheroot's own streams are Python's slow ones, and wait without an end for a client that trickles.
        super().__init__(server, sock, open_stream)
        self.rfile.pressed = self.wfile.pressed = server.pressed
        self.seen = False
        self.unread = False
        self._closed = False

    def run(self) -> None:
        self.rfile.allow(READ_SECONDS)
        keep = False
        try:
            keep = self.communicate()
            if keep:
                self.server.put_conn(self)
        except OSError:
            keep = False  # the client is gone
        except (ValueError, KeyError):
            # cheroot's selector was closed under us: the listener is being switched off.
            keep = False
        finally:
            if not keep:
                self.close()

    def cut(self) -> None:
        """End the connection from another thread: whoever reads from it sees its end."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.rfile.close()
        self.wfile.close()
        if self.unread or self.rfile.failed:
            self._linger()
        self.cut()
        self.socket.close()
        self.server.forget(self)

    def _linger(self) -> None:
        """Read on for a moment: closing over unread octets would reset the connection and eat the answer."""
        deadline = time.monotonic() + LINGER_SECONDS
        left = LINGER_OCTETS
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            while left > 0 and (seconds := deadline - time.monotonic()) > 0 and not self.server.pressed():
                self.socket.settimeout(min(seconds, 0.25))
                try:
                    piece = socket.socket.recv(self.socket, 16 * 1024)
                except TimeoutError:
                    continue
                if not piece:
                    return
                left -= len(piece)
        except OSError:
            pass
