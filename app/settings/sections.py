"""The list of all sections: a section that stands here is loaded, shown, set, documented and reset."""

from __future__ import annotations

from app.settings.api import Api, ApiUser
from app.settings.bell import Bell
from app.settings.blocking import BlockedNumber
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.general import General
from app.settings.inbox import Inbox, InboxRule
from app.settings.keystore import Keystore
from app.settings.mail import EmailAccount, LocalSmtp
from app.settings.metrics import Metrics
from app.settings.modems import Modem
from app.settings.network import Dhcp, Ethernet, FirewallRule, Wlan
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.subscribers import SUBSCRIBERS
from app.settings.users import User
from app.settings.watching import Balance, Canary

SECTIONS: tuple[type[Section], ...] = (
    General,
    User,
    Api,
    ApiUser,
    Sms,
    Modem,
    BlockedNumber,
    Inbox,
    InboxRule,
    Canary,
    Balance,
    Metrics,
    Wlan,
    Dhcp,
    Ethernet,
    FirewallRule,
    Keystore,
    Bell,
    EmailAccount,
    LocalSmtp,
    DdnsRecord,
    Cloudflare,
    NoIp,
    Dynu,
    Afraid,
    PublicAddress,
    Acme,
    *SUBSCRIBERS,
)


def by_name(name: str) -> type[Section] | None:
    """The section of that name, or None."""
    return next((section for section in SECTIONS if section.about.name == name), None)


def by_flags(flags: set[str]) -> list[type[Section]]:
    """The sections that go back to their defaults when these flags of a reset stick are true."""
    return [section for section in SECTIONS if section.about.reset and section.about.reset in flags]
