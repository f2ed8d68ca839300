"""A mounted flash disk: finds the one small file that may be read from it, and reads it with suspicion."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hw.errors import HwError, PortLost

#: Where a request may lie, newest form first; the last one is the oldest device's.
PLACES = ("otppi/reset-config.ini", "otp-pi/reset-config.ini", "optb/reset.txt")
LARGEST = 16 * 1024


class StickSuspicious(HwError):
    """What lies at the place of a request is no plain small file."""


@dataclass(frozen=True)
class Request:
    """The file as it was read. `place` is one of PLACES; `changed` its time in ns since 1970."""

    place: str
    content: bytes
    changed: int


def read_request(mount: Path) -> Request | None:
    """The request on a stick mounted at `mount`, or None where there is none.

    No link is followed, no pipe is waited for, nothing larger than LARGEST is read. Raises StickSuspicious;
    PortLost when the stick goes away or its file system is broken.
    """
    for place in PLACES:
        try:
            found = _read(mount, place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise PortLost(f"{place} cannot be read: {error.strerror}") from error
        if found is not None:
            return found
    return None


def _read(mount: Path, place: str) -> Request:
    folder_name, _, name = place.partition("/")
    steps = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    top = os.open(mount, steps | os.O_DIRECTORY)
    try:
        _refuse_link(folder_name, top, place)
        folder = os.open(folder_name, steps | os.O_DIRECTORY, dir_fd=top)
    finally:
        os.close(top)
    try:
        _refuse_link(name, folder, place)
        # O_NONBLOCK: to open a pipe would wait for somebody to write into it.
        file = os.open(name, steps | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise StickSuspicious(f"{place} is not a file")
        content = b""
        while len(content) <= LARGEST and (piece := os.read(file, LARGEST + 1 - len(content))):
            content += piece
    finally:
        os.close(file)
    if len(content) > LARGEST:
        raise StickSuspicious(f"{place} is larger than {LARGEST // 1024} KiB")
    return Request(place, content, status.st_mtime_ns)


def _refuse_link(name: str, folder: int, place: str) -> None:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise StickSuspicious(f"{place} is a link, or lies behind one")
