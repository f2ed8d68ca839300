"""Files that are whole or absent, and a lock that several processes respect."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from app.settings.problems import StoreUnusable, Wrong

#: Larger settings are no settings of ours; a block list of 200,000 numbers fits.
FILE_LIMIT = 32 * 1024 * 1024

#: Items of a collection from which each gets one line.
LONG = 500

_TRIES, _PAUSE = 500, 0.02


def write_whole(path: Path, content: bytes, for_owner_of_folder: bool = True) -> None:
    """Replace a file so that a power cut leaves the old or the new one, never a part; mode 0600.

    Raises OSError. What root writes belongs to the owner of the folder, unless told otherwise: the service
    must be able to read what an administrator set.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(
        missing_ok=True
    )  # left by a power cut, or laid there by somebody who wants to read along
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            if for_owner_of_folder:
                _give_to_owner(descriptor, path.parent)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename, link or removal in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path:
    """Keep a broken file as NAME.broken (NAME.broken.2, …) beside the one that will replace it."""
    number, kept = 1, path.with_name(f"{path.name}.broken")
    while True:
        try:
            # A link and not a rename: should the power go now, the name still leads to what could be read.
            os.link(path, kept, follow_symlinks=False)
            return kept
        except FileExistsError:
            if path.samefile(kept):
                return kept
            number += 1
            kept = path.with_name(f"{path.name}.broken.{number}")


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into; its owner is that of the folder above."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _give_to_owner(descriptor, place.parent)
        finally:
            os.close(descriptor)
        sync_folder(place.parent)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a folder against other threads and processes; waits 10 s at most.

    The kernel gives the lock back when its holder dies. Raises StoreUnusable.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnusable(f"{path.parent} cannot be written: {error.strerror}") from error
    try:
        _give_to_owner(descriptor, path.parent)
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_PAUSE)
        else:
            raise StoreUnusable(f"{path.parent} has been locked by another program for {_TRIES * _PAUSE:g} s")
        yield
    finally:
        os.close(descriptor)


def read_limited(path: Path) -> bytes:
    """The content of a file; raises OSError, or Wrong when it is larger than FILE_LIMIT."""
    with open(path, "rb") as file:
        content = file.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        raise Wrong(f"is larger than {FILE_LIMIT // 1024 // 1024} MiB")
    return content


def parse_json(content: bytes) -> tuple[Any, list[str]]:
    """The JSON value in a file, and the names that stand twice in one group (the last one counts).

    Raises Wrong with a predicate that tells the place, never the content.
    """
    twice: list[str] = []

    def group(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return found

    if not content.strip(b"\0 \t\r\n"):
        raise Wrong("is empty" if not content else "holds nothing but blanks or zeros")
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=group, parse_constant=_no_constant
        ), twice
    except UnicodeDecodeError as error:
        raise Wrong(f"is not UTF-8 text (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise Wrong(f"is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise Wrong("is nested too deeply") from None
    except ValueError:
        raise Wrong("holds something that is not a number") from None


def render_json(value: dict[str, Any]) -> bytes:
    """The text of a settings file: one option a line, or one item a line in a long collection."""
    if len(value) <= LONG:
        return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    # A block list of 10,000 numbers: without indent the json module works ten times as fast.
    rows = ",\n".join(
        f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(entry, ensure_ascii=False)}"
        for name, entry in value.items()
    )
    return f"{{\n{rows}\n}}\n".encode()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _give_to_owner(descriptor: int, folder: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
