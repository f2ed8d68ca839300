"""A card that forgets what was not flushed when its power goes, as real ones do."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.boot.emulator.card import TOOL, TREE, Card

_LIBRARY = TREE / "build/root-tools/usr/lib/x86_64-linux-gnu/nbdkit"


@contextmanager
def forgetful_card(card: Card, folder: Path) -> Iterator["ForgetfulCard"]:
    """A copy of the card behind a cache in memory that only the guest's flush empties."""
    copy = folder / "forgetful.img"
    subprocess.run(["cp", "--sparse=always", str(card.image), str(copy)], check=True)
    disk = ForgetfulCard(copy, folder / "nbd")
    try:
        yield disk
    finally:
        disk.cut_power()
        copy.unlink()


class ForgetfulCard:
    def __init__(self, image: Path, socket: Path) -> None:
        self._image = image
        self._socket = socket
        self._server: subprocess.Popen[bytes] | None = None

    def insert(self) -> Sequence[str]:
        """Power for the card; QEMU's -drive for it."""
        self._socket.unlink(missing_ok=True)
        command = [TOOL, "nbdkit", "--foreground", "--exit-with-parent", "--unix", str(self._socket)]
        command += [f"--filter={_LIBRARY}/filters/nbdkit-cache-filter.so"]
        command += [f"{_LIBRARY}/plugins/nbdkit-file-plugin.so", str(self._image), "cache=writeback"]
        self._server = subprocess.Popen(command)
        deadline = time.monotonic() + 30
        while not self._socket.exists():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("nbdkit did not come up")
            time.sleep(0.05)
        return ["-drive", f"file=nbd+unix:///?socket={self._socket},format=raw,if=none,id=card,cache=none"]

    def cut_power(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(30)
            self._server = None
