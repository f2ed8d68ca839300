"""The commands that show and change settings.

Exit status: 0 done, 1 refused, 2 (from check) the configuration is wrong.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.settings import backup, dump, files
from app.settings.api import ApiUser
from app.settings.cross import cross_cautions
from app.settings.parse import from_pairs
from app.settings.passwords import generate_password, weakness
from app.settings.problems import Problem, Refused, SettingsError, Wrong, quote
from app.settings.schema import schema
from app.settings.section import Section, cautions, item_id
from app.settings.sections import SECTIONS, by_name
from app.settings.snapshot import Value
from app.settings.store import SettingsStore, Stored

DONE, REFUSED, WRONG_CONFIGURATION = 0, 1, 2
HOME = Path("/var/lib/otppi")

Handler = Callable[[argparse.Namespace], int]


def add_commands(subparsers: Any) -> None:
    """Add all commands to `ArgumentParser.add_subparsers()`; each sets `run`, called with the arguments."""
    command(subparsers, "check", check, "tell everything that is wrong with the settings")
    command(subparsers, "schema", print_schema, "print the JSON schema of all settings")
    shown = command(subparsers, "show", show, "print settings; secrets only as set or unset")
    shown.add_argument("place", nargs="?", metavar="SECTION[/ITEM]", help="without it: everything")
    shown.add_argument("--json", action="store_true", help="print JSON")
    change = command(subparsers, "set", set_options, "change options; an item that is absent is created")
    change.add_argument("place", metavar="SECTION[/ITEM]")
    change.add_argument("pairs", nargs="+", metavar="name=value")
    removal = command(subparsers, "delete", delete, "delete an item of a collection")
    removal.add_argument("place", metavar="SECTION/ITEM")
    saving = command(subparsers, "backup", write_backup, "keep all settings in one file")
    saving.add_argument("file", type=Path, metavar="FILE")
    restoring = command(subparsers, "restore", restore, "put the settings of a backup in force, all or none")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.add_argument("--dry-run", action="store_true", help="only tell what would change")
    user = command(subparsers, "add-api-user", add_api_user, "add an API user, or give one a new password")
    user.add_argument("name", metavar="NAME")
    source = user.add_mutually_exclusive_group()
    source.add_argument(
        "--password-stdin", action="store_true", help="read the password from a line of input"
    )
    source.add_argument("--generate", action="store_true", help="make a password and print it")


def command(subparsers: Any, name: str, handler: Handler, help: str) -> argparse.ArgumentParser:
    """A command with --home; what refuses it or goes wrong with a file becomes a sentence and status 1."""
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=help, description=help)
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=f"the gateway's folder (default: $OTPPI_HOME, else {HOME})"
    )
    parser.set_defaults(run=lambda arguments: _guarded(handler, arguments))
    return parser


def _guarded(handler: Handler, arguments: argparse.Namespace) -> int:
    try:
        return handler(arguments)
    except Refused as error:
        return _refuse(error.problems)
    except SettingsError as error:
        _say(str(error))
    except BrokenPipeError:
        raise  # whoever reads what is printed has left; no sentence reaches them
    except OSError as error:
        _say(f"{error.filename or 'this machine'}: {error.strerror or error}")
    return REFUSED


def home_of(arguments: argparse.Namespace) -> Path:
    """The home that --home, else OTPPI_HOME, else the system's place names."""
    home: Path = arguments.home or Path(os.environ.get("OTPPI_HOME") or HOME)
    return home


def store_of(arguments: argparse.Namespace) -> SettingsStore:
    """The settings of that home."""
    return SettingsStore(home_of(arguments))


def check(arguments: argparse.Namespace) -> int:
    """Print every problem by field, then the warnings; 2 when there is a problem."""
    store = store_of(arguments)
    loaded = store.load()
    for problem in loaded.problems:
        print(problem)
    for name in loaded.fallen:
        print(f"{name}: runs without what is wrong until {name}.json is right")
    for warning in loaded.warnings:
        print(f"warning: {warning}")
    if loaded.problems:
        count = len(loaded.problems)
        print(f"{count} problem{'s' if count > 1 else ''} in {store.folder}")
        return WRONG_CONFIGURATION
    written = sum(1 for revision in loaded.revisions.values() if revision)
    print(f"the settings are right: {written} of {len(loaded.revisions)} sections set in {store.folder}")
    return DONE


def print_schema(arguments: argparse.Namespace) -> int:
    """Print the JSON schema of all settings."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return DONE


def show(arguments: argparse.Namespace) -> int:
    """Print a section, an item, or everything, as `set` takes it."""
    store = store_of(arguments)
    chosen: dict[str, Value] = {}
    if arguments.place is None:
        loaded = store.load()
        _complain(loaded.problems)
        chosen = {section.about.name: loaded.settings.value(section) for section in store.sections}
        picture: object = {name: dump.masked(value) for name, value in chosen.items()}
    else:
        section, item = _place(arguments.place)
        stored = store.read(section)
        _complain(stored.problems)
        chosen[arguments.place] = value = _item_of(section, stored.value, item) if item else stored.value
        picture = dump.masked(value)
    if arguments.json:
        print(json.dumps(picture, indent=2, ensure_ascii=False))
    else:
        for place, value in chosen.items():
            _print_value(place, value)
    return DONE


def set_options(arguments: argparse.Namespace) -> int:
    """Change options of a section or item and print what is different."""
    store = store_of(arguments)
    section, item = _place(arguments.place)
    if section.about.many and not item:
        item = _new_item(store, section, arguments.pairs)
    return _change(store, section, item, arguments.pairs)


def delete(arguments: argparse.Namespace) -> int:
    """Delete an item of a collection."""
    section, item = _place(arguments.place)
    if not item:
        return _refuse([Problem(section.about.name, "", "", "say which item: delete SECTION/ITEM")])
    store_of(arguments).remove(section, item)
    print(f"{arguments.place}: deleted")
    return DONE


def write_backup(arguments: argparse.Namespace) -> int:
    """Keep all settings in one file, mode 0600."""
    store = store_of(arguments)
    loaded = store.load()
    try:
        backup.write(arguments.file, backup.document(store, loaded, time.time()))
    except OSError as error:
        return _refuse([Problem("backup", "", "", f"{arguments.file} cannot be written ({error.strerror})")])
    for name in loaded.fallen:
        _say(f"warning: {name} is not in the backup: its file has problems")
    print(f"{arguments.file} holds {len(loaded.revisions) - len(loaded.fallen)} sections.")
    print("It holds passwords, PINs and password hashes: only you can read it (0600), keep it so.")
    return DONE


def restore(arguments: argparse.Namespace) -> int:
    """Put the settings of a backup in force, or only tell what would change."""
    store = store_of(arguments)
    try:
        content = files.read_limited(arguments.file)
    except (OSError, Wrong) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return _refuse([Problem("backup", "", "", f"{arguments.file} cannot be read ({why})")])
    plan = backup.plan(store, content) if arguments.dry_run else backup.restore(store, content)
    if plan.problems:
        return _refuse(plan.problems)
    for change in plan.changes:
        print(change)
    _complain(plan.warnings, "warning: ")
    made = "none made yet" if arguments.dry_run else "all made"
    count = len(plan.changes)
    print(f"changes from {arguments.file}: {count}, {made}" if count else "nothing is different")
    return DONE


def add_api_user(arguments: argparse.Namespace) -> int:
    """Add an API user, or give the one of that name a new password."""
    store = store_of(arguments)
    if arguments.generate:
        password = generate_password()
    elif arguments.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password for {arguments.name}: ")
    else:
        password = ""
    if not password:
        how = "give it by --password-stdin, or let --generate make one"
        return _refuse([Problem("api_users", "", "password", f"there is no password: {how}")])
    users = store.items(ApiUser)
    assert not isinstance(users, Section)
    same = [item for item, user in users.items() if getattr(user, "username", "") == arguments.name]
    item = same[0] if same else item_id(arguments.name, users)
    pairs = [f"username={arguments.name}", f"password={password}"]
    result = _change(store, ApiUser, item, pairs, quiet=True)
    if result == DONE:
        print(f"API user {arguments.name} " + ("has a new password" if same else "was added"))
        if arguments.generate:
            print(f"password: {password}")
        elif advice := weakness(password, arguments.name):
            _say(f"warning: {advice}")
    return result


def _change(
    store: SettingsStore, section: type[Section], item: str, pairs: Iterable[str], quiet: bool = False
) -> int:
    changes: list[dump.Change] = []
    warnings: list[Problem] = []

    def edit(stored: Stored) -> Value:
        old = stored.raw if isinstance(stored.raw, dict) else dump.plain(stored.value)
        fields = old.get(item) if item else old
        checked = from_pairs(section, pairs, fields if isinstance(fields, dict) else None, item)
        if checked.value is None:
            raise Refused(checked.problems)
        new: Value = checked.value
        warnings.extend(cautions(checked.value, store.around, item))
        if item and not isinstance(stored.value, Section):
            new = {**stored.value, item: checked.value}
        changes.extend(dump.differences(section, stored.value, new))
        return new

    store.change(section, edit)
    warnings.extend(cross_cautions(store.load().settings, section.about.name))
    for change in [] if quiet else changes:
        print(change)
    if not changes and not quiet:
        print("nothing is different")
    _complain(warnings, "warning: ")
    return DONE


def _new_item(store: SettingsStore, section: type[Section], pairs: list[str]) -> str:
    name = section.about.name
    key = section.about.key
    named = [pair.partition("=")[2] for pair in pairs if pair.partition("=")[0].strip() == key]
    if not named:
        raise Refused([Problem(name, "", "", f"is a collection: say {name}/ITEM, or {key}=… for a new item")])
    taken = store.read(section).value
    return item_id(named[0], () if isinstance(taken, Section) else taken)


def _place(text: str) -> tuple[type[Section], str]:
    name, slash, item = text.partition("/")
    section = by_name(name)
    if section is None:
        names = ", ".join(section.about.name for section in SECTIONS)
        raise Refused([Problem("settings", "", "", f"{quote(name)} is not a section: {names}")])
    if slash and (not section.about.many or not item):
        why = "has no items" if not section.about.many else "say which item after the slash"
        raise Refused([Problem(name, "", "", why)])
    return section, item


def _item_of(section: type[Section], value: Value, item: str) -> Section:
    if isinstance(value, Section) or item not in value:
        raise Refused([Problem(section.about.name, item, "", "there is no such item")])
    return value[item]


def _print_value(place: str, value: Value) -> None:
    if isinstance(value, Section):
        print("\n".join([place, *(f"  {line}" for line in dump.lines(value))]))
        return
    for item, section in value.items():
        _print_value(f"{place}/{item}", section)


def _refuse(problems: Iterable[Problem]) -> int:
    _complain(problems)
    return REFUSED


def _complain(problems: Iterable[Problem], before: str = "") -> None:
    for problem in problems:
        _say(f"{before}{problem}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
