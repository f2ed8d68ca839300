"""Writes a file whole or not at all, readable by nobody else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_secret(path: Path, octets: bytes) -> None:
    """Replace a file (mode 0600); after a power cut it is the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
