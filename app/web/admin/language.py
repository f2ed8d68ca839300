"""English and Indonesian: the pages' sentences are English in the sources, and looked up here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "id": "Bahasa Indonesia"}
_WORDS = Path(__file__).with_name("words")
_LONGEST = 400
# Limits of a number: "1 to 65535".
_SPAN = re.compile(r"(-?[\d.]+) to (-?[\d.]+)")
_BETWEEN = {"id": "sampai"}
# A sentence about a value: the value, then one of the keys that begin like this.
_ABOUT = ("is ", "has ", "holds ", "was ")


@cache
def words(language: str) -> Mapping[str, str]:
    """English → the language; ``{}`` in a key stands for what differs from sentence to sentence."""
    if language not in LANGUAGES or language == "en":
        return {}
    found: dict[str, str] = json.loads((_WORDS / f"{language}.json").read_text("utf-8"))
    return found


def translated(language: str, text: str) -> str:
    """The sentence in the language; in English where nobody has translated it."""
    known = words(language)
    if not known or not text or len(text) > _LONGEST:
        return text
    if text in known:
        return known[text]
    if span := _SPAN.fullmatch(text):
        return f"{span[1]} {_BETWEEN[language]} {span[2]}"
    for pattern, target in _patterns(language):
        if match := pattern.fullmatch(text):
            pieces = target.split("{}")
            parts = [translated(language, part) for part in match.groups()]
            return "".join(piece + part for piece, part in zip(pieces, [*parts, ""], strict=True))
    return text


def chosen(cookie: str, accept: str, usual: str) -> str:
    """What the visitor chose, else what the browser asks for (RFC 9110 §12.5.4), else the device's own."""
    if cookie in LANGUAGES:
        return cookie
    ranked = []
    for place, entry in enumerate(accept.split(",")[:16]):
        tag, _, rest = entry.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest)
        ranked.append((-float(quality[1]) if quality else -1.0, place, tag.partition("-")[0].lower()))
    for weight, _, tag in sorted(ranked):
        if tag in LANGUAGES and weight < 0:
            return tag
    return usual if usual in LANGUAGES else "en"


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences with places in them, those with most words of their own first."""
    known = dict(words(language))
    known |= {f"{{}} {key}": f"{{}} {text}" for key, text in known.items() if key.startswith(_ABOUT)}
    keys = sorted((key for key in known if "{}" in key), key=len, reverse=True)
    return [(_pattern(key), known[key]) for key in keys if key.count("{}") == known[key].count("{}")]


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(re.escape(piece) for piece in key.split("{}")), re.DOTALL)
