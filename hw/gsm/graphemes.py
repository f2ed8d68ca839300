"""Where a text may be cut without tearing apart what a reader sees as one character (UAX #29, essentials).

The standard library knows general categories but not the Grapheme_Cluster_Break property, so the classes are
taken from categories and a few ranges. Kept together: CR LF, letters with combining marks and vowel signs,
variation selectors, skin tones, emoji joined by ZWJ, flags of two regional indicators, tag sequences, Hangul
syllables of jamo, Indic conjuncts over a virama. Limits: pictographs are known by range, so an unassigned
code point of such a range is kept with a ZWJ before it; a few Myanmar and Tai signs which the annex would
allow to be parted are kept; characters newer than Python's Unicode data count as letters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ZWJ: Final = "\u200d"
# Extend and SpacingMark that are not in categories Mn, Me, Mc: ZWNJ, Thai and Lao AM, halfwidth voiced marks,
# skin tones, tags.
_EXTEND: Final = re.compile("[\u200c\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_PREPEND: Final = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f"
    "\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02]"
)
_PICTOGRAPH: Final = re.compile(
    "[©®‼⁉™ℹ\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\U0001fc00-\U0001fffd]"
)
_VIRAMA: Final = re.compile("[\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d]")  # InCB=Linker, Unicode 15.1


def is_boundary(text: str, at: int, since: int = 0) -> bool:
    """Whether a cut before ``text[at]`` keeps every grapheme cluster whole; true at both ends.

    since: a boundary known before; nothing in front of it is looked at, which bounds the work.
    """
    if at <= since or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":  # Latin, quickly
        return not (before == "\r" and after == "\n")
    if _ends_alone(before) or _ends_alone(after):
        return True
    if _extends(after) or _PREPEND.match(before):
        return False
    if before == _ZWJ and _PICTOGRAPH.match(after):
        return not _is_pictograph_before(text, at - 1, since)
    if _is_regional(before) and _is_regional(after):
        return _regionals_before(text, at, since) % 2 == 0
    if _hangul_joins(before, after):
        return False
    return not (unicodedata.category(after) == "Lo" and _is_conjunct(text, at, since))


def _ends_alone(char: str) -> bool:
    """Control: line ends and format characters stand alone, apart from those that join or extend."""
    return (
        unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"}
        and char != _ZWJ
        and not _EXTEND.match(char)
        and not _PREPEND.match(char)
    )


def _extends(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me", "Mc"} or char == _ZWJ or bool(_EXTEND.match(char))


def _is_pictograph_before(text: str, at: int, since: int) -> bool:
    """Whether a pictograph stands before ``at``, marks in between allowed (GB11)."""
    at -= 1
    while at > since and text[at] != _ZWJ and _extends(text[at]):
        at -= 1
    return at >= since and bool(_PICTOGRAPH.match(text[at]))


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _regionals_before(text: str, at: int, since: int) -> int:
    start = at
    while start > since and _is_regional(text[start - 1]):
        start -= 1
    return at - start


def _is_conjunct(text: str, at: int, since: int) -> bool:
    """Whether a consonant before ``at``, a virama and other marks bind the letter at ``at`` (GB9c)."""
    block = ord(text[at]) & ~0x7F
    bound = False
    while at > since and _extends(text[at - 1]):
        at -= 1
        bound = bound or bool(_VIRAMA.match(text[at]))
    return (
        bound
        and at > since
        and ord(text[at - 1]) & ~0x7F == block
        and unicodedata.category(text[at - 1]) == "Lo"
    )


def _hangul_joins(before: str, after: str) -> bool:
    """GB6 to GB8: leading, vowel and trailing jamo, and syllables that already hold some of them."""
    after_vowel = "\u1160" <= after <= "\u11a7" or "\ud7b0" <= after <= "\ud7c6"
    after_trail = "\u11a8" <= after <= "\u11ff" or "\ud7cb" <= after <= "\ud7fb"
    if "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c":
        return (
            after_vowel
            or "\u1100" <= after <= "\u115f"
            or "\ua960" <= after <= "\ua97c"
            or "가" <= after <= "힣"
        )
    if "가" <= before <= "힣":
        open_syllable = (ord(before) - ord("가")) % 28 == 0
        return after_trail or (open_syllable and after_vowel)
    if "\u1160" <= before <= "\u11a7" or "\ud7b0" <= before <= "\ud7c6":
        return after_vowel or after_trail
    return after_trail and ("\u11a8" <= before <= "\u11ff" or "\ud7cb" <= before <= "\ud7fb")
