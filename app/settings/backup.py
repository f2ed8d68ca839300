"""All settings in one file, and back: all of them or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import files
from app.settings.cross import all_cautions, cross_problems
from app.settings.dump import Change, differences, plain
from app.settings.problems import Problem, Refused, Wrong, quote
from app.settings.section import Section, check, check_many
from app.settings.snapshot import Value
from app.settings.store import Loaded, SettingsStore

FORMAT = "OTP-Pi settings"
VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What a restore would do: nothing at all when there are problems."""

    values: Mapping[type[Section], Value]
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def document(store: SettingsStore, loaded: Loaded, made: float) -> bytes:
    """The backup: every section, secrets and password hashes included. made: Unix time.

    A section of which something was lost is left out: its defaults must not pass for what was set.
    """
    sections = {
        section.about.name: plain(loaded.settings.value(section))
        for section in store.sections
        if section.about.name not in loaded.fallen
    }
    return files.render_json(
        {
            "format": FORMAT,
            "version": VERSION,
            "made": datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds"),
            "checksum": _checksum(sections),
            "sections": sections,
        }
    )


def write(path: Path, content: bytes) -> None:
    """Keep a backup in a file that only the one who asked for it can read; raises OSError."""
    files.write_whole(path, content, for_owner_of_folder=False)


def plan(store: SettingsStore, content: bytes) -> Plan:
    """Look at a backup without touching anything: what would change, and everything that forbids it."""
    loaded = store.load()
    try:
        sections = _opened(content)
    except Wrong as error:
        return Plan({}, (), (Problem("backup", "", "", f"the file {error}"),), ())
    problems: list[Problem] = []
    changes: list[Change] = []
    values: dict[type[Section], Value] = {}
    settings = loaded.settings
    names = {section.about.name: section for section in store.sections}
    for name, raw in sections.items():
        section = names.get(name)
        if section is None:
            problems.append(Problem("backup", "", "", f"{quote(name)} is not a section of this version"))
            continue
        value, found = _checked(section, raw)
        problems += found
        if value is not None:
            values[section] = value
            changes += differences(section, settings.value(section), value)
            settings = settings.replaced(section, value)
    known = set(cross_problems(loaded.settings))
    problems += [problem for problem in cross_problems(settings) if problem not in known]
    warnings = all_cautions(settings, store.around)
    return Plan(values, tuple(changes), tuple(problems), tuple(warnings))


def restore(store: SettingsStore, content: bytes) -> Plan:
    """Put every section of a backup in force; sections it does not hold stay.

    Raises as SettingsStore.change, and then has changed nothing.
    """
    planned = plan(store, content)
    if planned.problems:
        raise Refused(planned.problems)
    store.replace(planned.values)
    return planned


def _checked(section: type[Section], raw: object) -> tuple[Value | None, tuple[Problem, ...]]:
    if section.about.many:
        many = check_many(section, raw)
        return many.value, many.problems
    one = check(section, raw)
    return one.value, one.problems


def _opened(content: bytes) -> dict[str, Any]:
    whole, twice = files.parse_json(content)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise Wrong("is not a backup of these settings")
    if whole.get("version") != VERSION:
        version = quote(whole.get("version"))
        raise Wrong(f"is a backup of version {version}; this software reads {VERSION}")
    sections = whole.get("sections")
    if not isinstance(sections, dict) or twice or whole.get("checksum") != _checksum(sections):
        raise Wrong("was changed or damaged: its checksum does not match")
    return sections


def _checksum(sections: Mapping[str, Any]) -> str:
    text = json.dumps(sections, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()
