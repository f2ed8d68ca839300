"""Puts a changed section in force: at once, or on trial where it may cut off whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from app.settings.problems import ChangedMeanwhile
from app.settings.section import Section
from app.settings.snapshot import Value
from app.settings.store import Stored
from app.web.admin.house import House


def on_trial(house: House, section: type[Section]) -> bool:
    """Whether a change of this section goes back by itself unless confirmed."""
    return section in house.machine.trial.covers


def change(
    house: House, section: type[Section], edit: Callable[[Stored], Value], revision: str | None = None
) -> None:
    """Read, edit and write one section; raises as SettingsStore.change."""
    if not on_trial(house, section):
        house.store.change(section, edit, revision)
        return
    before = house.store.read(section)
    if revision is not None and revision != before.revision:
        raise ChangedMeanwhile(section.about.name)
    value = edit(before)
    if value != before.value:
        house.machine.trial.save({section: value})


def put(house: House, section: type[Section], item: str, value: Section | None) -> None:
    """Add or replace one item of a collection, or take it out (None); raises as ``change``."""
    if value is None and not on_trial(house, section):
        house.store.remove(section, item)  # which also takes out what cannot be read
        return

    def edit(old: Stored) -> Value:
        items = {**cast(Mapping[str, Section], old.value)}
        if value is None:
            items.pop(item, None)
        else:
            items[item] = value
        return items

    change(house, section, edit)


def after(house: House, section: type[Section], usual: str) -> str:
    """The page that follows: that of the trial, where there is something to confirm now."""
    return "/network/trial" if on_trial(house, section) and house.machine.trial.waiting else usual
