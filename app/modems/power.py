"""The last means against a hung stick: have USB find it anew, or cut the power of its port."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from hw.serialports import SerialPort, serial_ports

log = logging.getLogger(__name__)

_SOCKET = re.compile(r"(\d+-\d+(?:\.\d+)*)\.(\d+)|(\d+)-(\d+)")
_OFF = 2.0  # seconds without power
_LONGEST = 20.0


class Power(Protocol):
    """What can be done about a USB socket; each answers whether it was done."""

    def socket(self, port: str) -> str | None:
        """The USB path of the stick behind a port, such as ``1-1.4``; None for ports that have none."""

    def can_cut(self, socket: str) -> bool:
        """Whether the hub of this socket can switch it."""

    def reauthorise(self, socket: str) -> bool: ...

    def cut(self, socket: str) -> bool:
        """Take the socket's power away and give it back."""


class NoPower:
    """Ports that have no USB: nothing can be done."""

    def socket(self, port: str) -> str | None:
        return None

    def can_cut(self, socket: str) -> bool:
        return False

    def reauthorise(self, socket: str) -> bool:
        return False

    def cut(self, socket: str) -> bool:
        return False


class UsbPower:
    """The kernel's ``authorized`` file, and uhubctl for hubs that switch their ports.

    run: starts a program and tells whether it ended well; passed in for the tests of the process boundary.
    """

    def __init__(
        self,
        sysfs: Path = Path("/sys"),
        ports: Callable[[], Sequence[SerialPort]] = serial_ports,
        run: Callable[[Sequence[str]], bool] | None = None,
        off: float = _OFF,
    ) -> None:
        self._sysfs = sysfs
        self._ports = ports
        self._run = run or _run
        self._off = off
        self._known: dict[str, str] = {}  # a port that is gone has no socket any more: remember it

    def socket(self, port: str) -> str | None:
        for found in self._ports():
            if found.socket is not None:
                self._known[found.path] = found.socket
        return self._known.get(port)

    def can_cut(self, socket: str) -> bool:
        return hub_of(socket) is not None and shutil.which("uhubctl") is not None

    def reauthorise(self, socket: str) -> bool:
        file = self._sysfs / "bus" / "usb" / "devices" / socket / "authorized"
        try:
            file.write_text("0")
            time.sleep(self._off)
            file.write_text("1")
        except OSError as error:
            log.warning("USB device %s could not be authorised anew: %s", socket, error.strerror)
            return False
        return True

    def cut(self, socket: str) -> bool:
        place = hub_of(socket)
        if place is None:
            return False
        hub, number = place
        words = ("uhubctl", "--location", hub, "--ports", number, "--action", "cycle")
        return self._run((*words, "--delay", f"{self._off:g}"))


def hub_of(socket: str) -> tuple[str, str] | None:
    """Hub and port number as uhubctl names them: ``1-1.4`` is port 4 of hub 1-1, ``1-2`` port 2 of hub 1."""
    match = _SOCKET.fullmatch(socket)
    if match is None:
        return None
    return (match[1], match[2]) if match[1] else (match[3], match[4])


def _run(words: Sequence[str]) -> bool:
    try:
        return subprocess.run(words, capture_output=True, timeout=_LONGEST, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("%s failed: %s", words[0], type(error).__name__)
        return False
