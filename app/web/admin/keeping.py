"""Puts a changed section in force: at once, or on trial where it may cut off whoever asks for it.

What a page makes up from what it read is put into the section as it is by then: somebody else may have been
quicker, and a password takes its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from app.settings.problems import Problem, Refused
from app.settings.section import Section, item_id
from app.settings.snapshot import Value
from app.settings.store import Stored
from app.settings.users import User
from app.web.admin.house import House
from app.web.admin.routes import ADMINISTRATOR

S = TypeVar("S", bound=Section)

_trying = threading.Lock()  # a trial reads and writes in two steps


def on_trial(house: House, section: type[Section]) -> bool:
    """Whether a change of this section goes back by itself unless confirmed."""
    return section in house.machine.trial.covers


def change(house: House, section: type[Section], edit: Callable[[Stored], Value]) -> None:
    """Read, edit and write one section while no other page can; raises as SettingsStore.change."""

    def put(old: Stored) -> Value:
        new = edit(old)
        if section is User:
            somebody_left(cast(Mapping[str, User], old.value), cast(Mapping[str, User], new))
        return new

    if not on_trial(house, section):
        house.store.change(section, put)
        return
    with _trying:
        before = house.store.read(section)
        value = put(before)
        if value != before.value:
            house.machine.trial.save({section: value})


def amend(house: House, section: type[S], item: str, edit: Callable[[S], S | None]) -> None:
    """Edit a section, or an item of a collection; None takes the item out. Raises as `change`.

    An item that is gone by then is not made again, but refused.
    """

    def put(old: Stored) -> Value:
        if not section.about.many:
            return edit(cast(S, old.value)) or old.value
        items = dict(cast(Mapping[str, S], old.value))
        if item not in items:
            raise Refused([Problem(section.about.name, item, "", "there is no such item")])
        new = edit(items[item])
        if new is None:
            del items[item]
        else:
            items[item] = new
        return items

    change(house, section, put)


def add(house: House, section: type[S], name: str, make: Callable[[str], S]) -> str:
    """A new item with an id made from a name, which `make` is given; returns the id. Raises as `change`."""
    made: list[str] = []

    def put(old: Stored) -> Value:
        items = cast(Mapping[str, S], old.value)
        made[:] = [item_id(name, items)]
        return {**items, made[0]: make(made[0])}

    change(house, section, put)
    return made[0]


def different(before: Section | None, after: Section) -> dict[str, object]:
    """The fields that a form changed, with their new values."""
    return {
        name: getattr(after, name)
        for name in after.options
        if before is None or getattr(after, name) != getattr(before, name)
    }


def somebody_left(before: Mapping[str, User], after: Mapping[str, User]) -> None:
    """Somebody must be left who may change settings in the pages; raises Refused."""
    if _administered(before) and not _administered(after):
        raise Refused([Problem("users", "", "", "an administrator who can sign in must be left")])


def _administered(users: Mapping[str, User]) -> bool:
    return any(
        one.role == ADMINISTRATOR and one.active and not one.blocked and one.password
        for one in users.values()
    )


def after(house: House, section: type[Section], usual: str) -> str:
    """The page that follows: that of the trial, where there is something to confirm now."""
    return "/network/trial" if on_trial(house, section) and house.machine.trial.waiting else usual
