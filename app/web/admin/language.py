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
    for pattern, target in _patterns(language):
        if match := pattern.fullmatch(text):
            parts = iter(match.groups())
            return re.sub(r"\{\}", lambda _: translated(language, next(parts)), target)
    return text


def chosen(cookie: str, accept: str, usual: str) -> str:
    """What the visitor chose, else what the browser asks for (RFC 9110 §12.5.4), else the device's language."""
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
    keys = sorted((key for key in words(language) if "{}" in key), key=len, reverse=True)
    return [
        (
            re.compile("(.+?)".join(re.escape(piece) for piece in key.split("{}")), re.DOTALL),
            words(language)[key],
        )
        for key in keys
    ]
