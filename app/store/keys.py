"""The device's own secrets: one random file, apart from the store, from which each purpose has its key."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from app.core.errors import StorageFailed

LENGTH = 32


class DeviceKeys:
    """Keys by purpose, the same on every start. ``folder`` gets ``device.key``, mode 0600, when absent."""

    def __init__(self, folder: Path) -> None:
        self._root = _read_or_make(folder / "device.key")

    def key(self, purpose: str) -> bytes:
        """32 octets that tell nothing of the keys of other purposes (RFC 5869's idea, one block)."""
        return hmac.new(self._root, purpose.encode(), hashlib.sha256).digest()


def _read_or_make(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(LENGTH)
        _create(path, key)
        # Whoever came first made the key of this device.
        key = path.read_bytes()
    if len(key) != LENGTH:
        raise StorageFailed(f"{path} does not hold {LENGTH} octets; restore it from a backup or remove it")
    return key


def _create(path: Path, key: bytes) -> None:
    handle, fresh = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(fresh)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
