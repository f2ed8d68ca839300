"""The image as a card in the slot: what the firmware reads from it, and disks to write to in its stead."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.boot.emulator.waiting import patience

TREE = Path(__file__).parents[3]
TOOL = str(TREE / "scripts/tool")


def tool(*command: str | Path, timeout: float = patience(30)) -> str:
    """The output of a program of the tools root."""
    done = subprocess.run(
        [TOOL, *map(str, command)], capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@dataclass(frozen=True)
class Partition:
    start: int  # bytes from the beginning of the image
    size: int  # bytes
    kind: str  # type of the MBR entry, in hex


@dataclass(frozen=True)
class Card:
    """An image file, only ever read."""

    image: Path

    def partitions(self) -> list[Partition]:
        table = json.loads(tool("sfdisk", "--json", self.image))["partitiontable"]
        return [
            Partition(entry["start"] * 512, entry["size"] * 512, entry["type"])
            for entry in table["partitions"]
        ]

    def boot_file(self, name: str, folder: Path) -> Path:
        """A copy in folder of a file of the boot partition."""
        copy = folder / name
        start = self.partitions()[0].start
        tool("mcopy", "-n", "-i", f"{self.image}@@{start}", f"::/{name}", copy)
        return copy

    def command_line(self, folder: Path) -> str:
        """The kernel's command line without its consoles, which are the board's matter."""
        words = self.boot_file("cmdline.txt", folder).read_text().split()
        return " ".join(word for word in words if not word.startswith("console="))

    def overlay(self, folder: Path, size: str = "4G") -> Path:
        """A disk that shows the image and keeps what is written; a power of two long, as SD cards are."""
        disk = folder / "card.qcow2"
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image.resolve(), "-F", "raw", disk, size)
        return disk
