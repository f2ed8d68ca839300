"""TP-DCS: which alphabet, class and waiting indication an octet means (3GPP TS 23.038 §4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from hw.gsm.charset import Alphabet

Waiting = Literal["voicemail", "fax", "email", "other"]

GSM7: Final = 0x00
UCS2: Final = 0x08
FLASH: Final = 0x10  # class 0 (shown at once, not stored), to be added to either

_ALPHABETS: Final[tuple[Alphabet, ...]] = ("gsm7", "8bit", "ucs2", "gsm7")  # the fourth is reserved
WAITING: Final[tuple[Waiting, ...]] = ("voicemail", "fax", "email", "other")


@dataclass(frozen=True, slots=True)
class MessageWaiting:
    """A message waits elsewhere (or no longer); ``store``: keep this message after showing the indicator."""

    type: Waiting
    active: bool
    store: bool


@dataclass(frozen=True, slots=True)
class Coding:
    """What one TP-DCS octet says. message_class: 0 (flash) to 3, or None."""

    alphabet: Alphabet
    message_class: int | None = None
    compressed: bool = False
    mwi: MessageWaiting | None = None
    reserved: bool = False


@lru_cache(maxsize=256)
def read_dcs(octet: int) -> Coding:
    """Read a TP-DCS octet; reserved codings read as the GSM 7-bit default alphabet, as §4 demands."""
    group = octet >> 4
    if group < 0x8:  # general, and the same marked for automatic deletion
        return Coding(
            _ALPHABETS[octet >> 2 & 3],
            octet & 3 if octet & 0x10 else None,
            compressed=bool(octet & 0x20),
            reserved=octet & 0x0C == 0x0C,
        )
    if group < 0xC:
        return Coding("gsm7", reserved=True)
    if group == 0xF:
        return Coding("8bit" if octet & 4 else "gsm7", octet & 3)
    waiting = MessageWaiting(WAITING[octet & 3], active=bool(octet & 8), store=group != 0xC)
    return Coding("ucs2" if group == 0xE else "gsm7", mwi=waiting)
