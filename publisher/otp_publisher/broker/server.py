"""The broker on the wire: the websockets library outside, hub, doorman and limits inside."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from . import answers
from .counters import Counters
from .doorman import Doorman, Verdict
from .gate import BadTopic, login_of, topic_of
from .hub import Hub, Member
from .limits import Limits
from .topics import EVERYTHING, TopicRules
from .watched import Watched

log = logging.getLogger("otp_publisher.broker")

# Scanners, dropped connections and broken frames are everyday life and no line in the log.
_library_log = logging.getLogger("otp_publisher.broker.websockets")
_library_log.setLevel(logging.CRITICAL)


class Broker:
    """Any number of listeners share one broker. All methods belong to its event loop."""

    def __init__(self, doorman: Doorman, limits: Limits, topics: Watched[TopicRules] | None = None) -> None:
        self.counters = Counters()
        self.hub = Hub(self.counters)
        self._doorman = doorman
        self._limits = limits
        self._topics = topics
        self._sockets = 0
        self._lines: dict[Member, tuple[ServerConnection, str | None]] = {}

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None = None) -> Server:
        """Start listening; port 0 takes a free one. OSError where the address is taken."""
        broker, limits = self, self._limits

        class Line(ServerConnection):
            """Counts connections from the first packet on, so that silent ones have a limit too."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                # Without this the kernel alone may keep megabytes for a reader that stands still.
                self.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer
                )
                broker._sockets += 1
                if broker._sockets > limits.clients + limits.knocking:
                    broker.counters.turned_away += 1
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                broker._sockets -= 1
                super().connection_lost(exc)

        return await serve(
            self._talk,
            host,
            port,
            ssl=context,
            process_request=self._knock,
            create_connection=Line,
            compression=None,
            server_header="otp-broker",
            open_timeout=limits.open_timeout,
            ping_interval=limits.ping_interval,
            ping_timeout=limits.ping_timeout,
            close_timeout=limits.close_timeout,
            max_size=limits.message,
            logger=_library_log,
        )

    async def revoke(self) -> None:
        """Close every client whose line of the password file has changed, or whose topic was taken away."""
        rules = self._rules()
        closing = []
        for member, (connection, stored) in self._lines.items():
            if self._doorman.stored(member.user) != stored or not rules.allow(member.user, member.topic):
                log.info("%r lost access to topic %r", member.user, member.topic)
                closing.append(connection.close(1008, "access was taken away"))
        await asyncio.gather(*closing)

    async def _knock(self, connection: ServerConnection, request: Request) -> Response | None:
        """Everything that is decided before the upgrade. None lets the client in."""
        try:
            return await self._decide(connection, request)
        except Exception:
            log.exception("a handshake failed")
            raise

    async def _decide(self, connection: ServerConnection, request: Request) -> Response | None:
        upgrade = request.headers.get_all("Upgrade")
        path = urlsplit(request.path).path
        if not upgrade and path == "/health":
            return answers.health(self._doorman.trouble, self.hub.clients, self.hub.topics)
        login = login_of(request.headers.get_all("Authorization"))
        address = connection.remote_address
        verdict = (
            await self._doorman.check(login, str(address[0]) if address else "") if login else Verdict.WRONG
        )
        if login is None or verdict is not Verdict.WELCOME:
            self.counters.logins_refused += 1
            return answers.unauthorized(verdict)
        if not upgrade and path == "/metrics":
            return answers.metrics(self.counters.exposition(self.hub.clients, self.hub.topics))
        try:
            topic = topic_of(request.path)
        except BadTopic as error:
            return answers.refusal(HTTPStatus.BAD_REQUEST, "1102", "bad_request", str(error))
        if not self._rules().allow(login.user, topic):
            return answers.refusal(
                HTTPStatus.FORBIDDEN, "1100", "topic_not_allowed", "not a topic of this user"
            )
        if self.hub.clients >= self._limits.clients:
            self.counters.turned_away += 1
            return answers.busy("too many clients")
        connection.username = login.user
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        """One client from the upgrade to the end."""
        assert connection.request is not None
        user, topic = connection.username, topic_of(connection.request.path)
        member = Member(user, topic, connection, connection.transport.abort, self._limits)
        self.counters.connections += 1
        self.hub.join(member)
        self._lines[member] = connection, self._doorman.stored(user)
        pump = asyncio.create_task(self._pump(member))
        try:
            await self._relay(connection, member)
        finally:
            pump.cancel()
            del self._lines[member]
            self.hub.leave(member)

    async def _relay(self, connection: ServerConnection, member: Member) -> None:
        # Clients that write one frame and are gone again are normal: what they sent is still read here.
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await connection.recv(decode=False)
                try:
                    message.decode()
                except UnicodeDecodeError:
                    await connection.close(1007, "not UTF-8")
                    return
                for slow in self.hub.publish(member, message):
                    log.warning("%r reads topic %r too slowly and was closed", slow.user, slow.topic)
                # A burst must not fill the queues of readers that had no turn to empty them.
                await asyncio.sleep(0)

    async def _pump(self, member: Member) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            await member.pump(self.hub.sent)

    def _rules(self) -> TopicRules:
        return self._topics.current if self._topics else EVERYTHING


async def watch(broker: Broker, every: float, reload: Callable[[], None]) -> None:
    """Look at the files now and then, also while nobody logs in."""
    while True:
        await asyncio.sleep(every)
        try:
            reload()
            await broker.revoke()
        except Exception:
            log.exception("looking after the files failed; trying again")
