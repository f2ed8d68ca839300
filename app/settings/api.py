"""Sections api and api_users: where the REST interface listens, and who may use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from app.settings.checks import EmailOrNone, MsisdnOrNone, PasswordHashOrNone, Port, UrlPath, Username
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Around, Listener, Section

Command = Literal[
    "request-otp",
    "verify-otp",
    "send-sms",
    "send-email",
    "send-message",
    "block-msisdn",
    "unblock-msisdn",
    "get-modem-list",
    "request-ussd",
    "echo",
]


class Api(Section):
    """Ports and paths of the REST interface."""

    about: ClassVar[About] = About(
        name="api",
        title="REST API",
        reset="RESET_API",
        help="All paths lead to the same handler: the command in the body decides. Two may be the same.",
    )

    http_port: Port = option(8899, "HTTP port")
    enable_http: bool = option(True, "Enable HTTP")
    https_port: Port = option(10443, "HTTPS port")
    enable_https: bool = option(True, "Enable HTTPS")
    otp_path: UrlPath = option("/api/otp", "OTP path")
    message_path: UrlPath = option("/api/message", "Message path")
    sms_path: UrlPath = option("/api/sms", "SMS path")
    email_path: UrlPath = option("/api/email", "E-mail path")
    blocking_path: UrlPath = option("/api/block", "Blocking path")
    unblocking_path: UrlPath = option("/api/unblock", "Unblocking path")
    modem_path: UrlPath = option("/api/modem", "Modem path")
    ussd_path: UrlPath = option("/api/ussd", "USSD path")

    def cautions(self, around: Around) -> Iterable[Finding]:
        if not self.enable_http and not self.enable_https:
            yield Finding(("enable_http", "enable_https"), "neither HTTP nor HTTPS is on: the API is closed")

    def listeners(self) -> Iterable[Listener]:
        if self.enable_http:
            yield Listener("http_port", self.http_port)
        if self.enable_https:
            yield Listener("https_port", self.https_port)


class ApiUser(Section):
    """One application that may call the REST interface."""

    about: ClassVar[About] = About(
        name="api_users", title="API users", reset="RESET_API_USER", many=True, key="username"
    )

    username: Username = option(..., "User name")
    email: EmailOrNone = option("", "E-mail")
    phone_number: MsisdnOrNone = option("", "Phone number")
    password: PasswordHashOrNone = option("", "Password", hashed=True, help="Only its hash is kept.")
    active: bool = option(True, "Active")
    blocked: bool = option(False, "Blocked")
    allowed_commands: tuple[Command, ...] = option(
        (),
        "Allowed commands",
        choices={
            "request-otp": "Request OTP",
            "verify-otp": "Verify OTP",
            "send-sms": "Send SMS",
            "send-email": "Send e-mail",
            "send-message": "Send message",
            "block-msisdn": "Block number",
            "unblock-msisdn": "Unblock number",
            "get-modem-list": "List modems",
            "request-ussd": "Request USSD",
            "echo": "Echo",
        },
        help="None chosen: all of them.",
    )
    per_minute_limit: int = option(
        0,
        "Limit per minute",
        minimum=0,
        maximum=1_000_000,
        help="Commands a minute, each one of a batch; 0 is no limit.",
    )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if not self.password:
            yield Finding(("password",), f"{self.username} has no password and cannot sign in")
