"""Notices settings that changed under a running service, whoever wrote them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.core.faults import described
from app.settings.cross import cross_problems
from app.settings.problems import Problem
from app.settings.section import Section
from app.settings.snapshot import Settings, Value
from app.settings.store import Loaded, SettingsStore

log = logging.getLogger(__name__)

PERIOD = 0.5

Signature = tuple[int, int, int] | None


@dataclass(frozen=True)
class Changed:
    """A section that is different now."""

    section: type[Section]
    old: Value
    new: Value


class Watcher:
    """Compares the files with what is in force.

    A file that became wrong changes nothing: the service keeps what it has, and the problems are told once.
    Files are looked at by name, inode, size and time, twice a second: a handful of stat calls, which work
    on every file system and for every editor.
    """

    def __init__(self, store: SettingsStore, loaded: Loaded) -> None:
        self._store = store
        self.settings: Settings = loaded.settings
        self._told = set(loaded.problems)
        # Unknown at first, so that a change between load and the first look is not missed.
        self._seen: dict[str, Signature | str] = {section.about.name: "" for section in store.sections}

    def poll(self) -> tuple[list[Changed], list[Problem]]:
        """The sections that changed since the last look, and the problems that are new."""
        changes: list[Changed] = []
        standing = set(self._told)
        for section in self._store.sections:
            signature = self._signature(section)
            if signature == self._seen[section.about.name]:
                continue
            stored = self._store.read(section)
            self._seen[section.about.name] = signature
            standing = {problem for problem in standing if problem.section != section.about.name}
            standing.update(stored.problems)
            old = self.settings.value(section)
            if stored.lost or stored.value == old:
                continue
            self.settings = self.settings.replaced(section, stored.value)
            changes.append(Changed(section, old, stored.value))
        standing.update(cross_problems(self.settings) if changes else ())
        new = sorted(standing - self._told)
        self._told = standing
        return changes, new

    def run(
        self,
        stopping: threading.Event,
        announce: Callable[[Changed], None],
        complain: Callable[[Problem], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Look until `stopping`; the body of a thread that its owner names and joins.

        A look that fails is told once and tried again; a change whose taker fails is told, and the next one
        comes all the same. beat: called once a round.
        """
        told = ""
        while not stopping.wait(PERIOD):
            beat()
            try:
                changes, problems = self.poll()
                told = ""
            except Exception as error:
                if described(error) != told:
                    told = described(error)
                    log.error("the settings could not be looked at: an unforeseen %s", told)
                continue
            for problem in problems:
                complain(problem)
            for change in changes:
                try:
                    announce(change)
                except Exception as error:
                    name, fault = change.section.about.name, described(error)
                    log.error("the settings of %s are not in force: an unforeseen %s", name, fault)

    def _signature(self, section: type[Section]) -> Signature:
        try:
            status = self._store.path(section).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
