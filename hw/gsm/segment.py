"""A text becomes the parts of a message: which alphabet, how many parts, what goes into each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from hw.gsm.charset import (
    DEFAULT_TABLES,
    NotInAlphabet,
    Tables,
    encode_septets,
    encode_ucs2,
    national_tables,
    septet_widths,
)
from hw.gsm.errors import PduError
from hw.gsm.graphemes import is_boundary
from hw.gsm.national import LANGUAGES
from hw.gsm.udh import build_header, concat_element, language_elements

MOST_PARTS: Final = 255
_USER_DATA_OCTETS: Final = 140
_ESCAPE, _CR, _LF = 0x1B, 0x0D, 0x0A

National: TypeAlias = bool | Tables
"""False: never. True: the cheapest pair of tables. A pair (locking, single shift): these two."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of one text. ``parts`` holds septets one a byte (gsm7) or UTF-16BE octets (ucs2)."""

    alphabet: Literal["gsm7", "ucs2"]
    tables: Tables
    parts: tuple[bytes, ...] = field(repr=False)
    capacity: int  # septets or UTF-16 code units in each part

    def units(self, part: bytes) -> int:
        """Septets or UTF-16 code units of one part."""
        return len(part) if self.alphabet == "gsm7" else len(part) // 2


def lay_out(text: str, *, wide_reference: bool = False, national: National = False) -> Layout:
    """Cut a text into parts, filled greedily; raises PduError when it needs more than 255.

    The default alphabet where it holds the text, else UCS-2. Where national tables are asked for they come
    before UCS-2, and before the default alphabet where they save a part (€ is one septet in Turkish). They
    never take more parts than UCS-2: even escaped, a character has 14 bits instead of 16, and 73 such
    characters fit beside the longest header where UCS-2 has 67.
    """
    try:
        septets = encode_septets(text)
    except NotInAlphabet:
        septets = None
    if septets is not None and (not national or len(septets) <= _capacity(0, "gsm7")):
        return _gsm7(text, septets, DEFAULT_TABLES, wide_reference)
    tables = _cheapest(text, national, wide_reference)
    if tables is None:
        return _ucs2(text, wide_reference)
    return _gsm7(text, encode_septets(text, tables), tables, wide_reference)


def _capacity(header_octets: int, alphabet: Literal["gsm7", "ucs2"]) -> int:
    """What fits beside a header: 160 or 70 without one, 153 or 67 behind a short reference."""
    octets = _USER_DATA_OCTETS - header_octets
    return octets * 8 // 7 if alphabet == "gsm7" else octets // 2


def header_of(tables: Tables, reference: int, total: int, seq: int, *, wide: bool) -> bytes:
    """The user data header of one part, with its length octet; nothing where none is needed."""
    languages = language_elements(tables)
    if total == 1:
        return build_header(languages)
    return build_header((concat_element(reference, total, seq, wide=wide), *languages))


def _cheapest(text: str, national: National, wide: bool) -> Tables | None:
    """The pair with the fewest parts, then the default, then the most room left; None when no pair fits."""
    if national is False:
        return None
    candidates = national_tables(text) if national is True else _given(text, national)

    def cost(candidate: tuple[Tables, int]) -> tuple[int, bool, int, Tables]:
        tables, septets = candidate
        parts, room = 1, _capacity(len(header_of(tables, 0, 1, 1, wide=wide)), "gsm7")
        if septets > room:
            capacity = _capacity(len(header_of(tables, 0, 2, 1, wide=wide)), "gsm7")
            parts = -(-septets // capacity)
            room = parts * capacity
        return parts, tables != DEFAULT_TABLES, septets - room, tables

    best = min(candidates, key=cost, default=None)
    return best[0] if best else None


def _given(text: str, tables: Tables) -> Iterator[tuple[Tables, int]]:
    """The default tables and these, as far as they hold the text."""
    if not all(language in LANGUAGES for language in tables):
        raise PduError(f"{tables} is no pair of national languages")
    for candidate in (DEFAULT_TABLES, tables):
        with suppress(NotInAlphabet):
            yield candidate, len(encode_septets(text, candidate))


def _plan(units: int, tables: Tables, alphabet: Literal["gsm7", "ucs2"], wide: bool) -> int:
    """Capacity of each part, header considered; refuses what cannot fit into 255 parts."""
    alone = _capacity(len(header_of(tables, 0, 1, 1, wide=wide)), alphabet)
    if units <= alone:
        return alone
    capacity = _capacity(len(header_of(tables, 0, 2, 1, wide=wide)), alphabet)
    if units > MOST_PARTS * capacity:
        raise _too_long(-(-units // capacity))
    return capacity


def _too_long(parts: int) -> PduError:
    return PduError(f"the text needs {parts} parts or more, and a message has {MOST_PARTS} at most")


def _gsm7(text: str, septets: bytes, tables: Tables, wide: bool) -> Layout:
    capacity = _plan(len(septets), tables, "gsm7", wide)
    if len(septets) <= capacity:
        parts = [septets]
    elif tables == DEFAULT_TABLES:
        parts = _cut_default(septets, capacity)
    else:
        widths = septet_widths(tables)
        parts = [
            encode_septets(piece, tables)
            for piece in _cut(text, [widths[ord(char)] for char in text], capacity)
        ]
    if len(parts) > MOST_PARTS:
        raise _too_long(len(parts))
    return Layout("gsm7", tables, tuple(parts), capacity)


def _ucs2(text: str, wide: bool) -> Layout:
    octets = encode_ucs2(text)
    capacity = _plan(len(octets) // 2, DEFAULT_TABLES, "ucs2", wide)
    if len(octets) // 2 <= capacity:
        parts = [octets]
    else:
        widths = [1 if char < "\U00010000" else 2 for char in text]
        parts = [encode_ucs2(piece) for piece in _cut(text, widths, capacity)]
    if len(parts) > MOST_PARTS:
        raise _too_long(len(parts))
    return Layout("ucs2", DEFAULT_TABLES, tuple(parts), capacity)


def _cut_default(septets: bytes, capacity: int) -> list[bytes]:
    """The default alphabet has no combining characters: only escape pairs and CR LF stay together."""
    parts, start = [], 0
    while start < len(septets):
        end = start + capacity
        if end < len(septets) and (
            septets[end - 1] == _ESCAPE or (septets[end - 1] == _CR and septets[end] == _LF)
        ):
            end -= 1
        parts.append(septets[start:end])
        start = end
    return parts


def _cut(text: str, widths: list[int], capacity: int) -> list[str]:
    """Cut between grapheme clusters; one that is longer than a whole part is cut between its characters."""
    pieces, start = [], 0
    while start < len(text):
        end, used = start, 0
        while end < len(text) and used + widths[end] <= capacity:
            used += widths[end]
            end += 1
        whole = end
        while not is_boundary(text, whole, start):
            whole -= 1
        if whole > start:
            end = whole
        pieces.append(text[start:end])
        start = end
    return pieces
