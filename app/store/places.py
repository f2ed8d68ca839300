"""Where the gateway keeps what: one home folder, and memory-backed storage for what must not reach a disk."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

SYSTEM_HOME = Path("/var/lib/otppi")
SYSTEM_RUNTIME = Path("/run/otppi")

ROOM = 128 * 1024  # octets that must be free on the disk for a start that keeps its state there
CARRIED = 16 * 1024 * 1024  # octets of a database that are worth their place in memory


class Places:
    """The folders and files below one home; ``make`` creates the folders, 0700.

    A home that cannot be written (a full or broken card) costs what would be kept, not the service: ``make``
    then moves the state to memory, and ``trouble`` says so.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.keys = self.home / "keys"
        self.tls = self.home / "tls"
        self.database = self.home / "state.db"
        self.runtime = runtime_of(self.home)
        self.spool = self.runtime / "spool"
        self.trouble = ""

    def make(self) -> None:
        """Raises OSError only where memory cannot be written either."""
        _make(self.runtime, self.spool)
        try:
            _make(self.home, self.keys, self.tls)
            _probe(self.home)
        except OSError as error:
            self._move_to_memory(error.strerror or str(error))

    def _move_to_memory(self, why: str) -> None:
        self.trouble = (
            f"{self.home} cannot be written ({why}): what happens from now on is kept in memory alone"
        )
        log.error("%s", self.trouble)
        memory = self.runtime / "unwritten"
        _make(memory)
        state, self.database = self.database, memory / "state.db"
        self.tls = memory / "tls"
        if not (self.keys / "device.key").exists():
            self.keys = memory / "keys"
            _make(self.keys)
        _make(self.tls)
        if self.database.exists():
            return
        # What was known stays known: codes can be verified, and duplicates are still told.
        for end in ("", "-wal"):
            source = Path(f"{state}{end}")
            with contextlib.suppress(OSError):
                if source.stat().st_size <= CARRIED:
                    shutil.copyfile(source, f"{self.database}{end}")


def _make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _probe(folder: Path) -> None:
    """Write as much as a small database needs; raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(ROOM))
        file.flush()
        os.fsync(file.fileno())


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
