"""One booted device for all tests that leave it as it was; a test that needs its own makes one."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.system.machine import WORK, Machine, machine
from tests.system.stick import Stick


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    inside = os.environ.get("INSIDE_SYSTEM_TEST") == "yes"
    for item in items:
        if "tests/system" not in str(item.fspath):
            continue
        item.add_marker(pytest.mark.system)
        if not inside:
            item.add_marker(pytest.mark.skip(reason="needs a booted Debian: make system-test"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    shared = getattr(item, "funcargs", {}).get("booted")
    if report.failed and shared is not None:
        report.sections.append(("the end of the device's journal", shared.journal()))
    return report


@pytest.fixture(scope="session")
def booted() -> Iterator[Machine]:
    with machine() as one:
        one.state = one.booted()
        yield one


@pytest.fixture
def device(booted: Machine) -> Iterator[Machine]:
    """The shared device."""
    yield booted
    booted("rm -f /var/lib/otppi/trial.json")


@pytest.fixture
def stick(device: Machine, request: pytest.FixtureRequest) -> Iterator[Stick]:
    folder = WORK / "sticks" / str(abs(hash(request.node.name)))
    folder.mkdir(parents=True, exist_ok=True)
    one = Stick(device, "sdz1", folder)
    yield one
    one.unplug()
    device("rm -rf /var/lib/otppi/settings/*.json /var/lib/otppi/resets.json")
