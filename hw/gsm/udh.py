"""The user data header: parts, ports, languages, waiting messages (3GPP TS 23.040 §9.2.3.24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from hw.gsm.charset import Tables
from hw.gsm.dcs import WAITING, MessageWaiting
from hw.gsm.national import LANGUAGES

CONCAT_8: Final = 0x00
SPECIAL: Final = 0x01
PORTS_8: Final = 0x04
PORTS_16: Final = 0x05
CONCAT_16: Final = 0x08
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25

_LENGTHS: Final = {
    CONCAT_8: 3,
    SPECIAL: 2,
    PORTS_8: 2,
    PORTS_16: 4,
    CONCAT_16: 4,
    SINGLE_SHIFT: 1,
    LOCKING_SHIFT: 1,
}


@dataclass(frozen=True, slots=True)
class Element:
    """One information element: identifier and data."""

    iei: int
    data: bytes


Elements: TypeAlias = tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """Part ``seq`` (from 1) of ``total`` of the message with this reference, 8 or 16 bits wide."""

    ref: int
    bits: int
    total: int
    seq: int

    @property
    def valid(self) -> bool:
        """Otherwise the element is ignored: the part is a message of its own (§9.2.3.24.1)."""
        return 0 < self.seq <= self.total


@dataclass(frozen=True, slots=True)
class Ports:
    """Application ports: text for a program (WAP push, for one), not for a person."""

    dst: int
    src: int
    bits: int


def parse_elements(header: bytes) -> Elements | None:
    """The elements of a header (without its length octet), known or not; None when they do not fill it.

    A header whose last element is cut short, or that has an octet too many, is ignored as a whole
    (§9.2.3.24).
    """
    elements = []
    at = 0
    while at < len(header):
        if at + 2 > len(header):
            return None
        end = at + 2 + header[at + 1]
        if end > len(header):
            return None
        elements.append(Element(header[at], header[at + 2 : end]))
        at = end
    return tuple(elements)


def _last(elements: Elements, *identifiers: int) -> Element | None:
    """Of elements that are repeated or exclude one another the last counts (§9.2.3.24)."""
    for element in reversed(elements):
        if element.iei in identifiers and len(element.data) == _LENGTHS[element.iei]:
            return element
    return None


def concat_of(elements: Elements) -> Concat | None:
    """The concatenation element, valid or not."""
    element = _last(elements, CONCAT_8, CONCAT_16)
    if element is None:
        return None
    *reference, total, seq = element.data
    return Concat(int.from_bytes(reference, "big"), 8 * len(reference), total, seq)


def ports_of(elements: Elements) -> Ports | None:
    """Destination and source port."""
    element = _last(elements, PORTS_8, PORTS_16)
    if element is None:
        return None
    half = len(element.data) // 2
    return Ports(
        int.from_bytes(element.data[:half], "big"), int.from_bytes(element.data[half:], "big"), 8 * half
    )


def tables_of(elements: Elements) -> Tables:
    """Locking and single shift table; reserved languages are ignored (§9.2.3.24.15 and 16)."""
    languages = []
    for identifier in (LOCKING_SHIFT, SINGLE_SHIFT):
        element = _last(elements, identifier)
        language = element.data[0] if element else 0
        languages.append(language if language in LANGUAGES else 0)
    return languages[0], languages[1]


def waiting_of(elements: Elements) -> MessageWaiting | None:
    """Special SMS message indication: bit 7 store, low bits the kind, then the number of messages waiting."""
    element = _last(elements, SPECIAL)
    if element is None:
        return None
    kind, count = element.data
    return MessageWaiting(WAITING[kind & 3], active=count > 0, store=bool(kind & 0x80))


def build_header(elements: Elements) -> bytes:
    """The header with its length octet; no octet at all without elements."""
    body = b"".join(bytes((element.iei, len(element.data))) + element.data for element in elements)
    return bytes((len(body),)) + body if body else b""


def concat_element(ref: int, total: int, seq: int, *, wide: bool) -> Element:
    """The concatenation element of one part; the reference is taken modulo 256, or 65,536 when wide."""
    if wide:
        return Element(CONCAT_16, (ref & 0xFFFF).to_bytes(2, "big") + bytes((total, seq)))
    return Element(CONCAT_8, bytes((ref & 0xFF, total, seq)))


def language_elements(tables: Tables) -> Elements:
    """Locking shift first, then single shift; none for the default tables."""
    locking, single = tables
    named = ((LOCKING_SHIFT, locking), (SINGLE_SHIFT, single))
    return tuple(Element(identifier, bytes((language,))) for identifier, language in named if language)
