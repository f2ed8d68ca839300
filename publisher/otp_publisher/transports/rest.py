"""HTTP: one POST, and the answer in its response."""

import base64
import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown
from ..options import Rest
from ..result import NotAnAnswer, parse_answer

_LARGEST_ANSWER = 1 << 20


class RestTransport:
    callback_delay = 0

    def __init__(self, options: Rest) -> None:
        self._options = options
        self._url = urlsplit(options.url)
        self._context = options.trust.context() if self._url.scheme == "https" else None

    def reply_topic(self) -> None:
        return None

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        connection = self._connect(deadline)
        try:
            return self._ask(connection, payload.encode(), deadline)
        finally:
            connection.close()

    def _connect(self, deadline: Deadline) -> http.client.HTTPConnection:
        host = str(self._url.hostname)
        timeout = deadline.to_connect()
        connection = (
            http.client.HTTPSConnection(host, self._url.port, timeout=timeout, context=self._context)
            if self._context
            else http.client.HTTPConnection(host, self._url.port, timeout=timeout)
        )
        try:
            connection.connect()
        except (OSError, ssl.SSLError, UnicodeError) as error:
            connection.close()
            raise ConnectionFailed(f"cannot reach {self._url.netloc.rpartition('@')[2]}: {error}") from error
        return connection

    def _ask(self, connection: http.client.HTTPConnection, body: bytes, deadline: Deadline) -> str:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        if self._options.username:
            login = f"{self._options.username}:{self._options.password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(login).decode()
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            self._patience(connection, deadline)
            connection.request("POST", path, body, headers)
            self._patience(connection, deadline)
            # Kept aside: with `Connection: close` the response takes the socket over.
            sock = connection.sock
            response = connection.getresponse()
            content = b""
            while chunk := self._read(sock, response, deadline):
                content += chunk
                if len(content) > _LARGEST_ANSWER:
                    raise FateUnknown("the answer is larger than 1 MiB")
        except (OSError, http.client.HTTPException) as error:
            raise FateUnknown(
                f"no answer from {self._url.hostname}: {error or type(error).__name__}"
            ) from error
        return _answer(response.status, content)

    @staticmethod
    def _patience(connection: http.client.HTTPConnection, deadline: Deadline) -> None:
        if connection.sock:
            connection.sock.settimeout(deadline.to_wait())

    @staticmethod
    def _read(sock: socket.socket, response: http.client.HTTPResponse, deadline: Deadline) -> bytes:
        # A server that sends a byte now and then would renew a plain socket timeout for ever.
        if deadline.over:
            raise TimeoutError("the deadline is over")
        if sock.fileno() >= 0:
            sock.settimeout(deadline.to_wait())
        return response.read1(65536)


def _answer(status: int, content: bytes) -> str:
    """The device answers JSON with every status; what is not came from something in between."""
    try:
        parse_answer(content)
    except NotAnAnswer as error:
        if 300 <= status < 500:
            code = "1100" if status in (401, 403) else "1102"
            return json.dumps({"response_code": code, "reason": f"http_{status}", "error": f"HTTP {status}"})
        raise FateUnknown(f"HTTP {status}, and {error}") from error
    return content.decode()
