"""The law of imports: which room of the house may call on which, read from the sources.

An import counts wherever it stands, also inside a function or under TYPE_CHECKING. A room that the law does
not name is a breach too: whoever adds one decides here what it may know.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
ROOTS = ("hw", "app", "publisher")
EVERYTHING = frozenset({"*"})

CORE = frozenset({"app.core"})
DRIVING = CORE | {"app.settings", "hw"}
SERVING = CORE | {"app.settings", "app.wire", "app.store"}

LAW: dict[str, frozenset[str]] = {
    "hw": frozenset(),
    "app": frozenset(),
    "app.core": frozenset(),
    "app.settings": CORE,
    "app.wire": CORE,
    "app.store": CORE | {"app.settings"},
    "app.modems": DRIVING,
    "app.bell": DRIVING,
    "app.system": DRIVING | {"app.bell"},
    "app.brokers": SERVING,
    "app.mail": SERVING,
    "app.ddns": SERVING,
    "app.web": SERVING,
    "app.exchange": DRIVING | {"app.modems", "app.store", "app.metrics", "app.mailpost", "app.mqttpost"},
    "app.mailpost": CORE | {"app.modems"},
    "app.mqttpost": CORE | {"app.settings", "app.modems", "app.brokers"},
    "app.metrics": CORE,
    "app.jobs": CORE | {"app.settings", "app.store"},
    "app.numbering": CORE,
    "app.maildoor": CORE | {"app.mail", "app.web"},
    "app.buttons": SERVING | {"app.bell", "app.brokers", "app.mail", "app.ddns", "app.web"},
    "app.main": EVERYTHING,
    "app.inforce": EVERYTHING,  # the part of the composition root that hands out changed settings
    "app.memory": set(),
    "app.pages": EVERYTHING,  # the part of the composition root that builds the browser admin
    "app.__main__": EVERYTHING,
    "app.running": EVERYTHING,
    "publisher": frozenset(),
}
STANDARD_LIBRARY_ONLY = "app.core"
COMPOSITION_ROOT = "app.main"
COMMAND_LINE = {"app.__main__", "app.running"}  # nobody else may call the composition root


def room_of(module: str) -> str:
    """``app.web.api`` → ``app.web``; ``hw.at.codec`` → ``hw``."""
    root, *rest = module.split(".")
    return f"{root}.{rest[0]}" if root == "app" and rest else root


def module_of(file: Path, project: Path) -> str:
    parts = file.relative_to(project).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, project: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that a file imports."""
    package = module_of(file, project).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # ``from app import core`` names the room only in the alias
                yield node.lineno, f"{source}.{alias.name}" if source in ROOTS else source


def breaches(project: Path) -> list[str]:
    """Every breach below a project's root, one sentence each."""
    found = []
    for file in sorted(file for root in ROOTS for file in (project / root).rglob("*.py")):
        here = room_of(module_of(file, project))
        if here not in LAW:
            found.append(f"{file.relative_to(project)}: the law does not know the room {here}")
            continue
        for line, name in imports_of(file, project):
            if why := _breach(here, name):
                found.append(f"{file.relative_to(project)}:{line}: {here} imports {name}: {why}")
    return found


def _breach(here: str, name: str) -> str | None:
    root, there = name.split(".")[0], room_of(name)
    if root not in ROOTS:
        outside = here == STANDARD_LIBRARY_ONLY and root not in sys.stdlib_module_names
        return "it takes the standard library only" if outside else None
    if there in (here, "app"):
        return None
    if there == COMPOSITION_ROOT or there in COMMAND_LINE:
        return None if here in COMMAND_LINE else "only the command line calls the composition root"
    if LAW[here] == EVERYTHING:
        return None
    return None if there in LAW[here] else "the law of imports forbids it"


def test_the_house_keeps_the_law() -> None:
    assert breaches(PROJECT) == []


def _write(project: Path, file: str, text: str) -> None:
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("hw/at/codec.py", "import app.core"),
        ("hw/ports.py", "from app.settings import engine"),
        ("app/core/otp.py", "import pydantic"),
        ("app/core/otp.py", "from hw.errors import HwError"),
        ("app/core/otp.py", "from ..wire import parse"),
        ("app/settings/engine.py", "import hw"),
        ("app/wire.py", "from app.store import ledger"),
        ("app/store/ledger.py", "from app import web"),
        ("app/modems/worker.py", "import app.store.ledger"),
        ("app/bell.py", "from app.web.api import say"),
        ("app/web/api.py", "from hw.gsm.pdu import decode"),
        ("app/web/api.py", "def handler():\n    from app.brokers import base"),
        ("app/web/api.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.mail"),
        ("app/brokers/base.py", "from app.web import server"),
        ("app/brokers/base.py", "from . import mqtt\nfrom .. import ddns"),
        ("app/modems/fleet.py", "from app.main import build"),
        ("app/jobs.py", "import app.main"),
        ("app/main.py", "from app.running import serve"),
        ("app/web/phone.py", "from app import running"),
        ("publisher/client.py", "from app.wire import parse"),
        ("publisher/client.py", "import hw.gsm"),
        ("app/attic/box.py", "import os"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, file: str, text: str) -> None:
    _write(tmp_path, file, text)
    (breach,) = breaches(tmp_path)
    assert breach.startswith(file)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "hw/gsm/modem.py",
            "import serial\nfrom hw.at import channel\nfrom .pdu import decode\nfrom .. import errors",
        ),
        (
            "app/core/otp.py",
            "from __future__ import annotations\nimport secrets\nfrom .errors import BadRequest",
        ),
        ("app/wire.py", "import pydantic\nfrom app.core import commands"),
        ("app/store/ledger.py", "from app.core.events import Sent\nfrom app.settings import engine"),
        (
            "app/modems/worker.py",
            "from hw.gsm import modem\nfrom app import core\nfrom ..settings import engine",
        ),
        ("app/web/api.py", "import bottle\nfrom app import wire\nfrom app.web.guard import Guard"),
        ("app/main.py", "import hw\nfrom app.web import server\nfrom app.brokers import base"),
        ("app/__main__.py", "from app.main import serve"),
        ("publisher/client.py", "import websockets\nfrom publisher.frames import Frame"),
    ],
)
def test_what_the_law_allows_is_no_breach(tmp_path: Path, file: str, text: str) -> None:
    _write(tmp_path, file, text)
    assert breaches(tmp_path) == []
