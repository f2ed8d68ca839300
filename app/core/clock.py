"""The two clocks of the house: a steady one to wait by, the wall's for other people's timestamps."""

from __future__ import annotations

import time
from typing import Protocol

# A wall clock before this release's birth has not been set since power-up.
BUILT = 1_767_225_600.0  # 2026-01-01T00:00:00Z
# One that shows 2099 is as wrong as one that shows 1970.
LATEST = BUILT + 50 * 365.25 * 86400


def implausible(wall: float) -> str:
    """Why no device in use can show this time (Unix seconds), "" when one can."""
    if wall <= BUILT:
        return "the clock shows a day before this version was made"
    return "the clock shows a year far away" if wall >= LATEST else ""


class Clock(Protocol):
    """Seconds as floats. ``steady`` never jumps and counts from anywhere; ``wall`` is Unix time."""

    def steady(self) -> float: ...

    def wall(self) -> float: ...

    @property
    def trusted(self) -> bool:
        """Whether ``wall`` can be right: nothing is dropped as expired while it cannot."""
        ...


class SystemClock:
    """The machine's clocks; the wall is trusted while it is plausible.

    What vouches for it (a chip, a time server) is asked of the system, and shown: see
    ``system.timekeeping.distrust``.
    """

    def steady(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    @property
    def trusted(self) -> bool:
        return not implausible(self.wall())


class HeldClock(SystemClock):
    """A wall clock that takes over a step of the machine's when ``follow`` is called, and not before.

    Whoever moves by the step what is on record then knows that all of it was written before.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def wall(self) -> float:
        return time.monotonic() + self._ahead

    def follow(self) -> float:
        """By how many seconds the machine's clock has jumped since the last call."""
        before, self._ahead = self._ahead, time.time() - time.monotonic()
        return self._ahead - before
