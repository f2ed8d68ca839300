"""Read what a modem says about messages: their place, their PDU, their reference (3GPP TS 27.005)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hw.at.fields import bare, number, split, value_of


@dataclass(frozen=True)
class Stored:
    """A message in a store (27.005 §4.1). pdu: hex with the SMSC field, or None if the store sent none."""

    index: int | None
    status: int | None
    length: int | None
    pdu: str | None = field(repr=False)


@dataclass(frozen=True)
class Place:
    """Where +CMTI or +CDSI says a message lies; None where the modem could not store it."""

    memory: str | None
    index: int | None


def reference(lines: Sequence[str]) -> int | None:
    """``+CMGS: 183`` → the message's reference."""
    for line in lines:
        if line.startswith(("+CMGS", "+CMSS", "+CMGW")):
            return number(split(value_of(line))[0])
    return None


def listing(lines: Sequence[str]) -> list[Stored]:
    """``+CMGL: 0,1,,147`` and the PDU on the next line; junk lines between are skipped."""
    found: list[Stored] = []
    for line in lines:
        if line.startswith("+CMGL"):
            header, inline = _header(value_of(line))
            index, status = number(header[0]), number(header[1]) if len(header) > 1 else None
            found.append(Stored(index, status, number(header[-1]), inline))
        elif found and found[-1].pdu is None and _is_pdu(line, found[-1].length):
            last = found[-1]
            found[-1] = Stored(last.index, last.status, last.length, line)
    return found


def message(lines: Sequence[str], index: int | None = None) -> Stored | None:
    """``+CMGR: 1,,147`` and its PDU, on the next line or on the same; None for an empty place."""
    for at, line in enumerate(lines):
        if line.startswith("+CMGR"):
            header, inline = _header(value_of(line))
            length = number(header[-1])
            rest = [each for each in lines[at + 1 :] if _is_pdu(each, length)]
            return Stored(index, number(header[0]), length, inline or (rest[0] if rest else None))
    return None


def _header(value: str) -> tuple[list[str], str | None]:
    """The fields of a header, and the PDU that some modems put on the same line."""
    match = re.match(r"(.*\d)\s+([0-9A-Fa-f]{16,})$", value)
    return (split(match[1]), match[2]) if match else (split(value), None)


def _is_pdu(line: str, length: int | None) -> bool:
    """Hexadecimal, whole octets or not: a torn PDU is kept for whoever looks at it."""
    least = 16 if length is None else min(2 * length, 16)
    return len(line) >= least and re.fullmatch(r"[0-9A-Fa-f]+", line) is not None


def place(line: str) -> Place:
    """``+CMTI: "SM",3``; ``,-1`` means that it could not be stored."""
    parts = [*split(value_of(line)), ""]
    index = number(parts[1])
    memory = bare(parts[0]).strip()
    return Place(memory or None, index if index is not None and index >= 0 else None)
