"""Small private files: written whole or not at all, mode 0600, and one lock between processes."""

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

TEMPORARY = ".otp-publisher-{}.tmp"
LOCK_PATIENCE = 10.0
"""Seconds to wait for the lock; what is done under it takes milliseconds."""


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` at once: temporary file, fsync, rename, fsync of the directory."""
    temporary = _temporary(path.parent, content)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def create_private(path: Path, content: bytes) -> bool:
    """Create `path` with `content`; False where it exists already, also when another process was faster."""
    temporary = _temporary(path.parent, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def sync_directory(directory: Path) -> None:
    """Make a rename or a removal survive a power cut; Windows has no such call and needs none."""
    if sys.platform != "win32":
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file; the kernel lets go when a process dies. TimeoutError after `LOCK_PATIENCE`."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + LOCK_PATIENCE
        while not _try_lock(handle):
            if time.monotonic() > end:
                raise TimeoutError(f"{path} has been locked for {LOCK_PATIENCE:.0f} s")
            time.sleep(0.005)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _temporary(directory: Path, content: bytes) -> Path:
    path = directory / TEMPORARY.format(secrets.token_hex(8))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path
