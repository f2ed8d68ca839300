"""Points in time and periods of validity in a PDU (3GPP TS 23.040 §9.2.3.11 to §9.2.3.13)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

from hw.gsm.errors import PduError

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 604800
_QUARTER: Final = 15 * _MINUTE
_CENTURY_PIVOT: Final = 90  # the year has two digits, and the first short message was sent in 1992


@dataclass(frozen=True, slots=True)
class Validity:
    """TP-VP as received: ``value`` is the relative octet, ``seconds`` a period, ``time`` an absolute end."""

    format: Literal["relative", "absolute", "enhanced"]
    raw: bytes
    value: int | None = None
    seconds: int | None = None
    time: datetime | None = None


def decode_time(octets: bytes) -> datetime | None:
    """Seven octets of swapped BCD: year to second and the zone in quarters of an hour; None if no time."""
    digits = [(octet & 15) * 10 + (octet >> 4) for octet in octets]
    bcd = all(octet & 15 < 10 and octet >> 4 < 10 for octet in octets[:6])
    if len(octets) != 7 or not bcd or octets[6] >> 4 > 9:
        return None
    year, month, day, hour, minute, second, _ = digits
    quarters = (octets[6] & 7) * 10 + (octets[6] >> 4)  # bit 3 is the sign
    zone = timezone(timedelta(seconds=(-quarters if octets[6] & 8 else quarters) * _QUARTER))
    try:
        return datetime(
            year + (1900 if year >= _CENTURY_PIVOT else 2000), month, day, hour, minute, second, tzinfo=zone
        )
    except ValueError:  # the 30th of February, 25 o'clock, all zeros
        return None


def encode_time(time: datetime) -> bytes:
    """The seven octets of an aware time, in its own zone."""
    offset = time.utcoffset()
    if offset is None:
        raise PduError(f"{time.isoformat()} has no time zone")
    quarters = round(offset.total_seconds() / _QUARTER)
    numbers = (time.year % 100, time.month, time.day, time.hour, time.minute, time.second, abs(quarters))
    octets = bytearray(number % 10 << 4 | number // 10 for number in numbers)
    octets[6] |= 8 if quarters < 0 else 0
    return bytes(octets)


def relative_seconds(octet: int) -> int:
    """The period that a relative TP-VP octet means."""
    if octet <= 143:
        return (octet + 1) * 5 * _MINUTE
    if octet <= 167:
        return 12 * _HOUR + (octet - 143) * 30 * _MINUTE
    if octet <= 196:
        return (octet - 166) * _DAY
    return (octet - 192) * _WEEK


def relative_octet(seconds: float) -> int:
    """The shortest period of the grid that is not shorter: 5 minutes at least, 63 weeks at most."""
    if math.isnan(seconds):
        raise PduError("the validity is not a number")
    if seconds > 30 * _DAY:
        return min(255, 192 + math.ceil(min(seconds, 63 * _WEEK) / _WEEK))
    if seconds > 24 * _HOUR:
        return 166 + math.ceil(seconds / _DAY)
    if seconds > 12 * _HOUR:
        return 143 + math.ceil((seconds - 12 * _HOUR) / (30 * _MINUTE))
    return max(0, math.ceil(max(seconds, 0) / (5 * _MINUTE)) - 1)


def read_validity(format_bits: int, octets: bytes) -> Validity | None:
    """TP-VP by TP-VPF (0 none, 1 enhanced, 2 relative, 3 absolute); the octets are those of the field."""
    if format_bits == 2:
        return Validity("relative", octets, octets[0], relative_seconds(octets[0]))
    if format_bits == 3:
        return Validity("absolute", octets, time=decode_time(octets))
    if format_bits == 1:
        return Validity("enhanced", octets, seconds=_enhanced_seconds(octets))
    return None


def _enhanced_seconds(octets: bytes) -> int | None:
    """§9.2.3.12.3: bits 2 to 0 of the first octet say how to read the following ones (when no extension)."""
    kind = octets[0] & 7
    if octets[0] & 0x80:
        return None
    if kind == 1:
        return relative_seconds(octets[1])
    if kind == 2:
        return octets[1]
    if kind == 3 and all(octet & 15 < 10 and octet >> 4 < 10 for octet in octets[1:4]):
        hours, minutes, seconds = ((octet & 15) * 10 + (octet >> 4) for octet in octets[1:4])
        return hours * _HOUR + minutes * _MINUTE + seconds
    return None
