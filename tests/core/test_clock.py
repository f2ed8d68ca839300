"""Which times a device in use can show; the clock of what is on record moves together with the record."""

from __future__ import annotations

import pytest

from app.core.clock import BUILT, HeldClock, SystemClock, implausible
from app.jobs import ClockWatch

BEFORE = "the clock shows a day before this version was made"
FAR = "the clock shows a year far away"


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (0.0, BEFORE),
        (1_767_225_600.0, BEFORE),  # 2026-01-01T00:00:00Z
        (1_800_000_000.0, ""),
        (3_000_000_000.0, ""),  # 2065-01-24
        (4_083_782_400.0, FAR),  # 2099-05-31
    ],
)
def test_a_clock_is_trusted_while_it_can_be_right(shown: float, why: str) -> None:
    class Shifted(SystemClock):
        wall = staticmethod(lambda: shown)

    assert implausible(shown) == why
    assert Shifted().trusted is not bool(why)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"time": 1000.0, "monotonic": 50.0}
    for name in now:
        monkeypatch.setattr(f"app.core.clock.time.{name}", lambda name=name: now[name])
    return now


def test_a_step_of_the_machines_clock_counts_when_it_is_noticed(machine: dict[str, float]) -> None:
    clock = HeldClock()
    steps: list[float] = []

    def moved(seconds: float) -> None:
        steps.append(seconds)
        steps.append(clock.wall())  # what is on record is moved when the clock has been

    watch = ClockWatch(clock, moved)
    machine["time"] = BUILT + 1000.0
    machine["monotonic"] = 60.0
    # A code that is issued now is moved with the others, and only once.
    assert (clock.wall(), clock.trusted) == (1010.0, False)
    watch.look()
    watch.look()
    assert steps == [BUILT - 10.0, BUILT + 1000.0]
    assert clock.trusted


def test_a_clock_that_is_steered_is_followed_without_a_word(machine: dict[str, float]) -> None:
    clock = HeldClock()
    steps: list[float] = []
    machine |= {"time": 1010.5, "monotonic": 60.0}
    ClockWatch(clock, steps.append).look()
    assert (clock.wall(), clock.steady(), steps) == (1010.5, 60.0, [])
