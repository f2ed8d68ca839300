"""A vendor's HTTP server for the tests: answers what it is told to, keeps what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    line: str  # "GET /nic/update?hostname=…"
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class VendorServer:
    """Answers in the order of ``answers``: text with 200, or (status, text), or (status, text, headers)."""

    answers: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append(Asked(f"{self.command} {self.path}", headers, body))
                status, text, more = outer.next_answer()
                octets = text.encode()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def next_answer(self) -> tuple[int, str, Mapping[str, str]]:
        if not self.answers:
            return 500, "the test has no answer left", {}
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return 200, answer, {}
        status, text, *more = answer
        return status, text if isinstance(text, str) else json.dumps(text), more[0] if more else {}

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def lines(self) -> list[str]:
        return [one.line for one in self.asked]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def answering(*answers: Any, tls: ssl.SSLContext | None = None) -> Iterator[VendorServer]:
    server = VendorServer(list(answers), tls=tls)
    try:
        yield server
    finally:
        server.stop()
