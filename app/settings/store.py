"""The settings of a device on its card: one JSON file a section, checked when read and before written."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

from app.settings import files
from app.settings.cross import all_cautions, cross_problems
from app.settings.dump import plain
from app.settings.problems import ChangedMeanwhile, Problem, Refused, StoreUnusable, Wrong, quote
from app.settings.section import Around, Section, check, check_items, check_many, clashes
from app.settings.sections import SECTIONS
from app.settings.snapshot import Settings, Value

S = TypeVar("S", bound=Section)

PENDING = "restore.pending"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """One section as it was read.

    value: what is in force; revision: changes with the file's content, "" when there is none;
    lost: something known could not be used (`problems` tell what), so that a default stands in for it;
    raw: what stands in a file with problems, when it could be read as JSON.
    """

    value: Value
    revision: str
    problems: tuple[Problem, ...]
    lost: bool
    raw: object = None


@dataclass(frozen=True)
class Loaded:
    """All sections as they were read. `fallen` names those of which something is at its default."""

    settings: Settings
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    revisions: Mapping[str, str]
    fallen: tuple[str, ...]


def port_exists(port: str) -> bool:
    """Whether a modem's port is there; a URL (sim://, socket://) always is."""
    return "://" in port or os.path.exists(port)


class SettingsStore:
    """The settings under `home`; any number of processes and threads may use their own.

    `home/settings/NAME.json` is what was set, `home/factory/NAME.json` what this device came with (made at
    first boot, where a default differs from device to device); without either the declaration counts.
    """

    def __init__(
        self,
        home: Path,
        sections: Iterable[type[Section]] = SECTIONS,
        around: Around | None = None,
    ) -> None:
        self.folder = home / "settings"
        self.factory = home / "factory"
        self.sections = tuple(sections)
        self.around = around or Around(port_exists=port_exists)
        self._sound: dict[str, Stored] = {}  # the last file without problems of each section, by its content

    # -- reading -------------------------------------------------------------------------------------------

    def load(self) -> Loaded:
        """Everything. Never fails: what cannot be read costs its own section, and is told."""
        problems: list[Problem] = []
        try:
            if os.path.exists(self.folder / PENDING):
                with self._locked():
                    pass  # taking the lock finishes a restore that a power cut interrupted
        except StoreUnusable as error:
            problems.append(Problem("settings", "", "", str(error)))
        stored = {section: self.read(section) for section in self.sections}
        settings = Settings({section.about.name: one.value for section, one in stored.items()})
        problems += [problem for one in stored.values() for problem in one.problems]
        problems += cross_problems(settings)
        return Loaded(
            settings=settings,
            problems=tuple(problems),
            warnings=tuple(all_cautions(settings, self.around)),
            revisions={section.about.name: one.revision for section, one in stored.items()},
            fallen=tuple(section.about.name for section, one in stored.items() if one.lost),
        )

    def read(self, section: type[Section]) -> Stored:
        """One section: its file, else what the device came with, else the defaults."""
        path = self.path(section)
        try:
            content = files.read_limited(path)
        except FileNotFoundError:
            return self._from_factory(section)
        except OSError as error:
            return self._unusable(section, f"{path.name} cannot be read ({error.strerror})", "unreadable")
        except Wrong as error:
            return self._unusable(section, f"{path.name} {error}", "too large")
        revision = _revision(content)
        known = self._sound.get(section.about.name)
        if known is not None and known.revision == revision:
            return known
        stored = self._understood(section, path, content, revision)
        if not stored.problems:
            stored = self._sound[section.about.name] = replace(stored, raw=None)
        return stored

    def one(self, section: type[S]) -> S:
        """The value of a section that is not a collection, as it stands in its file now."""
        value = self.read(section).value
        if not isinstance(value, section):
            raise TypeError(f"{section.about.name} is a collection: ask for its items")
        return value

    def items(self, section: type[S]) -> Mapping[str, S]:
        """The items of a collection, as they stand in its file now."""
        value: Any = self.read(section).value
        if isinstance(value, Section):
            raise TypeError(f"{section.about.name} is not a collection: ask for one")
        return cast(Mapping[str, S], value)

    def path(self, section: type[Section]) -> Path:
        """Where a section is stored."""
        return self.folder / f"{section.about.name}.json"

    def defaults(self, section: type[Section]) -> Value:
        """What a section is after a reset."""
        return self._from_factory(section).value

    def _from_factory(self, section: type[Section]) -> Stored:
        path = self.factory / f"{section.about.name}.json"
        try:
            content = files.read_limited(path)
        except FileNotFoundError:
            return Stored(_declared(section), "", (), False)
        except OSError as error:
            return self._unusable(section, f"factory/{path.name} cannot be read ({error.strerror})", "")
        except Wrong as error:
            return self._unusable(section, f"factory/{path.name} {error}", "")
        return self._understood(section, path, content, "")

    def _understood(self, section: type[Section], path: Path, content: bytes, revision: str) -> Stored:
        name = section.about.name
        try:
            raw, twice = files.parse_json(content)
        except Wrong as error:
            return self._unusable(section, f"{path.name} {error}", revision)
        problems = [Problem(name, "", "", f"{quote(word)} stands twice in {path.name}") for word in twice]
        if section.about.many:
            many = check_many(section, raw)
            problems += many.problems
            lost = many.value is None or len(many.value) < len(raw)
            return Stored(MappingProxyType(many.value or {}), revision, tuple(problems), lost, raw)
        one = check(section, raw)
        problems += one.problems
        value = one.value if one.value is not None else self._spare(section, path)
        return Stored(value, revision, tuple(problems), one.value is None, raw)

    def _unusable(self, section: type[Section], why: str, revision: str) -> Stored:
        value = self._spare(section, self.path(section)) if revision else _declared(section)
        problem = Problem(section.about.name, "", "", f"{why}: the section is at its defaults")
        return Stored(value, revision, (problem,), True)

    def _spare(self, section: type[Section], path: Path) -> Value:
        return _declared(section) if path.parent == self.factory else self._from_factory(section).value

    # -- writing -------------------------------------------------------------------------------------------

    def change(
        self, section: type[Section], edit: Callable[[Stored], Value], revision: str | None = None
    ) -> str:
        """Read, edit and write one section while nobody else can; gives the new revision.

        revision: as it was when the edit was made up (by a form); None: the edit fits whatever is there.
        Raises Refused with every problem, ChangedMeanwhile, StoreUnusable; then nothing was written.
        """
        with self._locked():
            before = self.read(section)
            if revision is not None and revision != before.revision:
                raise ChangedMeanwhile(section.about.name)
            value = edit(before)
            if value == before.value and before.revision and not before.problems:
                return before.revision
            self._refuse_wrong({section: value})
            content = files.render_json(plain(value))
            self._keep_broken(section, before)
            files.write_whole(self.path(section), content)
            kept = value if isinstance(value, Section) else MappingProxyType(dict(value))
            self._sound[section.about.name] = Stored(kept, _revision(content), (), False)
            return _revision(content)

    def save(self, section: type[S], value: S | Mapping[str, S], revision: str | None = None) -> str:
        """Write one section as a whole; as `change`."""
        return self.change(section, lambda _: value, revision)

    def put(self, section: type[S], item: str, value: S, revision: str | None = None) -> str:
        """Add or replace one item of a collection; as `change`."""
        return self.change(section, lambda old: {**_items(old.value), item: value}, revision)

    def remove(self, section: type[Section], item: str, revision: str | None = None) -> str:
        """Take one item out of a collection, a broken one too; one that is not there is a problem."""

        def without(old: Stored) -> Value:
            rest = dict(_items(old.value))
            broken = isinstance(old.raw, dict) and item in old.raw
            if rest.pop(item, None) is None and not broken:
                raise Refused([Problem(section.about.name, item, "", "there is no such item")])
            return rest

        return self.change(section, without, revision)

    def replace(self, values: Mapping[type[Section], Value]) -> None:
        """Write several sections, all or none of them, also across a power cut; raises as `change`."""
        with self._locked():
            self._refuse_wrong(values)
            for section in values:
                self._keep_broken(section, self.read(section))
            document = {section.about.name: plain(value) for section, value in values.items()}
            files.write_whole(self.folder / PENDING, files.render_json(document))
            self._finish_pending()

    def reset(self, sections: Iterable[type[Section]]) -> list[str]:
        """Put sections back to what the device came with; gives the names of those that were changed."""
        done = []
        with self._locked():
            for section in sections:
                if os.path.lexists(self.path(section)):
                    self._keep_broken(section, self.read(section))
                    self.path(section).unlink()
                    done.append(section.about.name)
            files.sync_folder(self.folder)
        return done

    def _keep_broken(self, section: type[Section], stored: Stored) -> None:
        if stored.problems and os.path.lexists(self.path(section)):
            kept = files.set_aside(self.path(section))
            log.warning("%s had problems: it is kept as %s", self.path(section).name, kept)

    def _refuse_wrong(self, values: Mapping[type[Section], Value]) -> None:
        problems: list[Problem] = []
        before = after = Settings({section.about.name: self.read(section).value for section in self.sections})
        for section, value in values.items():
            problems += _found(section, before.value(section), value)
            after = after.replaced(section, value)
        # What two sections already held against each other must not keep a third from being set.
        known = set(cross_problems(before))
        problems += [problem for problem in cross_problems(after) if problem not in known]
        if problems:
            raise Refused(problems)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            files.make_folder(self.folder)
            with files.locked(self.folder / ".lock"):
                self._finish_pending()
                yield
        except OSError as error:
            raise StoreUnusable(f"{self.folder} cannot be written: {error.strerror or error}") from error

    def _finish_pending(self) -> None:
        """Carry out what `replace` began; the file is complete when it exists, and was checked before."""
        pending = self.folder / PENDING
        try:
            document, _ = files.parse_json(files.read_limited(pending))
        except FileNotFoundError:
            return
        except Wrong:
            files.set_aside(pending)
            document = {}
        for section in self.sections:
            if isinstance(document, dict) and section.about.name in document:
                files.write_whole(self.path(section), files.render_json(document[section.about.name]))
        pending.unlink()
        files.sync_folder(self.folder)


def _declared(section: type[Section]) -> Value:
    return MappingProxyType({}) if section.about.many else section()


def _found(section: type[Section], old: Value, new: Value) -> list[Problem]:
    """What is wrong with a new value; items that stay what they were have been checked already."""
    if isinstance(new, Section):
        return list(check(section, plain(new)).problems)
    same = _items(old)
    fresh = {item: value for item, value in new.items() if same.get(item) is not value}
    return [*check_items(section, plain(fresh)).problems, *clashes(section, new)]


def _revision(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _items(value: Value) -> Mapping[str, Section]:
    if isinstance(value, Section):
        raise TypeError(f"{value.about.name} has no items")
    return value
