"""Settings as values to write and to show: plain for files, masked for people, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.settings.option import Option
from app.settings.problems import Problem
from app.settings.section import Section
from app.settings.snapshot import Value


@dataclass(frozen=True)
class Change:
    """One field that differs, as text fit to be shown; field "" when a whole item was added or removed."""

    section: str
    item: str
    field: str
    old: str
    new: str

    def __str__(self) -> str:
        where = Problem(self.section, self.item, self.field, "").where
        return f"{where}: {self.old} → {self.new}" if self.field else f"{where}: {self.new}"


def plain(value: Value) -> dict[str, Any]:
    """Everything, secrets too, as JSON values for a file: one section, or item id → fields."""
    if isinstance(value, Section):
        return value.model_dump(mode="json")
    return {item: section.model_dump(mode="json") for item, section in value.items()}


def masked(value: Value) -> dict[str, Any]:
    """The same for people: a secret is "set" or "unset"."""
    if not isinstance(value, Section):
        return {item: masked(section) for item, section in value.items()}
    fields = value.model_dump(mode="json")
    for name, option in value.options.items():
        if option.secret:
            fields[name] = "set" if fields[name] else "unset"
    return fields


def shown(option: Option, value: object) -> str:
    """One value as `show` prints and `set` takes it; a secret is "(set)" or "(unset)"."""
    if option.secret:
        return "(set)" if value else "(unset)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(entry) for entry in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def lines(section: Section) -> list[str]:
    """A section or item as `name=value` lines."""
    return [f"{name}={shown(option, getattr(section, name))}" for name, option in section.options.items()]


def differences(section: type[Section], old: Value, new: Value) -> list[Change]:
    """What a change changes, field by field, in the order of the declaration; secrets are masked."""
    name = section.about.name
    if isinstance(old, Section) and isinstance(new, Section):
        return _fields(name, "", old, new)
    assert not isinstance(old, Section) and not isinstance(new, Section)
    changes: list[Change] = []
    for item in [*old, *(item for item in new if item not in old)]:
        if item not in new:
            changes.append(Change(name, item, "", "there", "removed"))
        elif item not in old:
            changes.append(Change(name, item, "", "absent", "added"))
        else:
            changes += _fields(name, item, old[item], new[item])
    return changes


def _fields(name: str, item: str, old: Section, new: Section) -> list[Change]:
    changes = []
    for field, option in new.options.items():
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            told = "(changed)" if option.secret and before and after else shown(option, after)
            changes.append(Change(name, item, field, shown(option, before) or "(empty)", told or "(empty)"))
    return changes
