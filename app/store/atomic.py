"""Writes a file whole or not at all, readable by nobody else."""

from __future__ import annotations

from pathlib import Path

from app.settings.files import make_folder, write_whole


def write_secret(path: Path, octets: bytes) -> None:
    """Replace a file (mode 0600), in a folder that is made if need be; as `write_whole`. Raises OSError."""
    make_folder(path.parent)
    write_whole(path, octets)
