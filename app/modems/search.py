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


class Ports:
    """Which ports are taken by which modem, so that a search disturbs nobody."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
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

    def in_use(self, port: str) -> bool:
        """Whether a modem, or a look at one, has the port now."""
        with self._lock:
            return _real(port) in self._taken


def _real(port: str) -> str:
    return os.path.realpath(port) if "://" not in port else port.partition("?")[0]


def namesakes(port: str) -> list[str]:
    """The other device files that are named like a port, whose modem may be the one that was there."""
    kind = _NUMBERED.fullmatch(port)
    if kind is None:
        return []
    others = glob.glob(glob.escape(kind[1]) + "[0-9]*")
    return sorted(other for other in others if other != port)
