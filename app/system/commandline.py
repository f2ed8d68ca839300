"""The commands of the device: first-boot, card, configure; units call them as well as people.

Exit status: 0 done, 1 refused or failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.settings.commandline import HOME, home_of

Handler = Callable[[argparse.Namespace], int]
DONE, FAILED = 0, 1


def add_commands(subparsers: Any) -> None:
    """Add all commands to `ArgumentParser.add_subparsers()`; each sets `run`, called with the arguments."""
    _add(subparsers, "first-boot", first_boot, "make the secrets and the card of this device, once")
    work = _add(subparsers, "configure", configure_system, "put the settings of network and time in force")
    work.add_argument("part", nargs="*", metavar="PART", help="wlan, dhcp, firewall, time; without: all")
    shown = _add(subparsers, "card", print_card, "print the card: Wi-Fi, password, set-up code, addresses")
    shown.add_argument("--svg", action="store_true", help="as a sheet with QR codes")


def first_boot(arguments: argparse.Namespace) -> int:
    """Make what is missing of this device's secrets, and its card."""
    from app.system import firstboot

    made = firstboot.first_boot(home_of(arguments))
    print(f"this device is {made.ssid}; its card is in {home_of(arguments) / 'card'}")
    return DONE


def configure_system(arguments: argparse.Namespace) -> int:
    """Render, check and activate the system's files; tells of each part whether it is in force."""
    from app.settings.store import SettingsStore
    from app.system import configure

    settings = SettingsStore(home_of(arguments)).load().settings
    known = configure.parts(settings)
    for name in arguments.part:
        if name not in known:
            return _fail(f"{name} is no part of the system's configuration: {', '.join(known)}")
    found = configure.configure(settings, arguments.part)
    for name, why in found.items():
        print(f"{name}: {why or 'in force'}")
    return FAILED if arguments.part and any(found.values()) else DONE


def print_card(arguments: argparse.Namespace) -> int:
    """Print the card; who may read the home may read it."""
    from app.system import card

    known = card.load(home_of(arguments))
    if known is None:
        return _fail("this machine has no card: otppi first-boot makes one")
    print(card.as_svg(known) if arguments.svg else card.as_text(known).replace("\r\n", "\n"), end="")
    return DONE


def _add(subparsers: Any, name: str, handler: Handler, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=help, description=help)
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=f"the gateway's folder (default: $OTPPI_HOME, else {HOME})"
    )
    parser.set_defaults(run=lambda arguments: _guarded(handler, arguments))
    return parser


def _guarded(handler: Handler, arguments: argparse.Namespace) -> int:
    try:
        return handler(arguments)
    except OSError as error:
        return _fail(f"{error.filename or 'this machine'}: {error.strerror or error}")


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return FAILED
