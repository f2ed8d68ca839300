"""Sections canary and balance: what the device sends and asks by itself, to know that its SIM cards work."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from app.settings.checks import UssdCode
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Section


class Canary(Section):
    """One modem writes to another, and the time to arrival is measured. These messages cost money."""

    about: ClassVar[About] = About(name="canary", title="Canary")

    active: bool = option(False, "Active", help="Needs two modems, and the MSISDN of each.")
    interval: int = option(60, "Every", minimum=5, maximum=1440, unit="min")
    daily_budget: int = option(12, "Messages a day", minimum=1, maximum=1000, help="Of all modems together.")
    patience: int = option(
        180, "Patience", minimum=10, maximum=3600, unit="s", help="Accepted and not here by then: an alarm."
    )


class Balance(Section):
    """The credit of one SIM card, asked by USSD now and then."""

    about: ClassVar[About] = About(name="balance", title="Balance checks", many=True, key="name")

    name: str = option(..., "Name", longest=64)
    active: bool = option(True, "Active")
    modem: str = option("", "Modem", longest=64, help="Id of the modem whose SIM card is asked; empty: all.")
    code: UssdCode = option("*888#", "USSD code")
    pattern: str = option(
        r"Rp\.?\s*([0-9.,]+)",
        "Pattern",
        longest=200,
        help="A regular expression whose first group is the amount.",
    )
    threshold: float = option(10_000.0, "Alarm below", minimum=0, maximum=1_000_000_000)
    interval: int = option(24, "Every", minimum=1, maximum=720, unit="h")

    def conflicts(self) -> Iterable[Finding]:
        try:
            groups = re.compile(self.pattern).groups
        except re.error:
            yield Finding(("pattern",), "is not a regular expression")
            return
        if groups < 1:
            yield Finding(("pattern",), "has no group: put the amount in brackets, such as Rp ([0-9.]+)")
