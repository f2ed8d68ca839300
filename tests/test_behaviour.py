"""docs/modems-behaviour.md: every test it names is there, and no word of the description is left out."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "modems-behaviour.md"
DESCRIPTION = ROOT.parent / "shared" / "spec" / "modems.md"
PROMISES = "Promised besides"


@dataclass(frozen=True)
class Row:
    section: str
    words: str
    tests: tuple[str, ...]
    note: str


def rows() -> list[Row]:
    found, section = [], ""
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith("| words |"):
            words, _, shown = line.strip("| ").rpartition(" | ")
            found.append(Row(section, words, tuple(re.findall(r"`(test_\w+)`", shown)), shown.strip("*")))
    return found


@cache
def names_of_tests() -> frozenset[str]:
    """The names of all tests of the project."""
    names = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return frozenset(name for name in names if name.startswith("test_"))


def plain(text: str) -> str:
    """Words without their mark-up and line ends; the columns of a table are told by ¦ here."""
    text = re.sub(r"(?m)^(#.*|Sources:.*|\|---.*|- )", "", text)
    return " ".join(text.replace("|", " ").replace("¦", " ").replace("*", "").split())


def test_each_row_names_tests_that_are_there() -> None:
    found = rows()
    assert len(found) > 100
    for row in found:
        assert row.tests or row.note in ("a fact", "measured"), row.words
        assert set(row.tests) <= names_of_tests(), (row.words, set(row.tests) - names_of_tests())


@pytest.mark.skipif(
    not DESCRIPTION.exists(), reason="the description of modems does not lie beside the project"
)
def test_no_word_of_the_description_is_left_out() -> None:
    left = plain(DESCRIPTION.read_text("utf-8"))
    for row in rows():
        if row.section == PROMISES:
            continue
        words = plain(row.words)
        assert words in left, f"not in the description, or there twice here: {words!r}"
        left = left.replace(words, " ", 1)
    assert left.split() == []
