"""Finds a modem again that came back under another name: the same kind of port, the same IMEI."""

from __future__ import annotations

import glob
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Ports of one kind differ in their number: ttyUSB0 comes back as ttyUSB3. Names below /dev/pts are other
# people's terminals and are never tried.
_NUMBERED = re.compile(r"(.*/(?!pts/)[^/]*?[A-Za-z._-])\d+")


_Node = tuple[str, int, int]
_REMEMBERED = 256


class Ports:
    """Which ports are taken by which modem, so that a search disturbs nobody."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._owners: dict[_Node, str] = {}  # IMEIs of modems that were met while another was looked for
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, port: str) -> Iterator[bool]:
        """Take a port for a while; gives False when another modem has it."""
        real = _real(port)
        with self._lock:
            free = real not in self._taken
            if free:
                self._taken.add(real)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._taken.discard(real)

    def note(self, port: str, imei: str) -> None:
        """This modem is behind the port: those who look for another need not disturb it."""
        node = _node(port)
        if node is not None:
            with self._lock:
                self._owners[node] = imei
                while len(self._owners) > _REMEMBERED:
                    del self._owners[next(iter(self._owners))]

    def owner(self, port: str) -> str | None:
        """The IMEI of the modem behind a port, as long as it is the same device file."""
        node = _node(port)
        with self._lock:
            return self._owners.get(node) if node is not None else None

    def in_use(self, port: str) -> bool:
        """Whether a modem, or a look at one, has the port now."""
        with self._lock:
            return _real(port) in self._taken


def _node(port: str) -> _Node | None:
    """A device file as it is now; one that is made anew under the same name is another."""
    try:
        found = os.stat(port)
    except (OSError, ValueError):
        return None
    return os.path.realpath(port), found.st_ino, found.st_ctime_ns


def _real(port: str) -> str:
    return os.path.realpath(port) if "://" not in port else port.partition("?")[0]


def namesakes(port: str) -> list[str]:
    """The other device files that are named like a port, whose modem may be the one that was there."""
    kind = _NUMBERED.fullmatch(port)
    if kind is None:
        return []
    others = glob.glob(glob.escape(kind[1]) + "[0-9]*")
    return sorted(other for other in others if other != port)
