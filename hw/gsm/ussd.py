"""What people ask the network (*100#) and what it answers, in the encodings that modems use for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hw.at.command import quoted
from hw.at.fields import gsm_letters, is_hex
from hw.at.replies import Ussd
from hw.errors import UnsafeCommand
from hw.gsm.charset import decode_septets, decode_ucs2, encode_septets
from hw.gsm.packing import pack, unpack

Mode = Literal["text", "ucs2", "packed"]

_CODE = re.compile(r"[0-9*#+]{1,160}$")
_LONGEST = 182  # characters of a 7-bit USSD string (23.038 §6.1.2.3)
#: Hexadecimal shorter than this may well be a word or a number ("ABBA", "1234").
_SHORTEST_HEX = 8
_LANGUAGE_CR = 3  # "xx" and CR before a 7-bit text with its language (23.038 §5, group 0001)


@dataclass(frozen=True)
class UssdAnswer:
    """What the network said. status: 0 done, 1 it waits for an answer, 2 ended by the network, 3 another
    client answered, 4 not supported, 5 network timeout; text for people; raw: as the modem wrote it."""

    status: int | None
    text: str | None = field(repr=False)
    raw: str | None = field(repr=False)
    dcs: int | None = None

    @property
    def replyable(self) -> bool:
        """Whether the network expects an answer."""
        return self.status == 1

    @property
    def final(self) -> bool:
        """Whether the session is over."""
        return self.status != 1


def checked_code(code: str) -> str:
    """A code such as ``*100#``. Raises UnsafeCommand for anything that cannot be dialled."""
    if not _CODE.match(code):
        raise UnsafeCommand("A USSD code consists of digits, *, # and +.")
    return code


def parameter(text: str, mode: Mode) -> str:
    """A code or an answer as the string parameter of AT+CUSD. Raises UnsafeCommand, PduError.

    Packed strings of 8n-1 characters end with CR, or the last 7 bits would read as @ (23.038 §6.1.2.3.1).
    """
    if len(text) > _LONGEST:
        raise UnsafeCommand(f"A USSD text has at most {_LONGEST} characters.")
    if mode == "ucs2":
        return f'"{text.encode("utf-16-be").hex().upper()}"'
    if mode == "packed":
        septets = encode_septets(text)
        padding = b"\r" if len(septets) % 8 == 7 else b""
        return f'"{pack(septets + padding).hex().upper()}"'
    return quoted(text)


def read(ussd: Ussd, charset: str | None = None) -> UssdAnswer:
    """The answer with its text. charset: the modem's +CSCS, when it is known."""
    text = None if ussd.raw is None else text_of(ussd.raw, ussd.dcs, charset)
    return UssdAnswer(ussd.status, text, ussd.raw, ussd.dcs)


def best(answers: Sequence[UssdAnswer]) -> UssdAnswer | None:
    """The one that answers, when several came: releases and other clients' news may surround it."""
    for wanted in ((0, 1), (2, 3), (0, 1, 2, 3)):
        for answer in reversed(answers):
            if answer.status in wanted and (answer.text or len(wanted) == 4):
                return answer
    return answers[-1] if answers else None


def text_of(raw: str, dcs: int | None, charset: str | None = None) -> str:
    """Text, or hexadecimal of UCS-2, 8-bit or packed text: the coding scheme is a hint, the looks decide.

    Modems repeat the network's scheme but write the text in whatever set they are in (27.007 §7.15).
    """
    if not is_hex(raw):
        return gsm_letters(raw) if charset == "GSM" else raw
    octets = bytes.fromhex(raw)
    told = _by_scheme(octets, dcs)
    if told is not None:
        return told
    for guess in (_narrow_ucs2(octets), _eight_bit(octets), _packed(octets), _wide_ucs2(octets)):
        if guess is not None and (len(raw) >= _SHORTEST_HEX or raw.startswith("00")) and not _is_number(raw):
            return guess
    return _narrow_ucs2(octets) or raw if raw.startswith("00") else raw


def _by_scheme(octets: bytes, dcs: int | None) -> str | None:
    """The text where the scheme leaves no doubt (23.038 §5): UCS-2 and 8-bit."""
    if dcs is None:
        return None
    if dcs == 0x11 and len(octets) > 2:  # two octets of packed language code come first
        return _until_filler(octets[2:])
    group = dcs & 0xC0
    if group == 0x40 and dcs & 0x0C == 0x08:
        return _until_filler(octets)
    if group == 0x40 and dcs & 0x0C == 0x04:
        return _eight_bit(octets) or _narrow_ucs2(octets) or octets.decode("latin-1")
    if dcs == 0x10:
        text = _packed(octets)
        return text[_LANGUAGE_CR:] if text is not None and text[2:3] == "\r" else text
    return None


def _until_filler(octets: bytes) -> str:
    """UTF-16BE up to U+FFFF, with which some modems fill their buffer."""
    text = decode_ucs2(octets)
    return text.split("￿")[0].rstrip("\x00")


def _is_number(raw: str) -> bool:
    return raw.isdecimal() and not raw.startswith("00")


def _narrow_ucs2(octets: bytes) -> str | None:
    """UTF-16BE of an alphabet: nearly all characters are of one or two blocks."""
    if not octets or len(octets) % 2:
        return None
    blocks = set(octets[::2])
    known = blocks - {0x00, 0x20}  # Latin, and general punctuation
    if len(known) > 1 or not (known <= set(range(0x01, 0x20)) or not known):
        return None
    text = decode_ucs2(octets)
    return text if _readable(text) else None


def _wide_ucs2(octets: bytes) -> str | None:
    """UTF-16BE of a script with thousands of characters."""
    if not octets or len(octets) % 2:
        return None
    text = decode_ucs2(octets)
    wide = sum("　" <= char <= "鿿" or "가" <= char <= "힣" for char in text)
    return text if 2 * wide >= len(text) and _readable(text) else None


def _eight_bit(octets: bytes) -> str | None:
    """Text with one character an octet."""
    if not octets or any(octet < 0x20 and octet not in b"\r\n\t" for octet in octets):
        return None
    text = octets.decode("latin-1")
    plain = sum(char.isascii() for char in text)
    return text if 10 * plain >= 9 * len(text) and _readable(text) else None


def _packed(octets: bytes) -> str | None:
    """Septets; a last CR or @ that only fills the octet is left out."""
    septets = unpack(octets, 8 * len(octets) // 7)
    if len(septets) % 8 == 0 and septets[-1:] in (b"\r", b"\x00"):
        septets = septets[:-1]
    text = decode_septets(septets)
    ordinary = sum(
        char.isascii() and (char.isalnum() or char in " .,:;*#/()-+!?'\"\r\n%&=@$<>") for char in text
    )
    return text if text and 10 * ordinary >= 6 * len(text) else None


def _readable(text: str) -> bool:
    """No character that text does not have: unassigned, private, control."""
    return bool(text) and all(
        char in "\r\n\t\x1b" or unicodedata.category(char) not in ("Cc", "Cn", "Co", "Cs") for char in text
    )
