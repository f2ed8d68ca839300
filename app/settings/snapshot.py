"""All settings at one moment: what the service is built from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from app.settings.section import Section

S = TypeVar("S", bound=Section)

#: The value of a section: itself, or item id → item of a collection.
Value = Section | Mapping[str, Section]


class Settings:
    """Every section's value; never changes, a change makes a new one."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def one(self, section: type[S]) -> S:
        """The value of a section that is not a collection."""
        value = self._values[section.about.name]
        if not isinstance(value, section):
            raise TypeError(f"{section.about.name} is a collection: ask for its items")
        return value

    def items(self, section: type[S]) -> Mapping[str, S]:
        """The items of a collection, in the order of their file."""
        value: Any = self._values[section.about.name]
        if isinstance(value, Section):
            raise TypeError(f"{section.about.name} is not a collection: ask for one")
        return MappingProxyType(value)

    def value(self, section: type[Section]) -> Value:
        """The value of a section of either kind."""
        return self._values[section.about.name]

    def replaced(self, section: type[Section], value: Value) -> Settings:
        """The same settings with another value of one section."""
        return Settings({**self._values, section.about.name: value})

    def pieces(self) -> list[tuple[str, Section]]:
        """Every single section and every item, each with its item id ("" for a single section)."""
        found: list[tuple[str, Section]] = []
        for value in self._values.values():
            found += [("", value)] if isinstance(value, Section) else list(value.items())
        return found
