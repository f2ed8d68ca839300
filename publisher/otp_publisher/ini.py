"""Reads `config.ini` as PHP's `parse_ini_file` does, but sets bad lines apart instead of giving up.

Dialect: https://www.php.net/manual/en/function.parse-ini-file.php, sections on, scanner mode normal.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LINE_END = re.compile(r"\r\n|\n|\r")
_SECTION = re.compile(r"\[([^\]]+)\]\s*(?:;.*)?")
_KEY = re.compile(r"[^=\[\]{}|&~!()^\"?;]+")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ESCAPED = re.compile(r"\\([\\\"'$])")
_WORDS = {"true": "1", "on": "1", "yes": "1", "false": "", "off": "", "no": "", "none": "", "null": ""}


@dataclass(frozen=True)
class Entry:
    """A value as PHP would give it: `"1"` for true, on and yes, `""` for false, off, no, none and null."""

    value: str = field(repr=False)
    line: int


@dataclass(frozen=True)
class Problem:
    """A line that was left out, and why. Never quotes the line: it may hold a password."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(frozen=True)
class Ini:
    """Sections by upper-case name, keys in lower case; everything readable was read."""

    sections: Mapping[str, Mapping[str, Entry]]
    problems: tuple[Problem, ...]


def read_ini(path: str | Path, environment: Mapping[str, str] = os.environ) -> Ini:
    """Read a file in UTF-8, or in Latin-1 where it is not UTF-8 (old editors on Windows)."""
    raw = Path(path).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return parse_ini(text, environment)


def parse_ini(text: str, environment: Mapping[str, str] = os.environ) -> Ini:
    """Parse the text; `${NAME}` outside single quotes is taken from the environment, as in PHP."""
    sections: dict[str, dict[str, Entry]] = {}
    problems: list[Problem] = []
    section = ""
    # Not `splitlines`, to which a form feed or a Latin-1 0x85 in a password is an end of line too.
    for number, line in enumerate(_LINE_END.split(text), 1):
        line = line.strip()
        # PHP 7 dropped `#` as a comment sign, yet the published file uses it and PHP reads on.
        if not line or line[0] in ";#":
            continue
        try:
            if line[0] == "[":
                section = _section(line)
                sections.setdefault(section, {})
            else:
                key, value = _pair(line, environment)
                sections.setdefault(section, {})[key] = Entry(value, number)
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    return Ini(sections, tuple(problems))


def _section(line: str) -> str:
    found = _SECTION.fullmatch(line)
    if not found:
        raise ValueError("a section is written [NAME]")
    return found[1].strip().upper()


def _pair(line: str, environment: Mapping[str, str]) -> tuple[str, str]:
    key, equals, rest = line.partition("=")
    key = key.strip()
    if not equals:
        raise ValueError("there is no `=` on this line")
    if not _KEY.fullmatch(key):
        raise ValueError("this is not a name that may stand before `=`")
    return key.lower(), _value(rest.strip(), environment)


def _value(text: str, environment: Mapping[str, str]) -> str:
    if text[:1] in ("'", '"') and text:
        return _quoted(text, environment)
    text = text.split(";", 1)[0].rstrip()
    if '"' in text:
        raise ValueError("a quotation mark stands inside a value without quotes")
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return _expand(text, environment)


def _quoted(text: str, environment: Mapping[str, str]) -> str:
    quote, position = text[0], 1
    while position < len(text) and text[position] != quote:
        # Only between double quotes does a backslash protect the next sign.
        position += 2 if quote == '"' and text[position] == "\\" else 1
    if position >= len(text):
        raise ValueError("the quotation is not closed")
    rest = text[position + 1 :].strip()
    if rest and rest[0] != ";":
        raise ValueError("something stands behind the closing quotation mark")
    inner = text[1:position]
    if quote == "'":
        return inner
    # Split first: an escaped dollar must not start a variable, and a variable's value is not unescaped.
    pieces = re.split(r"(\\.)", inner)
    return "".join(
        _ESCAPED.sub(r"\1", piece) if index % 2 else _expand(piece, environment)
        for index, piece in enumerate(pieces)
    )


def _expand(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1], ""), text)
