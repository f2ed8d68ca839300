"""Telephone numbers: the one canonical form, and short codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from app.core.errors import BadRequest

_FILLING = re.compile(r"[\s.\-()/\u00a0\u2010-\u2015]+")
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
_LONGEST = 15  # digits, ITU-T E.164 §6.2.1
_SHORTEST = 7

# International digits (no +) to the same number as its region writes it, or None where the region is unknown.
Normalise = Callable[[str], str | None]


class Numbering:
    """Canonical numbers for one home country: digits, international, no plus.

    country_code: what a leading 0 stands for, such as ``"62"``.
    normalise: knowledge of the world's numbering plans; without it the plain rule decides alone.
    """

    def __init__(self, country_code: str, normalise: Normalise = lambda digits: None) -> None:
        self.country_code = country_code
        self._normalise = normalise
        # Senders repeat themselves: a parse by the world's plans costs some fifty microseconds.
        self.canonical = lru_cache(maxsize=4096)(self._canonical)

    def _canonical(self, number: str) -> str:
        """``+62 812-…``, ``0812…`` and ``62812…`` to ``62812…``; a short code stays as it is.

        Raises BadRequest when the text is not a telephone number.
        """
        digits = _FILLING.sub("", number)
        if _SHORT_CODE.fullmatch(digits):
            return digits
        if digits.startswith("+"):
            digits = digits[1:]
        elif digits.startswith("00"):
            digits = digits[2:]
        elif digits.startswith("0"):
            digits = self.country_code + digits[1:]
        if not (digits.isascii() and digits.isdigit() and digits[0] != "0"):
            raise BadRequest(f"{_shown(number)} is not a telephone number")
        if not _SHORTEST <= len(digits) <= _LONGEST + 2:
            raise BadRequest(f"{_shown(number)} is not a telephone number: it has {len(digits)} digits")
        digits = self._normalise(digits) or digits
        if len(digits) > _LONGEST:
            raise BadRequest(f"{_shown(number)} is not a telephone number: it has {len(digits)} digits")
        return digits


def is_short_code(number: str) -> bool:
    return _SHORT_CODE.fullmatch(number) is not None


def dialled(canonical: str) -> str:
    """What the modem gets: international numbers with a plus, short codes bare."""
    return canonical if is_short_code(canonical) else f"+{canonical}"


def _shown(number: str) -> str:
    """A caller's text in a sentence: short, and without what could break a log line."""
    return repr(number if len(number) <= 24 else number[:24] + "…")
