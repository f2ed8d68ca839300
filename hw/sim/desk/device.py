"""The commands about the device, its SIM card and the network (3GPP TS 27.007, V.250)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hw.at.fields import bare, number, split
from hw.sim.desk.registry import DESKS, ERROR, OK, Desk, Said, desk

if TYPE_CHECKING:
    from hw.sim.modem import SimModem


@desk("", "Z", "&F", "+CMMS", "+IPR", "+CSMS", "+CSMP", "+CLIP", "+CTZU", "+CTZR", "+QURCCFG")
def _fine(modem: SimModem, form: str, argument: str) -> Said:
    return OK


@desk("+CMEE")
def _cmee(modem: SimModem, form: str, argument: str) -> Said:
    modem.cmee = number(argument) or 0
    return OK


@desk("I")
def _identify(modem: SimModem, form: str, argument: str) -> Said:
    make = modem.family
    return Said((f"Manufacturer: {make.manufacturer}", f"Model: {make.model}", f"Revision: {make.revision}"))


@desk("+CGMI", "+GMI")
def _manufacturer(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.manufacturer,))


@desk("+CGMM", "+GMM")
def _model(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.model,))


@desk("+CGMR", "+GMR")
def _revision(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.revision,))


@desk("+CGSN", "+GSN")
def _imei(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.imei,))


@desk("+EGMR", "+SIMEI")
def _write_imei(modem: SimModem, form: str, argument: str) -> Said:
    parts = split(argument)
    wanted = bare(parts[-1])
    egmr = len(parts) == 3 and parts[:2] == ["1", "7"]
    if not re.fullmatch(r"\d{15}", wanted) or not (egmr or len(parts) == 1) or not modem.family.imei_write:
        return ERROR
    modem.imei = wanted
    return OK


@desk("+CPIN")
def _pin(modem: SimModem, form: str, argument: str) -> Said:
    card = modem.card
    if form == "?":
        state = card.state
        if state == "READY" and not modem.sim_ready:
            return Said(final=f"+CME ERROR: {modem.family.busy_error}")
        return Said((f"+CPIN: {state}",), None if modem.family.cpin_without_ok else "OK")
    modem.counts.pins += 1
    given = [bare(part) for part in split(argument)]
    if card.state == "SIM PIN" and len(given) == 1:
        right = card.verify(given[0])
    elif card.state == "SIM PUK" and len(given) == 2:
        right = card.unblock(*given)
    else:
        return Said(final="+CME ERROR: 3")
    if not right:
        return Said(final="+CME ERROR: 12" if card.state == "SIM PUK" else "+CME ERROR: 16")
    modem.sim_opens()
    return OK


@desk("+CLCK")
def _lock(modem: SimModem, form: str, argument: str) -> Said:
    parts = [bare(part) for part in split(argument)]
    card = modem.card
    if parts[0] != "SC" or len(parts) < 2:
        return ERROR
    if parts[1] == "2":
        return Said((f"+CLCK: {int(card.pin is not None)}",))
    if len(parts) < 3 or (card.pin is not None and not card.verify(parts[2])):
        return Said(final="+CME ERROR: 16")
    card.pin, card.verified = (parts[2] if parts[1] == "1" else None), True
    return OK


@desk("+CPWD")
def _password(modem: SimModem, form: str, argument: str) -> Said:
    parts = [bare(part) for part in split(argument)]
    if len(parts) != 3 or parts[0] != "SC" or modem.card.pin is None:
        return ERROR
    if not modem.card.verify(parts[1]):
        return Said(final="+CME ERROR: 16")
    modem.card.pin = parts[2]
    return OK


@desk("+CIMI")
def _imsi(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.card.imsi,))


@desk("+CNUM")
def _own_number(modem: SimModem, form: str, argument: str) -> Said:
    return Said((f'+CNUM: "","{modem.card.number}",145',)) if modem.card.number else OK


@desk("+CSCA")
def _smsc(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f'+CSCA: "{modem.card.smsc}",145',))
    modem.card.smsc = bare(split(argument)[0])
    return OK


@desk("+CSCS")
def _charset(modem: SimModem, form: str, argument: str) -> Said:
    if form == "=?":
        return Said(('+CSCS: ("IRA","GSM","UCS2")',))
    if form == "?":
        return Said((f'+CSCS: "{modem.charset}"',))
    modem.charset = bare(argument)
    return OK


@desk("+CSQ")
def _signal(modem: SimModem, form: str, argument: str) -> Said:
    return Said((f"+CSQ: {modem.rssi},99",))


def _registration_of(name: str) -> Desk:
    def answer(modem: SimModem, form: str, argument: str) -> Said:
        if form == "=?":
            return Said((f"{name}: (0-2)",))
        if form == "=":
            modem.creg_mode[name] = number(argument) or 0
            return OK
        mode = modem.creg_mode[name]
        cell = ',"84CD","00D30173"' if mode == 2 else ""
        return Said((f"{name}: {mode},{modem.registered if modem.sim_ready else 0}{cell}",))

    return answer


for _name in ("+CREG", "+CGREG", "+CEREG"):
    DESKS[_name] = _registration_of(_name)


@desk("+COPS")
def _operator(modem: SimModem, form: str, argument: str) -> Said:
    card = modem.card
    if form == "=?":
        return Said((f'+COPS: (2,"{card.operator}","{card.operator}","{card.plmn}",0),,(0,1,2,3,4),(0,1,2)',))
    if form == "=":
        return OK
    return Said((f'+COPS: 0,0,"{card.operator}"' if modem.registered in (1, 5) else "+COPS: 0",))


@desk("+CFUN")
def _function(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f"+CFUN: {modem.functional}",))
    parts = split(argument)
    modem.functional = number(parts[0]) or 0
    if len(parts) > 1 and parts[1] == "1":
        modem.reset()
    return OK


@desk("+CGDCONT")
def _context(modem: SimModem, form: str, argument: str) -> Said:
    modem.access_point = argument
    return OK


@desk("D")
def _dial(modem: SimModem, form: str, argument: str) -> Said:
    return Said(final="CONNECT") if modem.access_point else Said(final="NO CARRIER")


@desk("+CRESET", "^RESET")
def _reset(modem: SimModem, form: str, argument: str) -> Said:
    modem.reset()
    return OK
