"""The commands of the device, for people and for units: first boot, card, configure, trial, reset, import.

Exit status: 0 done, 1 refused or failed, 3 (from configure) something could not be put in force.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings.commandline import command, home_of
from app.settings.dump import plain

if TYPE_CHECKING:
    from app.settings.store import SettingsStore

DONE, FAILED, NOT_IN_FORCE = 0, 1, 3


def add_commands(subparsers: Any) -> None:
    """Add all commands to `ArgumentParser.add_subparsers()`; each sets `run`, called with the arguments."""
    command(subparsers, "first-boot", first_boot, "make the secrets and the card of this device, once")
    work = command(subparsers, "configure", configure_system, "put the settings of network and time in force")
    work.add_argument("part", nargs="*", metavar="PART", help="wlan, dhcp, firewall, time; without: all")
    trial = command(subparsers, "trial", try_settings, "as set, but goes back after 60 s unless confirmed")
    trial.add_argument("place", metavar="SECTION[/ITEM]", help="of wlan, dhcp, ethernet, firewall")
    trial.add_argument("pairs", nargs="+", metavar="name=value")
    command(subparsers, "confirm", confirm, "keep what is on trial")
    java = command(subparsers, "import-java", import_java, "take over the configuration of the Java system")
    java.add_argument("folder", type=Path, metavar="DIR", help="its data folder, or a copy of it")
    java.add_argument("--dry-run", action="store_true", help="only tell what would change")
    stick = command(subparsers, "reset", reset_sections, "do what a reset-config.ini asks for")
    stick.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file itself")
    stick.add_argument("--stick", type=Path, metavar="DIR", help="a mounted flash disk instead of the file")
    stick.add_argument("--report", type=Path, metavar="FILE", help="where the report goes besides the screen")
    call = command(subparsers, "dial-up", dial_up, "dial with a modem; what otppi-dialup@.service runs")
    call.add_argument("call", metavar="MODEM:PORT", help="a modem of the settings, and ttyUSB2 or the like")
    shown = command(subparsers, "card", print_card, "print the card: Wi-Fi, password, set-up code, addresses")
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
    return NOT_IN_FORCE if any(found.values()) else DONE


def try_settings(arguments: argparse.Namespace) -> int:
    """Change options as a page does that may cut its reader off."""
    from app.core.clock import SystemClock
    from app.settings.parse import from_pairs
    from app.settings.problems import SettingsError
    from app.settings.section import Section
    from app.settings.snapshot import Value
    from app.settings.store import SettingsStore
    from app.system.trial import CUTS_OFF, SECONDS, Trial

    name, _, item = arguments.place.partition("/")
    section = next((one for one in CUTS_OFF if one.about.name == name), None)
    if section is None or bool(item) != section.about.many:
        return _fail(f"{arguments.place} cannot be tried: say wlan, dhcp, ethernet or firewall/ITEM")
    home = home_of(arguments)
    store = SettingsStore(home)
    stored = store.read(section).value
    old = stored if isinstance(stored, Section) else stored.get(item)
    checked = from_pairs(section, arguments.pairs, plain(old) if old else None, item)
    for problem in checked.problems:
        print(problem, file=sys.stderr)
    if checked.value is None:
        return FAILED
    value: Value = checked.value if isinstance(stored, Section) else {**stored, item: checked.value}
    try:
        Trial(store, home, SystemClock()).save({section: value})
    except SettingsError as error:
        return _fail(str(error))
    print(f"in force for {SECONDS:.0f} s; `otppi confirm` keeps it")
    return DONE


def confirm(arguments: argparse.Namespace) -> int:
    """Keep what is on trial."""
    from app.core.clock import SystemClock
    from app.settings.store import SettingsStore
    from app.system.trial import Trial

    home = home_of(arguments)
    kept = Trial(SettingsStore(home), home, SystemClock()).confirm()
    print("confirmed" if kept else "nothing is on trial")
    return DONE


def import_java(arguments: argparse.Namespace) -> int:
    """Put the configuration of the earlier system in force, all of what can be used or nothing."""
    from app.settings import dump, javaimport
    from app.settings.problems import SettingsError
    from app.settings.store import SettingsStore

    store = SettingsStore(home_of(arguments))
    found = javaimport.read(arguments.folder)
    for section, value in found.values.items():
        for change in dump.differences(section, store.read(section).value, value):
            print(change)
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    if arguments.dry_run:
        print("nothing was changed yet")
        return DONE
    try:
        store.replace(found.values)
    except SettingsError as error:
        return _fail(f"nothing was taken over: {error}")
    print(f"sections taken over: {len(found.values)}")
    return DONE


def reset_sections(arguments: argparse.Namespace) -> int:
    """Read a request, tell the buzzer, do it, and report; works without the service."""
    from app.settings.store import SettingsStore
    from app.system import card, reset
    from hw.errors import HwError
    from hw.usbstick import Request, read_request

    home = home_of(arguments)
    store = SettingsStore(home)
    if bool(arguments.file) == bool(arguments.stick):
        return _fail("say either the file or --stick DIR")
    try:
        if arguments.file:
            status = arguments.file.stat()
            request: Request | None = Request(
                arguments.file.name, arguments.file.read_bytes()[: 1 << 20], status.st_mtime_ns
            )
        else:
            request = read_request(arguments.stick)
    except HwError as error:
        report = reset.refuse(str(error), home, time.time())
    else:
        if request is None:
            print("no reset stick: there is no otppi/reset-config.ini on it")
            return DONE
        if not reset.done_before(request, home):  # a stick that is left in place is not heard at every start
            _sound(store, "reset_started")
        known = card.load(home)
        report = reset.answer(request, store, home, known.setup_code if known else "", time.time())
    print(report.text().replace("\r\n", "\n"), end="")
    if arguments.report and report.outcome != "known":
        arguments.report.write_bytes(report.text().encode())
    if report.outcome != "known":
        _sound(store, "reset_done" if report.outcome == "done" else "reset_refused")
    return DONE if report.outcome != "refused" else FAILED


def _sound(store: SettingsStore, name: str) -> None:
    """A melody, where there is a buzzer; what is reset does not depend on it."""
    from app.bell import MELODIES
    from app.settings.bell import Bell
    from hw.buzzer import Buzzer
    from hw.errors import HwError

    settings = store.one(Bell)
    try:
        if isinstance(settings, Bell):
            Buzzer(settings.gpio_pin).play(MELODIES[name], threading.Event())
    except HwError as error:
        print(error, file=sys.stderr)


def dial_up(arguments: argparse.Namespace) -> int:
    """Become the pppd of one modem; comes back only when there is a reason not to."""
    from app.settings.store import SettingsStore
    from app.system import configure, dialling

    settings = SettingsStore(home_of(arguments)).load().settings
    try:
        dialling.dial(settings, arguments.call, configure.run_command)
    except dialling.Refusal as error:
        return _fail(str(error))


def print_card(arguments: argparse.Namespace) -> int:
    """Print the card; who may read the home may read it."""
    from app.system import card

    known = card.load(home_of(arguments))
    if known is None:
        return _fail("this machine has no card: otppi first-boot makes one")
    print(card.as_svg(known) if arguments.svg else card.as_text(known).replace("\r\n", "\n"), end="")
    return DONE


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return FAILED
