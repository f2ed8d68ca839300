"""The disk and the bundles of image/study (OTPPI_STUDY, see scripts/study-test), and a table of figures."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.boot.conftest import folder_of_a_machine
from tests.boot.emulator.boards import words_for_a_shell
from tests.boot.emulator.card import Card, tool

_figures: list[tuple[str, str]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "OTPPI_STUDY" not in os.environ:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs the study's disk: make image-long"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("figures of the study")
        for name, figure in _figures:
            terminalreporter.write_line(f"{figure:>10}  {name}")


def figure(name: str, value: str) -> None:
    _figures.append((name, value))


@contextmanager
def measured(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    figure(name, f"{time.monotonic() - started:.0f} s")


@pytest.fixture(scope="session")
def study() -> Path:
    """The folder that image/study/make has filled."""
    return Path(os.environ["OTPPI_STUDY"]).resolve()


@pytest.fixture
def room() -> Iterator[Path]:
    with folder_of_a_machine() as folder:
        yield folder


@pytest.fixture(scope="session")
def card(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Card]:
    """The study's disk with words for the kernel that give us a shell; the slots are as they were made."""
    folder = tmp_path_factory.mktemp("study")
    copy = Card(folder / "study.img")
    subprocess.run(["cp", "--sparse=always", str(study / "study.img"), str(copy.image)], check=True)
    text = f"BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nwords={words_for_a_shell('ttyAMA0')}\n"
    (folder / "words").write_text(text)
    tool("mkenvimage", "-s", "0x4000", "-o", folder / "uboot.env", folder / "words")
    tool(
        "mcopy", "-n", "-o", "-i", f"{copy.image}@@{copy.partitions()[0].start}", folder / "uboot.env", "::/"
    )
    yield copy
    copy.image.unlink()
