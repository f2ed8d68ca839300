"""A call to the internet: the service starts and watches its unit; as root, the unit checks and becomes pppd.

The unit's instance says which modem and which port (`ITEM:ttyUSB2`); all else root reads from the settings
itself (decision 011), for an options file of pppd names programs that it runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from app.settings.modems import Modem
from app.settings.snapshot import Settings
from app.system import units
from app.system.dbus import Bus, SystemRefused
from app.system.dialup import DialPlan, chat_script, interface_of, pppd_options

FOLDER = Path("/run/otppi-dialup")
PPPD = "/usr/sbin/pppd"
_PORT = re.compile(r"tty(USB|ACM|AMA|S)[0-9]{1,3}")

#: Runs a command of the system; gives its exit status and what it said.
Run = Callable[[Sequence[str]], tuple[int, str]]

#: pppd(8), EXIT STATUS: those that an owner can do something about.
ENDED = {
    1: "pppd met a fatal error",
    2: "pppd does not know one of its options",
    3: "pppd lacks the right to dial",
    4: "the kernel has no PPP",
    6: "the port is in use by another program",
    7: "the port cannot be opened",
    8: "the modem did not connect; look at the APN and the dial number",
    10: "the operator closed the connection",
    15: "the operator no longer answers",
    16: "the modem hung up",
    17: "a loop-back was met",
    19: "the operator refused user name or password",
}
NO_KERNEL = 4


class Refusal(ValueError):
    """This call is not made; the sentence says why."""


# The service's side.


class UnitCall:
    """One call, made by otppi-dialup@.service. interface: the network card it has once it is up."""

    def __init__(self, bus: Bus, item: str, port: str, folder: Path = FOLDER) -> None:
        """Dial through a port (`/dev/ttyUSB2`, or a link to it).

        Raises OSError when the port is not there, SystemRefused when the unit may not be started.
        """
        instance = escaped(f"{item}:{_name_of(port)}")
        self.interface = interface_of(item)
        self._bus = bus
        self._ended = folder / f"{instance}.ended"
        self._unit = f"otppi-dialup@{instance}.service"
        units.start(bus, self._unit, again=True)

    def ended(self) -> str:
        """Why it is over, "" while it lasts."""
        try:
            return why(self._ended.read_text("utf-8", "replace"))
        except OSError:
            return ""

    def hang_up(self) -> None:
        """End it, and wait until it has."""
        with suppress(SystemRefused):
            units.stop(self._bus, self._unit)


def _name_of(port: str) -> str:
    if "://" in port:  # a desk's simulated modem; root would refuse it
        return port.rpartition("/")[2]
    try:
        return Path(port).resolve(strict=True).name
    except OSError as error:
        raise OSError(f"the port {port} is not there") from error


def why(said: str) -> str:
    """A sentence for what the unit left behind: pppd's exit status, a signal's name, or a sentence."""
    word = said.strip()
    if word.isdecimal():
        return ENDED.get(int(word), f"pppd ended with {word}")
    return word if " " in word else "the call was ended"


def escaped(instance: str) -> str:
    """An instance as the name of a unit holds it (systemd.unit(5), "String Escaping for Inclusion")."""
    plain = re.compile(r"[A-Za-z0-9:_]")
    signs = (chr(octet) for octet in instance.encode())
    return "".join(sign if plain.match(sign) else f"\\x{ord(sign):02x}" for sign in signs)


# Root's side.


def dial(settings: Settings, instance: str, run: Run, folder: Path = FOLDER) -> NoReturn:
    """Check everything and become pppd. Raises Refusal, which the service finds as well."""
    try:
        words = prepare(settings, instance, run, folder)
    except Refusal as error:
        _write(folder / f"{escaped(instance)}.ended", f"{error}\n", 0o644)
        raise
    os.execv(words[0], words)


def prepare(settings: Settings, instance: str, run: Run, folder: Path = FOLDER) -> list[str]:
    """Write chat script and options of a call and have pppd check them; the words that dial.

    instance: `ITEM:ttyUSB2`. Raises Refusal.
    """
    item, _, port = instance.rpartition(":")
    modem = settings.items(Modem).get(item)
    if modem is None or not modem.active or not modem.internet_access:
        raise Refusal(f"there is no active modem {item} that gives internet access")
    if not _PORT.fullmatch(port):
        raise Refusal(f"{port} is no port that can be dialled through")
    chat, options = (folder / f"{escaped(instance)}.{kind}" for kind in ("chat", "options"))
    try:
        plan = DialPlan.of(item, modem, f"/dev/{port}")
        _write(chat, chat_script(plan), 0o600)
        _write(options, pppd_options(plan, chat), 0o600)
    except ValueError as error:
        raise Refusal(str(error)) from error
    words = [PPPD, "file", str(options)]
    status, said = run([*words, "dryrun"])
    if status not in (0, NO_KERNEL):  # without PPP it says so once more when it is to dial
        raise Refusal(f"pppd would not take the settings: {said[-300:]}")
    return words


def _write(path: Path, text: str, mode: int) -> None:
    """Readable to nobody else from the first byte on, unless mode says so."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
