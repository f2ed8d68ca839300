"""Sections email and smtp: the accounts mail goes out by, and the mail server for the local network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from app.settings.checks import EmailOrNone, Host, Ipv4, Network, Port, email
from app.settings.option import option
from app.settings.problems import Finding, Wrong
from app.settings.section import About, Around, Listener, Section


class EmailAccount(Section):
    """One account at a mail provider; the active ones take turns."""

    about: ClassVar[About] = About(
        name="email",
        title="E-mail accounts",
        reset="RESET_EMAIL",
        many=True,
        key="name",
        help="Accounts take turns. One that fails is left alone for a while and the next one sends.",
    )

    name: str = option(..., "Name", longest=63)
    smtp_host: Host = option(..., "SMTP host", help="The provider's server for outgoing mail.")
    port: Port = option(587, "Port", help="587 with STARTTLS, 465 with TLS from the start.")
    ssl: bool = option(False, "TLS from the start", help="Also called SSL; usual on port 465.")
    start_tls: bool = option(
        True, "STARTTLS before sending", help="Never without: a server that does not offer it gets nothing."
    )
    authentication: bool = option(True, "Authentication", help="Sign in with the account and its password.")
    sender_account: str = option(
        ..., "Sender account", help="The name to sign in with, and the sender unless one is given below."
    )
    sender_password: str = option("", "Sender password", secret=True)
    from_address: EmailOrNone = option(
        "", "Sender address", help="When the account to sign in with is not the address to send from."
    )
    daily_limit: int = option(
        0,
        "Daily limit",
        minimum=0,
        maximum=10_000_000,
        help="Mails from midnight to midnight; 0 is no limit.",
    )
    active: bool = option(True, "Active")

    @property
    def sender(self) -> str:
        """The address mail goes out from."""
        return self.from_address or self.sender_account

    def conflicts(self) -> Iterable[Finding]:
        try:
            email(self.sender)
        except Wrong:
            yield Finding(
                ("from_address", "sender_account"), "must be given: the sender account is not a mail address"
            )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.authentication and not self.sender_password:
            yield Finding(("sender_password",), f"{self.name} has no password and cannot sign in")
        if not self.ssl and not self.start_tls:
            what = "the password and the codes travel" if self.authentication else "the codes travel"
            yield Finding(("start_tls", "ssl"), f"{what} in the clear: turn on STARTTLS or TLS")
        if self.ssl and self.port == 587:
            yield Finding(("ssl", "port"), "port 587 usually wants STARTTLS instead of TLS from the start")
        if not self.ssl and self.port == 465:
            yield Finding(("ssl", "port"), "port 465 usually wants TLS from the start")


class LocalSmtp(Section):
    """Mail from programs and machines of the local network, sent on as mail or as SMS."""

    about: ClassVar[About] = About(
        name="smtp",
        title="Local SMTP server",
        reset="RESET_SMTP",
        help="Takes mail from API users and from the addresses below, and from nobody else. "
        "Mail to NUMBER@sms.SERVER-NAME goes out as an SMS.",
    )

    active: bool = option(False, "Active")
    software_name: str = option(
        "OTP-Pi", "Software name", longest=63, help="How it names itself in greetings."
    )
    server_name: Host = option("otppi.lan", "Server name", help="NUMBER@sms.SERVER-NAME is an SMS.")
    address: Ipv4 = option("127.0.0.1", "Address", help="Where it listens; 0.0.0.0 is everywhere.")
    port: Port = option(25, "Port")
    allowed_addresses: tuple[Network, ...] = option(
        (), "Allowed addresses", help="May send without signing in: addresses or networks."
    )
    require_tls: bool = option(
        True, "Passwords only over TLS", help="Off: also in the clear, for devices that know no TLS."
    )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if not self.active:
            return
        if any(entry.endswith("/0") for entry in self.allowed_addresses):
            yield Finding(("allowed_addresses",), "everybody who reaches the device may send mail by it")
        if not self.require_tls and self.address != "127.0.0.1":
            yield Finding(("require_tls",), "passwords of API users can be read on the network")

    def listeners(self) -> Iterable[Listener]:
        if self.active:
            yield Listener("port", self.port)
