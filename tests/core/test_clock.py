"""Which times a device in use can show: outside of them its clock is not trusted."""

from __future__ import annotations

import pytest

from app.core.clock import SystemClock, implausible

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
