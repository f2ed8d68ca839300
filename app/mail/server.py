"""The local SMTP server: aiosmtpd in a thread of its own, every mail answered when its outcome is known."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session, syntax

from app.core.errors import BadRequest
from app.core.faults import described
from app.core.gateway import Gateway
from app.core.replies import Reply
from app.mail.parcel import Parcel, Room
from app.mail.reception import LARGEST_MAIL, MOST_RECIPIENTS, Reception, Visitor, admit, verdict

log = logging.getLogger(__name__)

# aiosmtpd writes commands and mails to this logger at DEBUG.
logging.getLogger("mail.log").setLevel(logging.WARNING)

# The certificate for STARTTLS; making it may take a moment. Raises OSError.
Certificate = Callable[[], "ssl.SSLContext | None"]

MOST_CONNECTIONS = 20
_IDLE = 120.0  # seconds without a command
# Seconds for the outcome of a mail, as long as its sender waits (RFC 5321 §4.5.3.2.6): whoever were cut off
# earlier would send it again.
_OUTCOME = 600.0
_WRONG_PASSWORDS = 3  # until the connection ends
_DENIED = "530 5.7.0 sign in first: this server takes mail from known users and addresses only"


class LocalServer:
    """``start`` raises OSError when the port cannot be opened; ``stop`` ends every connection."""

    def __init__(
        self,
        reception: Reception,
        gateway: Gateway,
        certificate: Certificate = lambda: None,
        room: Room | None = None,
    ) -> None:
        self._reception = reception
        self._gateway = gateway
        self._certificate = certificate
        self._tls: ssl.SSLContext | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._room = room or Room()

    def start(self) -> int:
        """Open the port and serve; the port comes back (a test asks for any)."""
        settings = self._reception.settings
        self.certify()
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(
                self._loop.create_server(self._connection, settings.address, settings.port), self._loop
            ).result(10)
        except OSError:
            self.stop()
            raise
        port: int = self._server.sockets[0].getsockname()[1]
        log.info("the local SMTP server listens on %s:%d", settings.address, port)
        return port

    def certify(self) -> None:
        """Take the certificate that is in force now, for the connections to come."""
        try:
            self._tls = self._certificate()
        except OSError as error:
            log.error("the local SMTP server has no certificate and does without STARTTLS: %s", error)
            self._tls = None

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _connection(self) -> _Connection:
        settings = self._reception.settings
        return _Connection(
            _Handler(self._reception, self._gateway, self._loop),
            self._open,
            self._room,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname=settings.server_name,
            ident=settings.software_name,
            tls_context=self._tls,
            auth_require_tls=settings.require_tls,
            timeout=_IDLE,
            command_call_limit={"*": 200, "RCPT": 1000, "AUTH": _WRONG_PASSWORDS + 3},
            loop=self._loop,
        )


class _Connection(SMTP):
    """One visitor's connection; over the limit it is told to come back later."""

    def __init__(self, handler: _Handler, open_ones: set[_Connection], room: Room, **options: Any) -> None:
        super().__init__(handler, **options)
        self._handler = handler
        self._open_ones = open_ones
        self._room = room

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._open_ones.add(self)  # again after STARTTLS, which begins anew
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        if len(self._open_ones) > MOST_CONNECTIONS:
            await self.push("421 4.3.2 too many connections; try again in a moment")
            self._writer.close()
            return
        await super()._handle_client()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        """In place of the library's own, which makes an object of every line and knows no common limit."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None and self.session is not None
        if arg or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        parcel = Parcel(self._room)
        try:
            await parcel.read(self._reader)
            self._reset_timeout(_OUTCOME)
            reply = parcel.refusal or await self._handler.take_in(self.session, self.envelope, parcel)
        finally:
            self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(reply)

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(error)


class _Handler:
    """What aiosmtpd asks of us, for one connection."""

    def __init__(self, reception: Reception, gateway: Gateway, loop: asyncio.AbstractEventLoop) -> None:
        self._reception = reception
        self._gateway = gateway
        self._loop = loop
        self._wrong = 0

    async def auth_PLAIN(self, server: SMTP, args: list[str]) -> AuthResult:
        blob = _decoded(args[1]) if len(args) == 2 else await server.challenge_auth("")
        if blob is MISSING:
            return AuthResult(success=False, handled=True)
        parts = blob.split(b"\0") if isinstance(blob, bytes) else []
        if len(parts) != 3:
            return AuthResult(
                success=False, handled=False, message="501 5.5.2 the credentials cannot be read"
            )
        return await self._sign_in(server, parts[1], parts[2])

    async def auth_LOGIN(self, server: SMTP, args: list[str]) -> AuthResult:
        name = _decoded(args[1]) if len(args) == 2 else await server.challenge_auth("Username:")
        word = MISSING if name is MISSING else await server.challenge_auth("Password:")
        if not isinstance(name, bytes) or not isinstance(word, bytes):
            return AuthResult(success=False, handled=word is MISSING)
        return await self._sign_in(server, name, word)

    async def _sign_in(self, server: SMTP, name: bytes, word: bytes) -> AuthResult:
        assert server.session is not None
        address = _address(server.session)
        try:
            credentials = name.decode(), word.decode()
        except UnicodeDecodeError:
            visitor = None
        else:
            # A password hash takes a while on a small machine: not in the thread of all connections.
            visitor = await self._loop.run_in_executor(
                None, self._reception.guard.sign_in, *credentials, address
            )
        if visitor is not None:
            return AuthResult(success=True, auth_data=visitor)
        self._wrong += 1
        if self._wrong >= _WRONG_PASSWORDS and server.transport is not None:
            await server.push("421 4.7.0 too many wrong passwords")
            server.transport.close()
            return AuthResult(success=False, handled=True)
        return AuthResult(success=False, handled=False, message="535 5.7.8 wrong user name or password")

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._visitor(session) is None:
            return _DENIED
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        visitor = self._visitor(session)
        if visitor is None:
            return _DENIED
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            receiver = self._reception.recipient(address, visitor)
        except BadRequest as error:
            return str(error)
        if receiver not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(receiver)
        return "250 2.1.5 ok"

    async def take_in(self, session: Session, envelope: Envelope, parcel: Parcel) -> str:
        """Hand a mail to the gateway; the reply to give when its outcome is known."""
        visitor = self._visitor(session)
        if visitor is None:
            parcel.leave()
            return _DENIED
        try:
            # Taking a large mail apart takes a while: not in the thread of all connections.
            answer = await self._loop.run_in_executor(
                None, self._begin, visitor, tuple(envelope.rcpt_tos), parcel
            )
        except BadRequest as error:
            return str(error)
        return verdict(await self._heard(answer))

    def _begin(self, visitor: Visitor, receivers: Sequence[str], parcel: Parcel) -> Future[list[Reply]]:
        """The parcel takes its room until the last of its messages has ended, whoever waits for that."""
        try:
            commands = self._reception.commands(receivers, parcel.content)
            admit(visitor, len(commands))
            parcel.content.clear()
            answer = self._gateway.handle_all(commands, visitor.source)
        except BaseException:
            self._in_loop(parcel.leave)
            raise
        answer.add_done_callback(lambda done: self._in_loop(parcel.leave))
        return answer

    async def handle_exception(self, error: Exception) -> str:
        # Its text may hold anything of the mail.
        log.error("the local SMTP server met an unforeseen %s", described(error))
        return "451 4.3.0 an unforeseen error; see the gateway's log"

    async def _heard(self, answer: Future[list[Reply]]) -> Sequence[Reply]:
        """The answer, in this loop. A visitor who leaves cancels the waiting, never the messages."""
        here: asyncio.Future[list[Reply]] = self._loop.create_future()

        def settle(replies: list[Reply]) -> None:
            if not here.done():
                here.set_result(replies)

        def arrived(done: Future[list[Reply]]) -> None:
            replies = done.result()
            self._in_loop(lambda: settle(replies))

        answer.add_done_callback(arrived)
        return await here

    def _in_loop(self, action: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the server was stopped, and the loop with it
            self._loop.call_soon_threadsafe(action)

    def _visitor(self, session: Session) -> Visitor | None:
        if session.authenticated and isinstance(session.auth_data, Visitor):
            return session.auth_data
        return self._reception.by_address(_address(session))


def _address(session: Session) -> str:
    assert session.peer is not None
    return str(session.peer[0])


def _decoded(blob: str) -> bytes | None:
    try:
        return base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return None
