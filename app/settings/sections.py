"""The list of all sections: a section that stands here is loaded, shown, set, documented and reset."""

from __future__ import annotations

from app.settings.api import Api, ApiUser
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.users import User

SECTIONS: tuple[type[Section], ...] = (
    General,
    User,
    Api,
    ApiUser,
    Sms,
    Modem,
    BlockedNumber,
)


def by_name(name: str) -> type[Section] | None:
    """The section of that name, or None."""
    return next((section for section in SECTIONS if section.about.name == name), None)


def by_flags(flags: set[str]) -> list[type[Section]]:
    """The sections that go back to their defaults when these flags of a reset stick are true."""
    return [section for section in SECTIONS if section.about.reset and section.about.reset in flags]
