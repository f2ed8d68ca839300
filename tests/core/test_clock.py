"""The clock of what is on record moves when it is told to, together with what is on record."""

from __future__ import annotations

import pytest

from app.core.clock import BUILT, HeldClock
from app.jobs import ClockWatch


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
