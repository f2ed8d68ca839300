"""A lean HTTP client: one connection kept alive, so that what is measured is the service."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any

from bench.rig import PASSWORD, USER


class Client:
    """Posts commands to the API and reads the answers. Not thread-safe: a client a thread."""

    def __init__(self, port: int, user: str = USER, password: str = PASSWORD, timeout: float = 150.0) -> None:
        self._address = ("127.0.0.1", port)
        self._timeout = timeout
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._head = (
            f"POST /api/message HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {credentials}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._socket: socket.socket | None = None

    def call(self, command: str, **data: Any) -> dict[str, Any]:
        """The answer to one command."""
        body = json.dumps({"command": command, "data": data}).encode()
        self.send(body)
        answer: dict[str, Any] = json.loads(self.receive())
        return answer

    def send(self, body: bytes) -> None:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)

    def receive(self) -> bytes:
        """The body of one answer."""
        assert self._socket is not None
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return body

    def _more(self) -> bytes:
        assert self._socket is not None
        octets = self._socket.recv(65536)
        if not octets:
            raise ConnectionError("the service closed the connection")
        return octets

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
