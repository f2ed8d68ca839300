"""The image under test (OTPPI_IMAGE, by scripts/boot-test or build-image) as partitions and as files."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.boot.emulator.card import Card, tool


@pytest.fixture(scope="session")
def card() -> Card:
    if "OTPPI_IMAGE" not in os.environ:
        pytest.skip("needs the image: make boot-test")
    return Card(Path(os.environ["OTPPI_IMAGE"]).resolve())


@pytest.fixture(scope="session")
def boot_partition(card: Card, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The FAT partition as a file of its own."""
    copy = tmp_path_factory.mktemp("boot") / "boot.vfat"
    where = card.partitions()[0]
    with card.image.open("rb") as image:
        image.seek(where.start)
        copy.write_bytes(image.read(where.size))
    return copy


@pytest.fixture(scope="session")
def root_partition(card: Card) -> str:
    """The ext4 partition in the way e2fsprogs name it."""
    return f"{card.image}?offset={card.partitions()[1].start}"


@pytest.fixture(scope="session")
def pi_os(files: Path) -> bool:
    """Whether it stands on Raspberry Pi OS, made by pi-gen, and not on the Debian base of the boot tests."""
    return (files / "usr/lib/raspberrypi-sys-mods").exists()


@dataclass(frozen=True)
class Inode:
    mode: int
    owner: int
    group: int


@pytest.fixture(scope="session")
def inodes(root_partition: str, files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Inode]:
    """Every path of the root file system with its true mode: a dump loses set-uid and sticky bits."""
    folders = [
        ".",
        *(
            str(path.relative_to(files))
            for path in files.rglob("*")
            if path.is_dir() and not path.is_symlink()
        ),
    ]
    commands = tmp_path_factory.mktemp("inodes") / "commands"
    commands.write_text("".join(f'ls -p "/{folder}"\n' for folder in folders))
    found: dict[str, Inode] = {}
    for line in tool("debugfs", "-f", commands, root_partition, timeout=600).splitlines():
        if line.startswith("debugfs: ls -p "):
            folder = line.split('"')[1].removeprefix("/")
        elif line.startswith("/") and (parts := line.split("/"))[5] not in (".", ".."):
            path = str(Path(folder, parts[5]))
            found[path] = Inode(int(parts[2], 8), int(parts[3]), int(parts[4]))
    return found


@pytest.fixture(scope="session")
def files(root_partition: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system read out of the image, with owners and modes."""
    folder = tmp_path_factory.mktemp("root")
    tool("debugfs", "-R", f"rdump / {folder}", root_partition, timeout=600)
    yield folder
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)
