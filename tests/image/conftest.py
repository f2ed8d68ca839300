"""The image under test (OTPPI_IMAGE, see scripts/boot-test) as partitions and as a tree of files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
sys.path.insert(0, str(TREE / "tests/boot"))  # the emulator's card knows how to read an image

from emulator.card import Card, tool  # noqa: E402


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
def files(root_partition: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system read out of the image, with owners and modes."""
    folder = tmp_path_factory.mktemp("root")
    tool("debugfs", "-R", f"rdump / {folder}", root_partition, timeout=600)
    yield folder
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)
