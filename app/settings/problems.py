"""What is wrong with a setting, told by field in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

#: Longest part of a wrong value that is repeated in a sentence.
SHOWN = 60


@dataclass(frozen=True, order=True)
class Problem:
    """One wrong setting.

    section: name of the section; item: id in a collection, else ""; field: "" when the whole item or section
    is meant; sentence: what is wrong, with the value unless it is a secret.
    """

    section: str
    item: str
    field: str
    sentence: str

    @property
    def where(self) -> str:
        """The place as `show` and `set` write it: `api.http_port`, `modems/m1.port`, `sms`."""
        place = f"{self.section}/{self.item}" if self.item else self.section
        return f"{place}.{self.field}" if self.field else place

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


class Finding(NamedTuple):
    """What a section says against itself: all fields involved (the first one is where it is shown)."""

    fields: tuple[str, ...]
    sentence: str
    item: str = ""


class Wrong(ValueError):
    """A value was refused; the text is a predicate that follows the value: "is not a port number"."""


class SettingsError(Exception):
    """Root of what the settings raise; each text is a sentence without secrets."""


class Refused(SettingsError):
    """A change was not made because of `problems`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class ChangedMeanwhile(SettingsError):
    """Somebody else saved the section after it had been read."""

    def __init__(self, section: str) -> None:
        self.section = section
        super().__init__(f"{section} was changed by somebody else meanwhile: read it again, then save")


class StoreUnusable(SettingsError):
    """The settings folder cannot be read, locked or written."""


def quote(value: object) -> str:
    """A wrong value as it is shown in a sentence: short, in quotes when text, nothing unprintable."""
    if isinstance(value, str):
        short = value if len(value) <= SHOWN else value[:SHOWN] + "…"
        return repr(short)
    if isinstance(value, dict | list | tuple):
        return "a group" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = repr(value)
    except ValueError:  # an integer beyond sys.get_int_max_str_digits()
        return "a number with thousands of digits"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
