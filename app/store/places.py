"""Where the gateway keeps what: one home folder, and memory-backed storage for what must not reach a disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SYSTEM_HOME = Path("/var/lib/otppi")
SYSTEM_RUNTIME = Path("/run/otppi")


class Places:
    """The folders and files below one home; ``make`` creates the folders, 0700."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.keys = self.home / "keys"
        self.tls = self.home / "tls"
        self.database = self.home / "state.db"
        self.runtime = runtime_of(self.home)
        self.spool = self.runtime / "spool"

    def make(self) -> None:
        for folder in (self.home, self.keys, self.tls, self.runtime, self.spool):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def runtime_of(home: Path) -> Path:
    """Memory-backed storage of a home: under /run on the device, else in shared memory.

    A home such as ``./run`` lies on a disk, where a message text must never be; each home has a
    folder of its own so that two services on one machine do not meet.
    """
    if home == SYSTEM_HOME:
        return SYSTEM_RUNTIME
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        return memory / f"otppi-{os.getuid()}-{name}"
    return home / "runtime"
