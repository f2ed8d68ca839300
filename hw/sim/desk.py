"""The AT commands that a simulated modem answers (3GPP TS 27.005, 27.007 and the vendors' own)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hw.at.fields import bare, number, split
from hw.at.vocabulary import Pending
from hw.gsm.charset import encode_septets
from hw.gsm.errors import PduError
from hw.gsm.packing import pack
from hw.sim.card import Kept

if TYPE_CHECKING:
    from hw.sim.modem import SimModem


@dataclass(frozen=True)
class Said:
    """An answer: information lines, the final result (None: none comes), and news that follow it."""

    lines: tuple[str, ...] = ()
    final: str | None = "OK"
    news: tuple[str, ...] = ()


OK, ERROR = Said(), Said(final="ERROR")
_Desk = Callable[["SimModem", str, str], Said]
_DESKS: dict[str, _Desk] = {}
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
_WITHOUT_SIM |= {"+SPIC", "^CPIN", "+QPINC", "+ZPINPUK", "+EGMR", "+SIMEI", "+WIND", "^CURC", "+COPS"}


def answer(modem: SimModem, line: str) -> Said:
    """What the modem says to one command line."""
    pending = Pending.of(line)
    name = pending.name
    argument = line[line.find("=") + 1 :] if pending.form == "=" else ""
    if name in ("E", "V", "Q"):
        argument = re.sub(r"\D", "", line[3:4])
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
    desk = _DESKS.get(name)
    return desk(modem, pending.form, argument) if desk else Said(final=modem.family.unknown_command)


def _sim_error(modem: SimModem, sms: bool) -> Said:
    state = modem.card.state
    if state == "SIM PIN":
        return Said(final="+CMS ERROR: 311" if sms else "+CME ERROR: 11")
    if state == "SIM PUK":
        return Said(final="+CMS ERROR: 316" if sms else "+CME ERROR: 12")
    busy = modem.family.busy_error
    return Said(final=f"+CMS ERROR: {314 if busy == 14 else busy}" if sms else f"+CME ERROR: {busy}")


def _desk(*names: str) -> Callable[[_Desk], _Desk]:
    def put(desk: _Desk) -> _Desk:
        for name in names:
            _DESKS[name] = desk
        return desk

    return put


@_desk("", "Z", "&F", "+CMMS", "+IPR", "+CSMS", "+CSMP", "+CLIP", "+CTZU", "+CTZR", "+QURCCFG")
def _fine(modem: SimModem, form: str, argument: str) -> Said:
    return OK


@_desk("E", "V", "Q")
def _basic(modem: SimModem, form: str, argument: str) -> Said:
    return OK


@_desk("+CMEE")
def _cmee(modem: SimModem, form: str, argument: str) -> Said:
    modem.cmee = number(argument) or 0
    return OK


@_desk("I")
def _identify(modem: SimModem, form: str, argument: str) -> Said:
    make = modem.family
    return Said((f"Manufacturer: {make.manufacturer}", f"Model: {make.model}", f"Revision: {make.revision}"))


@_desk("+CGMI", "+GMI")
def _manufacturer(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.manufacturer,))


@_desk("+CGMM", "+GMM")
def _model(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.model,))


@_desk("+CGMR", "+GMR")
def _revision(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.family.revision,))


@_desk("+CGSN", "+GSN")
def _imei(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.imei,))


@_desk("+EGMR", "+SIMEI")
def _write_imei(modem: SimModem, form: str, argument: str) -> Said:
    parts = split(argument)
    wanted = bare(parts[-1])
    egmr = len(parts) == 3 and parts[:2] == ["1", "7"]
    if not re.fullmatch(r"\d{15}", wanted) or not (egmr or len(parts) == 1) or not modem.family.imei_write:
        return ERROR
    modem.imei = wanted
    return OK


@_desk("+CPIN")
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


@_desk("+CLCK")
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


@_desk("+CPWD")
def _password(modem: SimModem, form: str, argument: str) -> Said:
    parts = [bare(part) for part in split(argument)]
    if len(parts) != 3 or parts[0] != "SC" or modem.card.pin is None:
        return ERROR
    if not modem.card.verify(parts[1]):
        return Said(final="+CME ERROR: 16")
    modem.card.pin = parts[2]
    return OK


@_desk("+CIMI")
def _imsi(modem: SimModem, form: str, argument: str) -> Said:
    return Said((modem.card.imsi,))


@_desk("+CNUM")
def _own_number(modem: SimModem, form: str, argument: str) -> Said:
    return Said((f'+CNUM: "","{modem.card.number}",145',)) if modem.card.number else OK


@_desk("+CSCA")
def _smsc(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f'+CSCA: "{modem.card.smsc}",145',))
    modem.card.smsc = bare(split(argument)[0])
    return OK


@_desk("+CSCS")
def _charset(modem: SimModem, form: str, argument: str) -> Said:
    if form == "=?":
        return Said(('+CSCS: ("IRA","GSM","UCS2")',))
    if form == "?":
        return Said((f'+CSCS: "{modem.charset}"',))
    modem.charset = bare(argument)
    return OK


@_desk("+CSQ")
def _signal(modem: SimModem, form: str, argument: str) -> Said:
    return Said((f"+CSQ: {modem.rssi},99",))


def _registration_of(name: str) -> _Desk:
    def desk(modem: SimModem, form: str, argument: str) -> Said:
        if form == "=?":
            return Said((f"{name}: (0-2)",))
        if form == "=":
            modem.creg_mode[name] = number(argument) or 0
            return OK
        mode = modem.creg_mode[name]
        cell = ',"84CD","00D30173"' if mode == 2 else ""
        return Said((f"{name}: {mode},{modem.registered if modem.sim_ready else 0}{cell}",))

    return desk


for _name in ("+CREG", "+CGREG", "+CEREG"):
    _DESKS[_name] = _registration_of(_name)


@_desk("+COPS")
def _operator(modem: SimModem, form: str, argument: str) -> Said:
    card = modem.card
    if form == "=?":
        return Said((f'+COPS: (2,"{card.operator}","{card.operator}","{card.plmn}",0),,(0,1,2,3,4),(0,1,2)',))
    if form == "=":
        return OK
    return Said((f'+COPS: 0,0,"{card.operator}"' if modem.registered in (1, 5) else "+COPS: 0",))


@_desk("+CFUN")
def _function(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f"+CFUN: {modem.functional}",))
    parts = split(argument)
    modem.functional = number(parts[0]) or 0
    if len(parts) > 1 and parts[1] == "1":
        modem.power_up()
    return OK


@_desk("+CMGF")
def _format(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f"+CMGF: {int(modem.text_mode)}",))
    if form == "=?":
        return Said(("+CMGF: (0,1)",))
    modem.text_mode = argument == "1"
    return OK


@_desk("+CPMS")
def _store(modem: SimModem, form: str, argument: str) -> Said:
    used, total = len(modem.card.kept), modem.card.capacity
    if form == "=?":
        names = ",".join(f'"{name}"' for name in modem.family.stores)
        return Said((f"+CPMS: ({names}),({names}),({names})",))
    if form == "?":
        return Said(("+CPMS: " + ",".join(f'"{name}",{used},{total}' for name in modem.stores),))
    wanted = [bare(part) for part in split(argument)]
    if any(name not in modem.family.stores for name in wanted):
        return Said(final="+CMS ERROR: 302")
    modem.stores[: len(wanted)] = wanted
    return Said((f"+CPMS: {used},{total},{used},{total},{used},{total}",))


@_desk("+CNMI")
def _news(modem: SimModem, form: str, argument: str) -> Said:
    if form == "=?":
        return Said(("+CNMI: " + ",".join(f"({values})" for values in modem.family.cnmi),))
    if form == "?":
        return Said(("+CNMI: " + ",".join(map(str, modem.news_mode)),))
    for place, value in enumerate(split(argument)[:5]):
        wanted = number(value)
        if wanted is None or not _admits(modem.family.cnmi[place], wanted):
            return Said(final="+CMS ERROR: 302")
        modem.news_mode[place] = wanted
    return OK


def _admits(values: str, wanted: int) -> bool:
    first, _, last = values.partition("-")
    if last:
        return int(first) <= wanted <= int(last)
    return str(wanted) in values.split(",")


def _sending(name: str) -> _Desk:
    def desk(modem: SimModem, form: str, argument: str) -> Said:
        length = number(split(argument)[0])
        if modem.text_mode or length is None or not 0 < length < 256:
            return Said(final="+CMS ERROR: 304" if modem.text_mode else "+CMS ERROR: 305")
        return modem.prompt(length, f"AT{name}")

    return desk


for _name in ("+CMGS", "+CMGW"):
    _DESKS[_name] = _sending(_name)


@_desk("+CMGR")
def _read(modem: SimModem, form: str, argument: str) -> Said:
    index = number(argument)
    kept = modem.card.kept.get(index) if index is not None else None
    if kept is None:
        return Said(final="+CMS ERROR: 321")
    length, pdu = kept.lines
    said = Said((f"+CMGR: {kept.status},,{length}\r\n{pdu}",))
    kept.status = 1 if kept.status == 0 else kept.status
    return said


@_desk("+CMGL")
def _list(modem: SimModem, form: str, argument: str) -> Said:
    wanted = number(argument or "0")
    lines = []
    for index, kept in sorted(modem.card.kept.items()):
        if wanted in (4, kept.status):
            length, pdu = kept.lines
            lines.append(f"+CMGL: {index},{kept.status},,{length}\r\n{pdu}")
            modem.card.kept[index] = Kept(1 if kept.status == 0 else kept.status, kept.pdu)
    return Said(tuple(lines))


@_desk("+CMGD")
def _delete(modem: SimModem, form: str, argument: str) -> Said:
    parts = split(argument)
    index, flag = number(parts[0]), number(parts[1]) if len(parts) > 1 else 0
    if flag:
        modem.card.kept.clear()
        return OK
    if index is None or modem.card.kept.pop(index, None) is None:
        return Said(final="+CMS ERROR: 321")
    return OK


@_desk("+CUSD")
def _ussd(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f"+CUSD: {1 if modem.session else 0}",))
    parts = split(argument)
    if parts[0] == "2":
        modem.session = False
        return OK
    code = _ussd_in(modem, bare(parts[1])) if len(parts) > 1 else ""
    if code not in modem.menu:
        modem.session = False
        return Said(news=("+CUSD: 4",))
    entry = modem.menu[code]
    text, more = entry if isinstance(entry, tuple) else (entry, False)
    modem.session = more
    return Said(news=(f"+CUSD: {int(more)},{_ussd_out(modem, text)}",))


def _ussd_in(modem: SimModem, code: str) -> str:
    """The code as the host wrote it: text, or packed septets or UCS-2 in hexadecimal."""
    if not re.fullmatch(r"(?:[0-9A-F]{2})+", code):
        return code
    octets = bytes.fromhex(code)
    packed = modem.family.ussd == "packed"
    if modem.family.ussd == "ucs2" and len(octets) % 2 == 0 and octets[0] == 0:
        return octets.decode("utf-16-be")
    for known in modem.menu:
        septets = encode_septets(known)
        if packed and octets == pack(septets + (b"\r" if len(septets) % 8 == 7 else b"")):
            return known
    return code


def _ussd_out(modem: SimModem, text: str) -> str:
    if modem.family.ussd == "ucs2":
        return f'"{text.encode("utf-16-be").hex().upper()}",72'
    if modem.family.ussd == "packed":
        try:
            return f'"{pack(encode_septets(text)).hex().upper()}",15'
        except PduError:
            return f'"{text.encode("utf-16-be").hex().upper()}",72'
    return f'"{text}",15'
