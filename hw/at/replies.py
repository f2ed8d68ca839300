"""Read the values out of a modem's answers and news (3GPP TS 27.005 and 27.007)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hw.at.fields import bare, hexadecimal, name_text, number, numbers, split, ucs2, value_of
from hw.at.fields import groups as _groups
from hw.at.fields import words as _words


@dataclass(frozen=True)
class Signal:
    """Signal quality (27.007 §8.5). value: as the modem counts, 0–31 or 100–191, None unknown; rssi: dBm;
    ber: 0–7 (RXQUAL) or None; condition: none, marginal, ok, good, excellent or unknown."""

    value: int | None
    rssi: int | None
    ber: int | None
    condition: str


@dataclass(frozen=True)
class Registration:
    """Network registration (27.007 §7.2). stat 0–11 or None; lac and ci as numbers; act: 27.007 §7.3."""

    stat: int | None
    lac: int | None = None
    ci: int | None = None
    act: int | None = None

    @property
    def registered(self) -> bool:
        """Home or roaming, also where CS fallback is not preferred."""
        return self.stat in (1, 5, 9, 10)

    @property
    def sms_capable(self) -> bool:
        """Whether messages can be sent: registered, or registered for SMS only (6 and 7)."""
        return self.registered or self.stat in (6, 7)


@dataclass(frozen=True)
class Operator:
    """The operator chosen (27.007 §7.3). format: 0 long, 1 short, 2 numeric."""

    mode: int | None
    format: int | None
    name: str | None
    act: int | None


@dataclass(frozen=True)
class Network:
    """A network found by a scan. status: 0 unknown, 1 available, 2 current, 3 forbidden."""

    status: int
    long: str | None
    short: str | None
    code: str
    tech: str


@dataclass(frozen=True)
class Store:
    """A message store and how full it is."""

    name: str | None
    used: int | None
    total: int | None

    @property
    def full(self) -> bool:
        return self.used is not None and self.total is not None and 0 < self.total <= self.used


@dataclass(frozen=True)
class Ussd:
    """A +CUSD as it came (27.007 §7.15). status: 0 done, 1 answer expected, 2 ended by the network,
    3 another client answered, 4 not supported, 5 network timeout; raw: the characters; dcs: 23.038 §5."""

    status: int | None
    raw: str | None = field(default=None, repr=False)
    dcs: int | None = None


def _lines(lines: Iterable[str], *prefixes: str) -> list[str]:
    """The values of the lines that begin with one of the prefixes."""
    return [value_of(line) for line in lines if line.startswith(prefixes)]


def signal(lines: Sequence[str]) -> Signal:
    """``+CSQ: 18,99``"""
    for value in _lines(lines, "+CSQ"):
        parts = split(value)
        level, errors = number(parts[0]), number(parts[1]) if len(parts) > 1 else None
        ber = errors if errors is not None and 0 <= errors <= 7 else None
        if level is not None and 0 <= level <= 31:
            words = ("none", "marginal", "ok", "good", "excellent")
            condition = words[sum(level >= bound for bound in (2, 10, 15, 20))]
            return Signal(level, -113 + 2 * level, ber, condition)
        if level is not None and 100 <= level <= 191:  # RSCP of UTRAN and LTE modems: -116 dBm at 100
            words = ("none", "marginal", "ok", "good", "excellent")
            condition = words[sum(level >= bound for bound in (101, 111, 121, 136))]
            return Signal(level, level - 216, ber, condition)
        return Signal(None, None, ber, "unknown")
    return Signal(None, None, None, "unknown")


def registration(lines: Sequence[str]) -> Registration:
    """``+CREG: 2,1,"84CD","00D30173",7`` as an answer, or the same without <n> as news."""
    for value in _lines(lines, "+CREG", "+CGREG", "+CEREG", "+C5GREG"):
        parts = split(value)
        if len(parts) > 1 and re.fullmatch(r"\d{1,3}", parts[1]):
            parts = parts[1:]
        parts += [""] * (4 - len(parts))
        # Some add a second pair (the 3G location area): no access technology then.
        act = number(parts[3]) if re.fullmatch(r'"?\d{1,3}"?', parts[3]) else None
        return Registration(number(parts[0]), hexadecimal(parts[1]), hexadecimal(parts[2]), act)
    return Registration(None)


def operator(lines: Sequence[str], charset: str | None = "GSM") -> Operator:
    """``+COPS: 0,0,"MTN",2``"""
    for value in _lines(lines, "+COPS"):
        parts = split(value) + [""] * 3
        form = number(parts[1])
        raw = bare(parts[2])
        name = raw if form == 2 and raw.isdigit() else name_text(parts[2], charset)
        return Operator(number(parts[0]), form, name or None, number(parts[3]))
    return Operator(None, None, None, None)


_NAME = r'("[^"]*"|[^",()]*)'
_NETWORK = re.compile(
    rf'\(\s*(\d)\s*,\s*{_NAME}\s*,\s*{_NAME}\s*,\s*"?([0-9A-Fa-f]{{5,24}})"?\s*\)?\s*'
    rf"(?:,\s*(\d{{1,2}})\s*\)|\)|(?=,|$))"
)
_TECHNOLOGIES = {2: "UMTS", 4: "UMTS", 5: "UMTS", 6: "UMTS", 7: "LTE", 9: "LTE", 10: "LTE", 13: "LTE"}
_TECHNOLOGIES |= {11: "5GNR", 12: "5GNR"}


def networks(lines: Sequence[str], charset: str | None = "GSM") -> list[Network]:
    """``+COPS: (2,"T-Mobile","TMO","31026",0),…``; bracketed ranges at the end are skipped."""
    found: list[Network] = []
    for value in _lines(lines, "+COPS"):
        for status, long, short, code, act in _NETWORK.findall(value):
            tech = _TECHNOLOGIES.get(int(act), "GSM") if act else "GSM"
            code = (ucs2(code) or code) if len(code) >= 20 else code
            names = (name_text(long.strip(), charset) or None, name_text(short.strip(), charset) or None)
            found.append(Network(int(status), *names, code, tech))
    return found


def sim_state(lines: Sequence[str]) -> str | None:
    """``+CPIN: SIM PIN`` → ``SIM PIN``; READY when all is well."""
    for value in _lines(lines, "+CPIN"):
        return bare(value) or None
    return None


def iccid(lines: Sequence[str]) -> str | None:
    """The SIM's number from any of the vendors' commands; swapped nibbles are put right (E.118: 89…)."""
    for line in lines:
        digits = bare(value_of(line)).strip().upper()
        if not re.fullmatch(r"[0-9A-F]{18,22}", digits):
            continue
        if digits.startswith("98") and len(digits) % 2 == 0:
            digits = "".join(digits[at + 1] + digits[at] for at in range(0, len(digits), 2))
        digits = digits.rstrip("F")
        if digits.startswith("89") and 18 <= len(digits) <= 20:
            return digits
    return None


def imei(lines: Sequence[str]) -> str | None:
    """14 to 16 digits out of the answer to AT+CGSN (15 with a check digit, 16 as IMEISV)."""
    for line in lines:
        match = re.search(r"(?<!\d)\d{14,16}(?!\d)", line)
        if match:
            return match[0]
    return None


def imsi(lines: Sequence[str]) -> str | None:
    """Up to 15 digits out of the answer to AT+CIMI."""
    for line in lines:
        match = re.search(r"(?<!\d)\d{6,15}(?!\d)", line)
        if match:
            return match[0]
    return None


def free_text(lines: Sequence[str]) -> str:
    """Manufacturer, model or revision: the first line, without the name and quotes some put around it."""
    for line in lines:
        text = bare(re.sub(r"^(\+[A-Z]+|Revision|Manufacturer|Model)\s*:\s*", "", line.strip()))
        if text:
            return text.strip()
    return ""


def own_numbers(lines: Sequence[str], charset: str | None = "GSM") -> list[str]:
    """``+CNUM: "me","+4912345",145`` → the numbers, in order."""
    found = []
    for value in _lines(lines, "+CNUM"):
        parts = split(value)
        if len(parts) > 1:
            digits = _telephone(parts[1], None)
            if digits:
                found.append(digits)
    return found


def smsc(lines: Sequence[str]) -> str | None:
    """``+CSCA: "+79168999100",145`` → the service centre's number, international ones with +."""
    for value in _lines(lines, "+CSCA"):
        parts = split(value)
        return _telephone(parts[0], number(parts[1]) if len(parts) > 1 else None)
    return None


def _telephone(text: str, kind: int | None) -> str | None:
    digits = bare(text).strip()
    if len(digits) >= 8 and digits.startswith("00"):
        digits = ucs2(digits) or digits
    if kind == 145 and digits and not digits.startswith("+"):
        digits = f"+{digits}"
    return digits or None


def stores(lines: Sequence[str]) -> list[Store]:
    """``+CPMS: "ME",1,100,…`` (read) or ``+CPMS: 1,100,…`` (set): the stores in order, up to three."""
    for value in _lines(lines, "+CPMS"):
        parts = split(value)
        named = number(parts[0]) is None
        step = 3 if named else 2
        found = []
        for at in range(0, min(len(parts) - step + 1, 3 * step), step):
            name = (bare(parts[at]).strip() or None) if named else None
            used, total = number(parts[at + step - 2]), number(parts[at + step - 1])
            found.append(Store(name, used, total))
        return found
    return []


def supported_stores(lines: Sequence[str]) -> list[list[str]]:
    """``+CPMS: ("ME","MT"),("SM")`` → the names possible for each of the three stores."""
    for value in _lines(lines, "+CPMS"):
        items = _groups(_without_outer_brackets(value))
        if "(" not in value:
            items = value.split(",")
        found = [_words(item) for item in items][:3]
        return found + [[]] * (3 - len(found))
    return [[], [], []]


def _without_outer_brackets(value: str) -> str:
    value = value.strip()
    if value.startswith("((") and value.endswith("))"):
        return value[1:-1]
    return value


def supported_numbers(lines: Sequence[str], name: str) -> list[list[int]]:
    """``+CNMI: (0-2),(0,1,3),…`` → the values possible for each parameter."""
    for value in _lines(lines, name):
        return [numbers(item) for item in _groups(_without_outer_brackets(value))]
    return []


def charsets(lines: Sequence[str]) -> list[str]:
    """``+CSCS: ("IRA","GSM","UCS2")`` → the names; also reads ``+CSCS: "GSM"``."""
    for value in _lines(lines, "+CSCS"):
        return _words(value.replace("(", "").replace(")", ""))
    return []


def ussd(line: str) -> Ussd:
    """``+CUSD: 1,"text",15``; quotes, text and dcs may be missing, the text may go over several lines."""
    value = line[line.find(":") + 1 :].strip(" ")
    match = re.match(r"(\d{1,2})\s*(?:,\s*(.*))?$", value, re.DOTALL)
    if match is None:
        return Ussd(None, value or None)
    status, rest = int(match[1]), match[2]
    if not rest:
        return Ussd(status)
    quoted = re.match(r'"(.*)"\s*(?:,\s*(\d{1,3})?\s*)?$', rest, re.DOTALL)
    plain = re.match(r"(.*?)\s*(?:,\s*(\d{1,3})\s*)?$", rest, re.DOTALL)
    found = quoted or plain
    raw = found[1] if found else rest
    return Ussd(status, raw if quoted else raw.removeprefix('"'), _octet(found[2] if found else None))


def _octet(text: str | None) -> int | None:
    return int(text) if text and int(text) < 256 else None


def lock_status(lines: Sequence[str]) -> bool | None:
    """``+CLCK: 1`` → the lock is on (27.007 §7.4)."""
    for value in _lines(lines, "+CLCK"):
        status = number(split(value)[0])
        return None if status is None else status == 1
    return None


def tries_left(lines: Sequence[str]) -> int | None:
    """PIN tries left, from ``^CPIN: SIM PIN,3,…`` (Huawei), ``+SPIC: 3,…`` (SIMCom),
    ``+CPINR: SIM PIN,3,3`` (27.007 §8.65), ``+QPINC: "SC",3,10`` (Quectel), ``+ZPINPUK: 3,10`` (ZTE)."""
    for value in _lines(lines, "^CPIN", "+SPIC", "+CPINR", "+QPINC", "+ZPINPUK"):
        parts = split(value)
        # ^CPIN: <state>,[<tries>],<PUK>,<PIN>,<PUK2>,<PIN2>: an open SIM has nothing in the second place.
        for part in parts[3:4] if len(parts) == 6 else parts:
            left = number(part)
            if left is not None:
                return left
    return None
