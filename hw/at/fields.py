"""Split the value of an information line into its fields, however badly it is quoted."""

from __future__ import annotations

import re

_HEX = re.compile(r"[0-9A-Fa-f]+$")
_RANGE = re.compile(r"(\d{1,4})\s*-\s*(\d{1,4})$")

#: The characters of CSCS="GSM" whose byte differs from ASCII (23.038 §6.2.1).
_GSM_BYTES = str.maketrans(
    dict(zip("@$[\\]^_`{|}~", "¡¤ÄÖÑÜ§¿äöñü", strict=True))
    | dict(zip(map(chr, range(0x10)), "@£$¥èéùìòÇ\nØø\rÅå", strict=True))
)
#: The same without those signs that modems send as ASCII whatever they claim.
_GSM_LETTERS = str.maketrans("[\\]^`{|}~", "ÄÖÑÜ¿äöñü")


def value_of(line: str) -> str:
    """What follows the colon of ``+NAME: value``; the whole line when it has no name."""
    match = re.match(r"[+^*%$&#]?[A-Za-z][A-Za-z0-9_]*\s*:", line)
    return (line[match.end() :] if match else line).strip()


def split(value: str) -> list[str]:
    """The fields between commas, blanks trimmed; quotes keep commas together and are kept themselves."""
    fields: list[str] = []
    start, quoted = 0, False
    for position, char in enumerate(value):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(value[start:position].strip())
            start = position + 1
    fields.append(value[start:].strip())
    return fields


def bare(text: str) -> str:
    """A field without its quotes, also when one of them is missing."""
    return text.strip().removeprefix('"').removesuffix('"')


def number(text: str) -> int | None:
    """A decimal field (quoted or not, leading zeros and signs allowed), or None."""
    text = bare(text).strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else None


def hexadecimal(text: str) -> int | None:
    """A hexadecimal field such as a cell's number, or None."""
    text = bare(text).strip()
    return int(text, 16) if 0 < len(text) <= 16 and _HEX.match(text) else None


def is_hex(text: str) -> bool:
    """Whether text is whole octets written in hexadecimal."""
    return len(text) % 2 == 0 and _HEX.match(text) is not None


def ucs2(text: str) -> str | None:
    """Text of a hexadecimal UTF-16BE string that reads like text, or None (``0041`` → ``A``)."""
    if len(text) % 4 or not is_hex(text):
        return None
    try:
        decoded = bytes.fromhex(text).decode("utf-16-be")
    except UnicodeDecodeError:
        return None
    return decoded if decoded.isprintable() else None


def name_text(field: str, charset: str | None = "GSM") -> str:
    """A name that a modem wrote in the character set chosen with +CSCS (27.007 §5.5).

    With the set unknown or GSM, bytes are those of 23.038; UCS-2 hex is recognised in any case when it
    cannot be an ordinary name: it begins with 00 or the set says so.
    """
    text = bare(field)
    if charset == "UCS2" or (len(text) >= 4 and text.startswith("00")):
        decoded = ucs2(text)
        if decoded is not None:
            return decoded
    return text.translate(_GSM_BYTES) if charset in ("GSM", None) else text


def gsm_letters(text: str) -> str:
    """Text with the national letters of 23.038 where ASCII has brackets; signs stay as they are."""
    return text.translate(_GSM_LETTERS)


def groups(value: str) -> list[str]:
    """The comma-separated items of a test answer; a bracketed group is one item, without its brackets."""
    items: list[str] = []
    depth, start = 0, 0
    for position, char in enumerate(value):
        if char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif char == "," and not depth:
            items.append(value[start:position])
            start = position + 1
    items.append(value[start:])
    return [_unwrapped(item) for item in items]


def _unwrapped(item: str) -> str:
    item = item.strip()
    if item.startswith("("):
        item = item[1:]
    return item.removesuffix(")").strip()


def numbers(group: str) -> list[int]:
    """The values of ``0-2,4``."""
    found: set[int] = set()
    for part in group.split(","):
        part = part.strip()
        spread = _RANGE.match(part)
        if spread:
            first, last = int(spread[1]), int(spread[2])
            found.update(range(first, min(last, first + 255) + 1))
        elif re.fullmatch(r"\d{1,9}", part):
            found.add(int(part))
    return sorted(found)


def words(group: str) -> list[str]:
    """The names of ``"SM","ME"``, also with quotes missing."""
    return [name for part in group.split(",") if (name := part.strip().strip('"').strip())]
