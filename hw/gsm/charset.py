"""Text to and from septets, one a byte, by a pair of national tables (3GPP TS 23.038 §6.2.1 and annex A)."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, Literal, TypeAlias

from hw.gsm.errors import PduError
from hw.gsm.national import BLANK, ESCAPE, LOCKING, SINGLE

Alphabet = Literal["gsm7", "8bit", "ucs2"]
Tables: TypeAlias = tuple[int, int]
"""Language identifiers of the locking shift and the single shift table; 0 is the default of each."""

DEFAULT_TABLES: Final[Tables] = (0, 0)
_ESCAPE: Final = bytes((ESCAPE,))
# A place without a character is shown as a space, as handsets do; nothing is ever encoded to it.
_SHOWN: Final = tuple(table.replace(BLANK, " ") for table in LOCKING)


class NotInAlphabet(PduError):
    """A text holds a character that the tables do not have."""


class _Encoder(dict[int, str]):
    """Code point → septets, as ``str.translate`` wants it; anything else ends the translation."""

    def __missing__(self, code_point: int) -> str:
        # str.translate keeps what raises LookupError, so this must be another error.
        raise NotInAlphabet("a character that the GSM 7-bit tables do not have")


@cache
def _encoder(tables: Tables) -> _Encoder:
    locking, single = tables
    # Where a table has a character twice (¡ and * in the Indic ones) the lower place is taken.
    shifted = {ord(char): f"\x1b{chr(place)}" for place, char in sorted(SINGLE[single].items(), reverse=True)}
    plain = {ord(char): chr(place) for place, char in enumerate(LOCKING[locking]) if char != BLANK}
    return _Encoder(shifted | plain)


def encode_septets(text: str, tables: Tables = DEFAULT_TABLES) -> bytes:
    """One byte a septet, escapes included; raises NotInAlphabet."""
    return text.translate(_encoder(tables)).encode("ascii")


@cache
def septet_widths(tables: Tables) -> Mapping[int, int]:
    """Code point → 1 or 2 septets, for every character of the tables."""
    return {code_point: len(septets) for code_point, septets in _encoder(tables).items()}


def decode_septets(septets: bytes, tables: Tables = DEFAULT_TABLES) -> str:
    """Read septets (one a byte, 0 to 127) as a handset does; never fails.

    A shifted place without a character shows the character of the locking table; a second escape and an
    escape at the end show a space (TS 23.038 §6.2.1.1). Tables outside the standard are the default.
    """
    locking, single = (language if 0 <= language < len(LOCKING) else 0 for language in tables)
    shown = _SHOWN[locking]
    if _ESCAPE not in septets:
        return codecs.charmap_decode(septets, "strict", shown)[0]
    return "".join(_with_escapes(septets, shown, single))


def _with_escapes(septets: bytes, shown: str, single: int) -> Iterator[str]:
    shifted = SINGLE[single]
    first, *runs = septets.split(_ESCAPE)
    yield codecs.charmap_decode(first, "strict", shown)[0]
    pending = False
    for run in runs:  # an escape stands before each of these
        if pending:
            yield " "  # that escape was itself the place which the one before it shifted
        pending = not pending
        if pending and run:
            yield shifted.get(run[0], shown[run[0]])
            run = run[1:]
            pending = False
        yield codecs.charmap_decode(run, "strict", shown)[0]
    if pending:
        yield " "


def decode_ucs2(octets: bytes) -> str:
    """Read UCS-2 as UTF-16BE, since emoji come as surrogate pairs.

    Half a pair becomes U+FFFD, an odd octet at the end is left out.
    """
    return octets[: len(octets) & ~1].decode("utf-16-be", "replace")


def encode_ucs2(text: str) -> bytes:
    """UTF-16BE; half a surrogate pair in the text raises PduError, naming its position."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        position = error.start
    # Raised outside of the handler: the other error holds the text.
    raise PduError(f"character {position + 1} of the text is half a surrogate pair")


_LOCKED: Final = tuple(frozenset(table) - {BLANK} for table in LOCKING)
_SHIFTED: Final = tuple(frozenset(table.values()) for table in SINGLE)


def national_tables(text: str) -> Iterator[tuple[Tables, int]]:
    """Every useful pair of tables that holds all of the text, with the septets it takes (without header)."""
    counts = Counter(text)
    chars = frozenset(counts)
    for locking, held in enumerate(_LOCKED):
        if locking and LOCKING[locking] is LOCKING[0]:
            continue  # Spanish: void
        rest = chars - held
        for single, reached in enumerate(_SHIFTED):
            if rest <= reached:
                yield (locking, single), len(text) + sum(counts[char] for char in rest)
                if not rest:
                    break  # no single shift table is needed
