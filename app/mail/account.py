"""A mail account as the sender threads see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from app.settings.mail import EmailAccount


class Tls(Enum):
    """How a connection is protected; a certificate is verified except where the way is only a chance."""

    FROM_START = "from the start"
    STARTTLS = "STARTTLS"
    NONE = "none"
    IF_OFFERED = "if offered"  # to an unknown MX: better than nothing, whoever it is (RFC 7435)


@dataclass(frozen=True, slots=True)
class Account:
    """Where mail is handed over. login: empty for none; daily_limit: mails a local day, 0 for no limit."""

    id: str
    name: str
    host: str
    port: int
    sender: str
    tls: Tls = Tls.STARTTLS
    login: str = ""
    password: str = field(default="", repr=False)
    daily_limit: int = 0

    @property
    def place(self) -> str:
        """Host and port, as sentences name them."""
        return f"{self.host}:{self.port}"


def accounts_of(items: Mapping[str, EmailAccount]) -> tuple[Account, ...]:
    """The active accounts of the settings, in their order."""
    return tuple(account_of(item, one) for item, one in items.items() if one.active)


def account_of(item: str, one: EmailAccount) -> Account:
    at_first_plain = Tls.STARTTLS if one.start_tls else Tls.NONE
    return Account(
        id=item,
        name=one.name,
        host=one.smtp_host,
        port=one.port,
        sender=one.sender,
        tls=Tls.FROM_START if one.ssl else at_first_plain,
        login=one.sender_account if one.authentication else "",
        password=one.sender_password if one.authentication else "",
        daily_limit=one.daily_limit,
    )
