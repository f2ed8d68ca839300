"""Every sentence the pages can show, read from the sources: templates, handlers, sections and errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app.buttons import MELODY_NAMES
from app.core import errors
from app.core.message import State
from app.modems.tools import WARNING
from app.settings.sections import SECTIONS
from app.system.device import NOT_OURS
from app.system.radio import NO_RADIO
from app.web import openapi
from app.web.admin import door, render
from app.web.admin.pages import home, network, power, records, start, status
from app.web.admin.places import PLACES

APP = Path(__file__).parents[3] / "app"
# Names, units and codes that are the same in both languages.
SAME = {"OTP-Pi", ""}
# Whose first argument is a sentence that a reader may see.
SAYERS = {"t", "_", "go", "Wrong", "Denied", "Finding", "Problem", "TooMany"}
# Words of the device: buttons and notes of the pages, and what the system says of itself.
SAYERS |= {"Note", "Told", "Service", "SystemRefused", "Fault"}
# Every error of the domain and of the settings may end on a page; some make their sentence themselves.
SAYERS |= {name for name, one in vars(errors).items() if isinstance(one, type)} - {"Protocol"}
SAYERS |= {"StoreUnusable", "__init__", "_refused"}
# Of these, what they return may end on a page.
RETURNING = ("server.py", "turns.py")
# What is said to a mail server, with its code (RFC 5321 §4.2), and not to a reader.
REPLY = re.compile(r"[245]\d\d ")
# Where it stands when it is not the first argument.
PLACES_IN_CALLS = {"Finding": 1, "Problem": 3, "go": 9, "Note": 1, "Told": 1, "Service": 1, "_refused": 2}
# What a sentence is put into before it is said.
KEPT_IN = {"sentence", "shut", "door_error", "WARNING"}
STATES = [
    *("yes", "no"),
    "ready",
    "connecting",
    "searching",
    "trouble",
    "gone",
    "off",
    "on",
    "running",
    "blocked",
    "whitened",
    *("parked", "disconnected", "connected", "closed", "new", "incomplete", "waiting", "done", "lost"),
    *("arrived", "on its way", "low", "enough", "no amount", "not asked yet"),
]
# Whose functions give back sentences.
SPEAKERS = ("passwords.py", "clock.py", "timekeeping.py", "dial.py", "radio.py", "network.py")
LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]


def of_templates() -> Iterator[str]:
    environment = render.environment("en")
    for path in sorted(render.TEMPLATES.glob("*.html")):
        for _, _, found in environment.extract_translations(path.read_text("utf-8")):  # type: ignore[attr-defined]
            yield from [found] if isinstance(found, str) else [one for one in found if one]


def of_sections() -> Iterator[str]:
    for section in SECTIONS:
        yield from (section.about.title, section.about.help)
        for option in section.options.values():
            yield from (option.label, option.help, *option.choices.values())


def of_tables() -> Iterator[str]:
    yield from (place.title for place in PLACES)
    yield from start.TITLES.values()
    yield from home.NAMES.values()
    yield from home.FLEETS.values()
    yield WARNING
    yield from records.LEVELS.values()
    yield from status.SPANS.values()
    yield from (title for title, _ in status.FIGURES.values())
    yield from door.UNREADABLE.values()
    yield from openapi.TITLES.values()
    yield from openapi.CODES.values()
    yield from (str(state) for state in State)
    yield from (text for deed in power.DEEDS.values() for text in (deed.title, deed.told, deed.done))
    yield from (*MELODY_NAMES.values(), *network.STATES.values(), NOT_OURS, NO_RADIO)
    yield from STATES + LEVELS


def of_calls(*folders: str) -> Iterator[str]:
    """The sentences in calls: ``t("…")``, ``Wrong(f"… {x}")``, with {} for what differs."""
    for folder in folders:
        for path in sorted((APP / folder).rglob("*.py")) if (APP / folder).is_dir() else [APP / folder]:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in SAYERS:
                    yield from _spoken(node)
                elif _keeps(node) or (isinstance(node, ast.Return) and path.name in SPEAKERS + RETURNING):
                    yield from _texts(node.value)  # type: ignore[attr-defined]


def of_errors() -> Iterator[str]:
    """What comes to a page from behind it."""
    yield from of_calls("main.py", "pages.py", "exchange.py", "web/server.py", "web/doors.py")
    yield from (one for one in of_calls("system", "modems", "mail", "store") if not REPLY.match(one))


def _keeps(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and _name(node.targets[0]) in KEPT_IN


def _spoken(call: ast.Call) -> Iterator[str]:
    place = PLACES_IN_CALLS.get(_name(call.func), 0)
    if place < len(call.args):
        yield from _texts(call.args[place])


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        pieces = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
        yield "".join(str(piece) for piece in pieces)
    elif isinstance(node, ast.List):
        for one in node.elts:
            yield from _texts(one)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def all_sentences() -> set[str]:
    found = {
        *of_templates(),
        *of_sections(),
        *of_tables(),
        *of_errors(),
        *of_calls("web/admin", "settings", "web/signin.py", "core"),
        *of_calls("buttons.py", "system/timekeeping.py", "system/units.py", "system/dbus.py", "brokers"),
        *of_calls("system/radio.py"),
    }
    return {one for one in found if one not in SAME and any(sign.isalpha() for sign in one)}
