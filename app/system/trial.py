"""Changes that may cut the administrator off: in force for a minute, and back again unless confirmed."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.core.clock import Clock
from app.settings.dump import plain
from app.settings.files import parse_json, read_limited, render_json, write_whole
from app.settings.network import Dhcp, Ethernet, FirewallRule, Wlan
from app.settings.problems import Refused, SettingsError, Wrong
from app.settings.section import Section, check, check_many
from app.settings.snapshot import Value
from app.settings.store import SettingsStore

log = logging.getLogger(__name__)

SECONDS = 60.0
FILE = "trial.json"

#: Sections whose change a page makes by `Trial.save` and not by the store's own.
CUTS_OFF: tuple[type[Section], ...] = (Wlan, Dhcp, Ethernet, FirewallRule)


def forget(home: Path, sections: Iterable[str]) -> None:
    """What was on trial in these sections does not come back: they were reset. The rest stays on trial."""
    path = home / FILE
    before = _before(path)
    left = {name: raw for name, raw in before.items() if name not in set(sections)}
    with contextlib.suppress(OSError):
        if left and left != before:
            write_whole(path, render_json(left))
        elif not left:
            path.unlink()


class Trial:
    """One trial at a time; what was before lies in a file, so that a power cut ends it too.

    Any process may save and confirm; the service watches the time (`tick` is its periodic job). When it
    starts, it goes back to what was before: nobody confirmed.

    seconds: how long there is to confirm. outcome: what came of the last trial, a sentence or "".
    """

    covers = CUTS_OFF

    def __init__(self, store: SettingsStore, home: Path, clock: Clock, seconds: float = SECONDS) -> None:
        self._store = store
        self._path = home / FILE
        self._clock = clock
        self.seconds = seconds
        self.outcome = ""
        self._ends: float | None = None
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds in which to confirm; 0 when there is nothing to confirm."""
        return max(0.0, self._ends - self._clock.steady()) if self._ends is not None else 0.0

    @property
    def waiting(self) -> bool:
        """Whether there is something to confirm, or about to go back."""
        return self._ends is not None

    @property
    def names(self) -> list[str]:
        """The sections that go back unless somebody confirms."""
        with self._lock:
            return list(_before(self._path))

    def save(self, values: Mapping[type[Section], Value]) -> None:
        """Put sections in force on trial. A second change joins the trial, which begins anew.

        Sections that cut nobody off may come along, all or none of them; those stay in force.

        Raises SettingsError as the store does; then nothing has changed.
        """
        with self._lock:
            joined = self._path.exists()
            before = _before(self._path)
            for section in (one for one in values if one in CUTS_OFF):
                before.setdefault(section.about.name, plain(self._store.read(section).value))
            write_whole(self._path, render_json(before))
            try:
                self._store.replace(values)
            except SettingsError:
                if not joined:
                    self._forget()
                raise
            self._ends = self._clock.steady() + self.seconds

    def confirm(self) -> bool:
        """Keep what is in force; whether there was anything to confirm."""
        with self._lock:
            waiting = self._path.exists()
            if waiting:
                self.outcome = "the change was confirmed and stays"
            self._forget()
            return waiting

    def give_up(self) -> list[str]:
        """Go back at once; the names of the sections."""
        with self._lock:
            return self._undo("somebody asked for it")

    def resume(self) -> list[str]:
        """At the start of the service: undo what nobody confirmed; the names of the sections."""
        with self._lock:
            return self._undo("the device was restarted before anybody confirmed")

    def tick(self) -> list[str]:
        """Undo what nobody confirmed in time; the names of the sections."""
        with self._lock:
            if not self._path.exists():
                self._ends = None
                return []
            if self._ends is None:  # begun by the command line, or by a request of this moment
                self._ends = self._clock.steady() + self.seconds
            if self._clock.steady() < self._ends:
                return []
            return self._undo(f"nobody confirmed within {self.seconds:.0f} s")

    def _undo(self, why: str) -> list[str]:
        values: dict[type[Section], Value] = {}
        for name, raw in _before(self._path).items():
            section = next((one for one in CUTS_OFF if one.about.name == name), None)
            if section is None:
                continue
            found = check_many(section, raw) if section.about.many else check(section, raw)
            if found.value is not None:
                values[section] = found.value
        try:
            if values:
                self._store.replace(values)
        except Refused as error:
            log.error("the settings of before cannot be put back: %s", error)
        except SettingsError as error:
            return self._not_yet(error)
        try:
            self._forget()
        except OSError as error:
            return self._not_yet(error)
        names = [section.about.name for section in values]
        if names:
            self.outcome = f"the change went back: {why}"
            log.warning("%s went back to what they were: %s", " and ".join(names), why)
        return names

    def _not_yet(self, error: Exception) -> list[str]:
        log.error("the settings of before cannot be put back yet: %s", error)
        self._ends = self._clock.steady() + 5.0
        return []

    def _forget(self) -> None:
        self._ends = None
        # A disk that is mounted read-only refuses to remove even what is not there.
        if self._path.exists():
            self._path.unlink(missing_ok=True)


def _before(path: Path) -> dict[str, object]:
    try:
        found, _ = parse_json(read_limited(path))
    except (OSError, Wrong):
        return {}
    return found if isinstance(found, dict) else {}
