"""The image under test (OTPPI_IMAGE, see scripts/boot-test), machines that boot it, the table of steps."""

# pytest's own types are not all named in the version of Debian 13.
from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.pins import Recorder
from tests.boot.emulator.waiting import patience

_steps: list[tuple[str, float]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "OTPPI_IMAGE" not in os.environ:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs the image: make boot-test"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "boot/" in report.nodeid and report.when == "call":
        _steps.append((report.nodeid.split("::")[-1], report.duration))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _steps:
        terminalreporter.section("steps")
        for name, seconds in _steps:
            terminalreporter.write_line(f"{seconds:8.1f} s  {name}")


@contextmanager
def step(name: str) -> Iterator[None]:
    """A line of the table that is not a test of its own."""
    started = time.monotonic()
    try:
        yield
    finally:
        _steps.append((f"  {name}", time.monotonic() - started))


@pytest.fixture(scope="session")
def card() -> Card:
    return Card(Path(os.environ["OTPPI_IMAGE"]).resolve())


@contextmanager
def folder_of_a_machine() -> Iterator[Path]:
    """A folder with a path short enough for sockets; kept when OTPPI_KEEP is set."""
    folder = Path(tempfile.mkdtemp(prefix="otppi."))
    try:
        yield folder
    finally:
        if "OTPPI_KEEP" not in os.environ:
            shutil.rmtree(folder)


@pytest.fixture
def room() -> Iterator[Path]:
    with folder_of_a_machine() as folder:
        yield folder


@pytest.fixture(scope="session")
def started_once(card: Card) -> Iterator[Machine]:
    """One generic board for everybody, remembered as it was just after its first start."""
    with folder_of_a_machine() as folder:
        machine = boards.virt(card, folder)
        try:
            with step("virt: from power to 'running'"):
                machine.wait_until_up(patience(60))
            machine.remember("started")
            yield machine
        finally:
            machine.cut_power()


@pytest.fixture(scope="module")
def virt(started_once: Machine) -> Iterator[Machine]:
    """The generic board as it was just after its first start, whatever the file of tests before did to it."""
    with step("virt: back to just started"):
        started_once.go_back_to("started")
    yield started_once
    started_once.rest()


@pytest.fixture(scope="module")
def registers() -> Iterator[Recorder]:
    """What the Raspberry Pi writes to its registers."""
    with folder_of_a_machine() as folder:
        yield Recorder(folder)


@pytest.fixture(scope="module")
def raspi3b(card: Card, registers: Recorder) -> Iterator[Machine]:
    """One Raspberry Pi for all its tests; its clock chip begins in February 2031."""
    with folder_of_a_machine() as folder:
        clock = ["-rtc", "base=2031-02-03T04:05:06"]
        machine = boards.raspi3b(card, folder, extra=[*registers.arguments, *clock])
        try:
            with step("raspi3b: from power to 'running'"):
                machine.wait_until_up(patience(100))
            yield machine
        finally:
            machine.cut_power()
