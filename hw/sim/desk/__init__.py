"""The AT commands that a simulated modem answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hw.at.vocabulary import Pending
from hw.sim.desk import device, messages
from hw.sim.desk.registry import DESKS, ERROR, OK, Said

if TYPE_CHECKING:
    from hw.sim.modem import SimModem

__all__ = ["Said", "answer", "device", "messages"]

#: Commands that work without an open SIM.
_WITHOUT_SIM = {"", "E", "V", "Q", "Z", "I", "&F", "+CMEE", "+CPIN", "+CFUN", "+CSQ", "+CGSN", "+GSN", "+IPR"}
_WITHOUT_SIM |= {
    "+CGMI",
    "+CGMM",
    "+CGMR",
    "+GMI",
    "+GMM",
    "+GMR",
    "+CREG",
    "+CGREG",
    "+CEREG",
    "+CSCS",
    "+CLCK",
}
_WITHOUT_SIM |= {
    "+SPIC",
    "^CPIN",
    "+QPINC",
    "+ZPINPUK",
    "+EGMR",
    "+SIMEI",
    "+WIND",
    "^CURC",
    "+COPS",
    "+CRESET",
    "^RESET",
}


def answer(modem: SimModem, line: str) -> Said:
    """What the modem says to one command line."""
    pending = Pending.of(line)
    name = pending.name
    argument = line[line.find("=") + 1 :] if pending.form == "=" else ""
    if name in ("E", "V", "Q"):
        return _basic(modem, line[2:].upper())
    if modem.silence(line):
        return OK
    if name not in _WITHOUT_SIM and not modem.sim_ready:
        sms = name.startswith(("+CMG", "+CPMS", "+CNMI", "+CSCA", "+CMMS"))
        return _sim_error(modem, sms)
    if name == Pending.of("AT" + modem.family.iccid[0]).name:
        return Said((modem.family.iccid[1].format(modem.card.iccid),))
    tries, shape = modem.family.tries
    if tries and line.upper() == f"AT{tries}".upper():
        return Said((shape.format(modem.card.tries),))
    desk = DESKS.get(name)
    return desk(modem, pending.form, argument) if desk else Said(final=modem.family.unknown_command)


def _basic(modem: SimModem, settings: str) -> Said:
    """``E0``, ``V1Q0`` and the like; a missing number is 0 (V.250 §5.3.1)."""
    if not re.fullmatch(r"(?:[EVQ][01]?)+", settings):
        return ERROR
    for letter, number_ in re.findall(r"([EVQ])([01]?)", settings):
        on = number_ == "1"
        if letter == "E":
            modem.echo = on
        elif letter == "Q":
            modem.quiet = on
    return OK


def _sim_error(modem: SimModem, sms: bool) -> Said:
    state = modem.card.state
    if state == "SIM PIN":
        return Said(final="+CMS ERROR: 311" if sms else "+CME ERROR: 11")
    if state == "SIM PUK":
        return Said(final="+CMS ERROR: 316" if sms else "+CME ERROR: 12")
    busy = modem.family.busy_error
    return Said(final=f"+CMS ERROR: {314 if busy == 14 else busy}" if sms else f"+CME ERROR: {busy}")
