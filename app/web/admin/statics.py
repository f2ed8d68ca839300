"""Files served from the device: by content hash, packed, for ever; nothing outside of the list is found."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True)
class File:
    """packed: the same content in gzip."""

    kind: str
    packed: bytes

    @property
    def plain(self) -> bytes:
        return gzip.decompress(self.packed)


@cache
def addresses() -> Mapping[str, str]:
    """Name below the static folder → its address, which changes with the content."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _KINDS and path.is_file():
            name = path.relative_to(FOLDER).as_posix()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            found[name] = f"/static/{digest}/{path.name}"
    return found


def file(address: str) -> File | None:
    """The file of an address; an address is looked up, never made into a path."""
    name = _names().get(address)
    return None if name is None else _read(name)


@cache
def _names() -> Mapping[str, str]:
    return {address: name for name, address in addresses().items()}


@cache
def _read(name: str) -> File:
    path = FOLDER / name
    return File(_KINDS[path.suffix], gzip.compress(path.read_bytes(), 9, mtime=0))
