"""IMEIs and their check digit (3GPP TS 23.003 §6.2.1 and annex B)."""

from __future__ import annotations

import re


def check_digit(body: str) -> int:
    """The Luhn digit that follows the 14 digits of type and serial number. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{14}", body):
        raise ValueError("the part of an IMEI before its check digit has 14 digits")
    total = 0
    for place, digit in enumerate(map(int, body)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def is_valid(imei: str) -> bool:
    """Whether this is 15 digits with the right check digit."""
    return bool(re.fullmatch(r"[0-9]{15}", imei)) and int(imei[14]) == check_digit(imei[:14])


def completed(digits: str) -> str | None:
    """An IMEI out of what a modem tells: 14 digits, 15, or 16 with the software version; None otherwise."""
    if not re.fullmatch(r"[0-9]{14,16}", digits):
        return None
    if len(digits) == 15:
        return digits
    return f"{digits[:14]}{check_digit(digits[:14])}"
