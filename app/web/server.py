"""The HTTP and HTTPS listeners: they share the threads and can be moved while the service runs."""

from __future__ import annotations

import logging
import resource
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cheroot import wsgi

from app.web.connection import Connection
from app.web.pool import Pool
from app.web.streams import open_stream

log = logging.getLogger(__name__)

IDLE_SECONDS = 60  # between two requests of one connection
SILENT_SECONDS = 10  # before the first
HEAD_LIMIT = 16 * 1024  # octets of request line and header fields together
_BACKLOG = 512


@dataclass(frozen=True)
class Listener:
    """Where to listen. An empty host: on every address, of both families where the system has them."""

    port: int
    tls: ssl.SSLContext | None = None
    host: str = ""


class WebServer:
    """Serves one WSGI application on any number of named listeners.

    body_limit: octets of a request's body that are read at all.
    look_up: seconds between two looks at connections that are too long idle, and to stop when told to.
    """

    def __init__(
        self, app: Callable[..., Any], pool: Pool, body_limit: int = 64 * 1024, look_up: float = 0.5
    ) -> None:
        self._app = app
        self._pool = pool
        self._body_limit = body_limit
        self._look_up = look_up
        self._crowd = _Crowd()
        self._running: dict[str, tuple[Listener, _Server]] = {}
        self._lock = threading.Lock()

    def apply(self, listeners: Mapping[str, Listener]) -> list[str]:
        """Have exactly these listeners; requests under way are answered all the same.

        What could not be opened comes back as sentences; where it was open elsewhere, it stays there.
        """
        with self._lock:
            old = {n: held for n, held in self._running.items() if listeners.get(n) != held[0]}
            new = {n: listener for n, listener in listeners.items() if n not in self._running or n in old}
            wanted = {listener.port for listener in new.values()}
            for name, (listener, _) in old.items():
                # A port that changes hands must be free first; any other is left when its successor stands.
                if name not in new or listener.port in wanted:
                    self._close(name)
            return [problem for name, listener in new.items() if (problem := self._move(name, listener))]

    def ports(self) -> dict[str, int]:
        """The port each listener really has, by name."""
        return {name: server.bind_addr[1] for name, (_, server) in self._running.items()}

    def stop(self) -> None:
        """Close all listeners, then let the threads end."""
        self.apply({})
        self._pool.stop()

    def _move(self, name: str, listener: Listener) -> str:
        try:
            server = self._open(name, listener)
        except OSError as error:
            # cheroot packs the system's words into its own.
            reason = error.__cause__ or error
            log.error("%s: port %d cannot be opened: %s", name, listener.port, reason)
            return f"port {listener.port} cannot be opened for {name}: {reason}"
        if name in self._running:
            self._close(name)
        self._running[name] = (listener, server)
        log.info("%s: listening on port %d", name, server.bind_addr[1])
        return ""

    def _open(self, name: str, listener: Listener) -> _Server:
        hosts = [listener.host] if listener.host else ["::", "0.0.0.0"] if socket.has_ipv6 else ["0.0.0.0"]
        while True:
            server = _Server((hosts.pop(0), listener.port), self._app, self._pool, self._crowd)
            server.body_limit = self._body_limit
            server.expiration_interval = self._look_up
            # Content beyond the limit is refused unread; cheroot knows lengths that are declared only.
            server.max_request_body_size = self._body_limit
            server.ssl_adapter = None if listener.tls is None else _Tls(listener.tls)
            try:
                server.prepare()
            except OSError:
                if not hosts:
                    raise
                continue
            threading.Thread(target=server.serve, name=f"{name}-accept", daemon=True).start()
            return server

    def _close(self, name: str) -> None:
        listener, server = self._running.pop(name)
        server.stop()
        log.info("%s: port %d is closed", name, listener.port)


class _Crowd:
    """All connections of all listeners: too many, and one that does nothing has to go."""

    def __init__(self) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.limit = 1000 if soft == resource.RLIM_INFINITY else min(1000, soft * 6 // 10)
        self._lock = threading.Lock()
        self._present: set[Connection] = set()
        self._silent: dict[Connection, None] = {}  # in the order they came
        self._idle: dict[Connection, None] = {}

    def enter(self, conn: Connection) -> None:
        with self._lock:
            self._present.add(conn)
            victim = None
            if len(self._present) > self.limit:
                victim = next(iter(self._silent), None) or next(iter(self._idle), None)
                if victim is not None:
                    self._silent.pop(victim, None)
                    self._idle.pop(victim, None)
        if victim is not None:
            victim.cut()

    def leave(self, conn: Connection) -> None:
        with self._lock:
            self._present.discard(conn)
            self._silent.pop(conn, None)
            self._idle.pop(conn, None)

    def rest(self, conn: Connection) -> None:
        with self._lock:
            (self._idle if conn.seen else self._silent)[conn] = None

    def stir(self, conn: Connection) -> None:
        with self._lock:
            self._silent.pop(conn, None)
            self._idle.pop(conn, None)


class _Server(wsgi.Server):
    """One listener: cheroot's selector loop in front of the shared pool."""

    ConnectionClass = Connection
    body_limit = 0

    def __init__(self, address: tuple[str, int], app: Callable[..., Any], pool: Pool, crowd: _Crowd) -> None:
        super().__init__(address, app, server_name="OTP-Pi", request_queue_size=_BACKLOG)
        self.timeout = IDLE_SECONDS
        self.max_request_header_size = HEAD_LIMIT
        self.keep_alive_conn_limit = None  # type: ignore[assignment]  # none: the crowd is counted as a whole
        self.requests = _Shared(pool)
        self.pressed = pool.pressed
        self._crowd = crowd

    def process_conn(self, conn: Connection) -> None:
        """Called by the selector's thread, with a new connection or with one that sent something."""
        if conn.last_used is None:
            # cheroot would give every new connection a thread to wait in: silent ones wait here instead.
            self._crowd.enter(conn)
            self.put_conn(conn)
            if conn.last_used is not None:
                conn.last_used -= IDLE_SECONDS - SILENT_SECONDS
            return
        self._crowd.stir(conn)
        conn.seen = True
        self.requests.put(conn)

    def _serve_unservicable(self) -> None:
        """cheroot 11 keeps a thread for connections its own pool refuses; ours refuses none."""

    def put_conn(self, conn: Connection) -> None:
        self._crowd.rest(conn)
        super().put_conn(conn)

    def forget(self, conn: Connection) -> None:
        self._crowd.leave(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        # cheroot's words and tracebacks may hold what a client sent.
        if level >= logging.ERROR:
            kind = sys.exc_info()[0]
            log.error("a request failed with an unforeseen %s", kind.__name__ if kind else "error")


class _Shared:
    """The pool as one of several servers may see it: starting and stopping is not theirs."""

    def __init__(self, pool: Pool) -> None:
        self.put = pool.put

    def start(self) -> None: ...

    def stop(self, timeout: float = 0) -> None: ...


class _Tls:
    """TLS for cheroot, with the handshake in the worker's thread: a silent client must not stop the rest."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.makefile = open_stream

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, str]]:
        return self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}

    def get_environ(self) -> dict[str, str]:
        return {}
