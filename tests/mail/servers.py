"""Mail servers for the tests: real ones that refuse where they are told to, and ones that misbehave."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority of the test, with server certificates for localhost and for a stranger."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ca.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        itself = _certificate(
            self._name, self._name, self._key, self._key, x509.BasicConstraints(ca=True, path_length=0)
        )
        self.file.write_bytes(itself.public_bytes(serialization.Encoding.PEM))
        here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        self.server_file = self._issue("server", here)
        self.strangers_file = self._issue("stranger", [x509.DNSName("elsewhere.example")])

    def _issue(self, name: str, names: list[x509.GeneralName]) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _certificate(subject, self._name, key, self._key, x509.SubjectAlternativeName(names))
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file

    def for_servers(self, file: Path | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file or self.server_file)
        return context

    def for_clients(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))


def _certificate(subject: Any, issuer: Any, key: Any, signer: Any, extension: Any) -> x509.Certificate:
    """With everything that Python 3.13 asks for: it verifies strictly (RFC 5280 §4.2.1)."""
    now = datetime.datetime.now(datetime.UTC)
    authority = isinstance(extension, x509.BasicConstraints)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(extension, critical=authority)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if authority:
        uses = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "encipher_only", "decipher_only"), False
        )  # fmt: skip
        uses |= {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**uses), critical=True)
    return builder.sign(signer, hashes.SHA256())


@dataclass
class Received:
    """A mail as a server got it."""

    account: str
    sender: str
    recipients: list[str]
    octets: bytes
    options: list[str] = field(default_factory=list)


class MailServer:
    """A real SMTP server. refusals: stage (``MAIL``, ``RCPT``, ``DATA``) → the reply it gives there.

    before_verdict: called with each whole mail, in the server's loop, before it is answered.
    """

    def __init__(
        self,
        *,
        users: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        tls_from_start: bool = False,
        international: bool = True,
        refusals: dict[str, str] | None = None,
    ) -> None:
        self.users = users or {}
        self.refusals = refusals or {}
        self.mails: list[Received] = []
        self.sessions = 0
        self.before_verdict: Callable[[Received], None] = lambda mail: None
        self._arrived = threading.Condition()
        options: dict[str, Any] = {"enable_SMTPUTF8": international}
        if self.users:
            options |= {
                "authenticator": self._authenticate,
                "auth_required": True,
                "auth_require_tls": tls is not None and not tls_from_start,
            }
        if tls is not None and not tls_from_start:
            options |= {"tls_context": tls, "require_starttls": True}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="mail-server", daemon=True).start()
        self._server = asyncio.run_coroutine_threadsafe(
            self._loop.create_server(
                lambda: SMTP(self, hostname="mail.test", loop=self._loop, **options),
                "127.0.0.1",
                0,
                ssl=tls if tls_from_start else None,
            ),
            self._loop,
        ).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def wait_for(self, count: int, seconds: float = 30.0) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.mails) >= count, seconds), len(self.mails)

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = self.users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=right, handled=False, auth_data=data)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = name
        return lines

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refusals:
            return self.refusals["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        login = getattr(session.auth_data, "login", b"").decode()
        assert isinstance(envelope.content, bytes)
        mail = Received(
            login, envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content, envelope.mail_options
        )
        with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        self.before_verdict(mail)
        return "250 2.0.0 queued as 4711"


@contextmanager
def running(server: MailServer) -> Iterator[MailServer]:
    try:
        yield server
    finally:
        server.stop()


class Scripted:
    """A server that plays a script for each connection and keeps what the client said.

    A step is what to send, after reading as many client lines as stand before it: ``(0, b"220 hi\\r\\n")``.
    In place of the number the last line to read may stand.
    ``DROP`` closes the connection, ``HANG`` waits until the server stops, ``(n, b"…", pause)`` drips octets.
    """

    DROP = "drop"
    HANG = "hang"

    def __init__(self, *steps: Any) -> None:
        self.steps: Sequence[Any] = steps
        self.said: list[bytes] = []
        self.connections = 0
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="scripted", daemon=True)
        self._thread.start()

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            lines = connection.makefile("rb")
            try:
                for step in self.steps:
                    if step == self.DROP:
                        return
                    if step == self.HANG:
                        self._stopping.wait(30)
                        return
                    count, octets, *pause = step
                    for _ in range(count if isinstance(count, int) else 1000):
                        self.said.append(lines.readline())
                        if self.said[-1] in (count, b""):
                            break
                    for piece in [bytes([one]) for one in octets] if pause else [octets]:
                        connection.sendall(piece)
                        if pause and self._stopping.wait(pause[0]):
                            return
            except OSError:
                return
