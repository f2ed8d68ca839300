"""The tables of GSM 7-bit: the default alphabet and all national languages (3GPP TS 23.038 §6.2.1, annex A).

A *locking shift* table replaces the default alphabet, a *single shift* table replaces its extension, which
an escape septet reaches for one character. Both are named by the language identifier of §6.2.1.2.4 (0 is the
default).

The ten Indic tables are alike: the Unicode blocks of these scripts are parallel, and annex A puts the letter
at offset n of each block into the same place; the tables differ in the letters a script does not have and in
the last six places. They are therefore written down by block, absent offsets and last six.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

ESCAPE: Final = 0x1B
BLANK: Final = "\ufffe"  # a place without a character; never part of a text (U+FFFE is a non-character)

LANGUAGES: Final[Mapping[int, str]] = {
    0: "default",
    1: "Turkish",
    2: "Spanish",
    3: "Portuguese",
    4: "Bengali",
    5: "Gujarati",
    6: "Hindi",
    7: "Kannada",
    8: "Malayalam",
    9: "Oriya",
    10: "Punjabi",
    11: "Tamil",
    12: "Telugu",
    13: "Urdu",
}


def _numbers(runs: str) -> Iterator[int]:
    """``"10-12 20"`` → 0x10, 0x11, 0x12, 0x20."""
    for run in runs.split():
        first, _, last = run.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def _chars(runs: str) -> str:
    return "".join(map(chr, _numbers(runs)))


_DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\ufffeÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip


def _place(table: str, places: Mapping[int, str]) -> str:
    return "".join(places.get(place, char) for place, char in enumerate(table))


# -- locking shift: Latin languages are the default alphabet with some places replaced

_TURKISH: Final = _place(
    _DEFAULT,
    {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"},
)
_PORTUGUESE: Final = _place(
    _DEFAULT,
    dict(zip(_numbers("04 06-09 0B-0C 0E-0F 12-1A 1C-1E"), "êúíóçÔôÁáªÇÀ∞^\\€Ó|ÂâÊ", strict=True))
    | {0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú", 0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`"},
)

# -- locking shift: Indic scripts and Urdu share the frame of signs, digits and small Latin letters

_FRAME: Final = dict(
    zip(
        _numbers("0A 0D 20-21 28-29 2C 2E 30-3B 3F 61-7A"),
        "\n\r !)(,.0123456789:;?abcdefghijklmnopqrstuvwxyz",
        strict=True,
    )
)
_LETTER_PLACES: Final = tuple(_numbers("00-09 0B-0C 0E-1A 1C-1F 22-27 2A-2B 2D 2F 3C-3E 40-5F"))
_LAST_PLACES: Final = tuple(_numbers("60 7B-7F"))
_INDIC_OFFSETS: Final = tuple(_numbers("01-03 05-39 3C-4D"))


def _indic(block: int, absent: str, last: str) -> str:
    """A locking shift table from the Unicode block, the offsets it lacks and the last six characters."""
    missing = set(_numbers(absent))
    letters = (BLANK if offset in missing else chr(block + offset) for offset in _INDIC_OFFSETS)
    places = _FRAME | dict(zip(_LETTER_PLACES, letters, strict=True))
    return _place(BLANK * 128, places | dict(zip(_LAST_PLACES, _chars(last), strict=True)))


_URDU: Final = _place(
    BLANK * 128,
    _FRAME
    | dict(
        zip(
            (*_LETTER_PLACES, *_LAST_PLACES),
            _chars(
                "0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F 0679 067D 067A 067C 062B 062C 0681 0684"
                " 0683 0685-0687 062D-062F 068C 0688-068A 068F 068D 0630-0631 0691 0693 0699 0632 0696 0698"
                " 069A 0633-0639 0641-0642 06A9-06AB 06AF 06B3 06B1 0644-0646 06BA-06BC 0648 06C4 06D5 06C1"
                " 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 0654 0655 0651 0653 0656 0670"
            ),
            strict=True,
        )
    ),
)

LOCKING: Final[tuple[str, ...]] = (
    _DEFAULT,
    _TURKISH,
    _DEFAULT,  # Spanish has no locking shift table (§A.3.2 is void)
    _PORTUGUESE,
    _indic(0x0980, "0D-0E 11-12 29 31 33-35 45-46 49-4A", "09CE 09D7 09DC-09DD 09F0-09F1"),
    _indic(0x0A80, "0E 12 29 31 34 46 4A", "0AD0 0AE0-0AE3 0AF1"),
    _indic(0x0900, "", "0950 0972 097B-097C 097E-097F"),
    _indic(0x0C80, "01 0D 11 29 34 45 49", "0CD5-0CD6 0CE0-0CE3"),
    _indic(0x0D00, "01 0D 11 29 3C 45 49", "0D57 0D60-0D63 0D79"),
    _indic(0x0B00, "0D-0E 11-12 29 31 34 45-46 49-4A", "0B56-0B57 0B60-0B63"),
    _indic(0x0A00, "0B-0E 11-12 29 31 34 37 3D 43-46 49-4A", "0A51 0A70-0A74"),
    _indic(0x0B80, "01 0B-0D 11 16-18 1B 1D 20-22 25-27 2B-2D 3C-3D 43-45 49", "0BD0 0BD7 0BF0-0BF2 0BF9"),
    _indic(0x0C00, "0D 11 29 34 3C 45 49", "0C55-0C56 0C60-0C63"),
    _URDU,
)
"""128 characters for each language identifier; BLANK where the standard has none, and at the escape."""

# -- single shift: what stands behind an escape

_INDIC_FRAME: Final = (
    _EXTENSION
    | dict(zip(_numbers("00-09 0B-0C 0E-18"), "@£$¥¿\"¤%&'*+-/<=>¡^¡_#*", strict=True))
    | {place: chr(place) for place in range(0x41, 0x5B)}
)
_SIGN_PLACES: Final = tuple(_numbers("19-1A 1C-27 2A-2E 30-3B 3F"))


def _signs(runs: str) -> dict[int, str]:
    """A single shift table whose own signs fill the free places in order."""
    return _INDIC_FRAME | dict(zip(_SIGN_PLACES, _chars(runs), strict=False))


_TELUGU_SIGNS: Final = {
    place: char
    for place, char in _signs("0964-0965 0C66-0C6F 0C58-0C59 0C78-0C7F").items()
    if place not in (0x19, 0x1A)
}  # alone among its sisters it lacks the dandas

SINGLE: Final[tuple[Mapping[int, str], ...]] = (
    _EXTENSION,
    _EXTENSION | dict(zip(_numbers("47 49 53 63 67 69 73"), "ĞİŞçğış", strict=True)),
    _EXTENSION | dict(zip(_numbers("09 41 49 4F 55 61 69 6F 75"), "çÁÍÓÚáíóú", strict=True)),
    _EXTENSION
    | dict(zip(_numbers("05 09 0B-0C 0E-0F 12-13 15-19 1F"), "êçÔôÁáΦΓΩΠΨΣΘÊ", strict=True))
    | dict(zip(_numbers("41 49 4F 55 5B-5C 61 69 6F 75 7B-7C 7F"), "ÀÍÓÚÃÕÂíóúãõâ", strict=True)),
    _signs("09E6-09EF 09DF-09E3 09F2-09FA"),
    _signs("0964-0965 0AE6-0AEF"),
    _signs("0964-0965 0966-096F 0951-0954 0958-0963 0970-0971"),
    _signs("0964-0965 0CE6-0CEF 0CDE 0CF1-0CF2"),
    _signs("0964-0965 0D66-0D6F 0D70-0D75 0D7A-0D7F"),
    _signs("0964-0965 0B66-0B6F 0B5C-0B5D 0B5F 0B70-0B71"),
    _signs("0964-0965 0A66-0A6F 0A59-0A5C 0A5E 0A75"),
    _signs("0964-0965 0BE6-0BEF 0BF3-0BF8 0BFA"),
    _TELUGU_SIGNS,
    _signs("0600-0601 06F0-06F9 060C-0614 061B 061F 0640 0652 0658 066B-066C 0672-0673 06CD 06D4"),
)
"""Place → character behind an escape, for each language identifier."""
