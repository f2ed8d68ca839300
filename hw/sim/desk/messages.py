"""The commands about messages (3GPP TS 27.005) and USSD (27.007 §7.15)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hw.at.fields import bare, number, split
from hw.gsm.charset import encode_septets
from hw.gsm.errors import PduError
from hw.gsm.packing import pack
from hw.sim.card import Kept
from hw.sim.desk.registry import DESKS, OK, Desk, Said, desk

if TYPE_CHECKING:
    from hw.sim.modem import SimModem


@desk("+CMGF")
def _format(modem: SimModem, form: str, argument: str) -> Said:
    if form == "?":
        return Said((f"+CMGF: {int(modem.text_mode)}",))
    if form == "=?":
        return Said(("+CMGF: (0,1)",))
    modem.text_mode = argument == "1"
    return OK


@desk("+CPMS")
def _store(modem: SimModem, form: str, argument: str) -> Said:
    used, total = len(modem.card.kept), modem.card.capacity
    if form == "=?":
        names = ",".join(f'"{name}"' for name in modem.family.stores)
        return Said((f"+CPMS: ({names}),({names}),({names})",))
    if form == "?":
        return Said(("+CPMS: " + ",".join(f'"{name}",{used},{total}' for name in modem.stores),))
    wanted = [bare(part) for part in split(argument)]
    if any(name not in modem.family.stores and name not in modem.other_stores for name in wanted):
        return Said(final="+CMS ERROR: 302")
    modem.stores[: len(wanted)] = wanted
    return Said((f"+CPMS: {used},{total},{used},{total},{used},{total}",))


@desk("+CNMI")
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


def _sending(name: str) -> Desk:
    def answer(modem: SimModem, form: str, argument: str) -> Said:
        length = number(split(argument)[0])
        if modem.text_mode:  # anything is a number then, and anything after the prompt a text
            return modem.prompt(0, f"AT{name}")
        if length is None or not 0 < length < 256:
            return Said(final="+CMS ERROR: 305")
        return modem.prompt(length, f"AT{name}")

    return answer


for _name in ("+CMGS", "+CMGW"):
    DESKS[_name] = _sending(_name)


@desk("+CMGR")
def _read(modem: SimModem, form: str, argument: str) -> Said:
    index = number(argument)
    kept = modem.readable.get(index) if index is not None else None
    if kept is None:
        return Said(final="+CMS ERROR: 321")
    length, pdu = kept.lines
    said = Said((f"+CMGR: {kept.status},,{length}\r\n{pdu}",))
    kept.status = 1 if kept.status == 0 else kept.status
    return said


@desk("+CMGL")
def _list(modem: SimModem, form: str, argument: str) -> Said:
    wanted = number(argument or "0")
    lines = []
    for index, kept in sorted(modem.readable.items()):
        if wanted in (4, kept.status):
            length, pdu = kept.lines
            lines.append(f"+CMGL: {index},{kept.status},,{length}\r\n{pdu}")
            modem.readable[index] = Kept(1 if kept.status == 0 else kept.status, kept.pdu)
    return Said(tuple(lines))


@desk("+CMGD")
def _delete(modem: SimModem, form: str, argument: str) -> Said:
    parts = split(argument)
    index, flag = number(parts[0]), number(parts[1]) if len(parts) > 1 else 0
    if flag:
        modem.card.kept.clear()
        return OK
    if index is None or modem.readable.pop(index, None) is None:
        return Said(final="+CMS ERROR: 321")
    return OK


@desk("+CUSD")
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
    said = f"+CUSD: {int(more)},{_ussd_out(modem, text)}"
    return Said((said,)) if modem.ussd_early else Said(news=(said,))


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
