"""How makes of modems differ in what they are to be told; one data file a family, in ``dialects/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from hw.gsm.ussd import Mode

#: Store-and-report modes of AT+CNMI, the best first.
_CNMI = ("2,1,0,1,0", "2,1,0,2,0", "2,1,0,0,0", "1,1,0,1,0", "1,1,0,0,0", "2,1", "1,1")


@dataclass(frozen=True)
class Dialect:
    """What to tell a family of modems.

    manufacturer, model: patterns that the answers to AT+CGMI and AT+CGMM must contain.
    silence: commands that end vendor noise. iccid: commands that tell the SIM's number, in order.
    cnmi: values to try. stores: message stores, the preferred first; empty: the largest.
    ussd: how USSD strings are written. ready, boot: lines (without the values after a final colon) after
    which SMS works (until then all about it is refused), and that only come after a restart.
    pause: seconds to leave between two commands of the start. fix_rate: command with {} for the baud rate.
    reset: by kind (radio, modem, full).
    send_timeout: seconds that a network may take for a message. pin_tries: command that tells tries left.
    imei_write: command with {} for the IMEI, or "". usb: interface number by ``vendor:product``.
    """

    name: str
    manufacturer: str = ""
    model: str = ""
    silence: tuple[str, ...] = ()
    iccid: tuple[str, ...] = ("AT+CCID", "AT^ICCID?", "AT+QCCID", "AT+CICCID", "AT+ICCID")
    cnmi: tuple[str, ...] = _CNMI
    stores: tuple[str, ...] = ()
    ussd: Mode = "text"
    ready: tuple[str, ...] = ()
    boot: tuple[str, ...] = ("RDY",)
    reset: Mapping[str, str] = field(default_factory=dict)
    send_timeout: float = 60.0
    pause: float = 0.0
    fix_rate: str = ""
    pin_tries: str = ""
    imei_write: str = ""
    usb: Mapping[str, int] = field(default_factory=dict)

    def fits(self, manufacturer: str, model: str) -> bool:
        """Whether a modem with these names is of this family."""
        return bool(
            re.search(self.manufacturer, manufacturer, re.IGNORECASE)
            and re.search(self.model, model, re.IGNORECASE)
        )


GENERIC = Dialect("generic", reset={"radio": "AT+CFUN=4", "modem": "AT+CFUN=1,1", "full": "AT+CFUN=1,1"})


@cache
def dialects() -> tuple[Dialect, ...]:
    """All families, in the order in which they are tried."""
    found = []
    for file in sorted(files("hw.gsm").joinpath("dialects").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found.append(parse(file.read_text(encoding="utf-8")))
    return tuple(found)


def parse(text: str) -> Dialect:
    """A data file's contents; keys are the fields of Dialect. Raises TypeError for an unknown one."""
    values: dict[str, Any] = tomllib.loads(text)
    for key, value in values.items():
        if isinstance(value, list):
            values[key] = tuple(value)
    values["reset"] = {**GENERIC.reset, **values.get("reset", {})}
    return Dialect(**values)


def says(line: str, entries: tuple[str, ...]) -> bool:
    """Whether a line is one of the entries, or one of them followed by a colon and values."""
    return any(line == entry or line.startswith(f"{entry}:") for entry in entries)


def choose(manufacturer: str, model: str) -> Dialect:
    """The family of a modem by its own names; the generic one when none fits."""
    return next((dialect for dialect in dialects() if dialect.fits(manufacturer, model)), GENERIC)
