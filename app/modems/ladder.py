"""The recovery ladder: which rung comes next for a modem that fails, and how long to wait on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Rung(StrEnum):
    """In climbing order; each only if the one before failed."""

    RESYNC = "resync"
    REOPEN = "reopen"
    INITIALISE = "initialise"
    RADIO = "radio"
    RESET = "reset"
    USB = "usb"
    HUB = "hub"
    PARK = "park"


RUNGS = tuple(Rung)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a modem may take before somebody climbs (seconds).

    find: to come back after a reset or a cut of its power. search: without a network. park: between tries of
    a modem on which everything failed. settle: of good service until trouble counts as over. missing: between
    looks for a port that is not there. poll: between looks at an idle modem. safety: between safety reads.
    """

    find: float = 90.0
    search: float = 180.0
    park: float = 900.0
    settle: float = 60.0
    missing: float = 1.0
    poll: float = 10.0
    safety: float = 300.0
    pause: float = 1.0  # the unit of the pauses between rungs
    prompt: float = 10.0  # to the prompt of a message
    send: float | None = None  # from Ctrl-Z to the network's answer; None: as the family needs


#: Pauses before the life that a rung leads to, in units of Patience.pause.
_PAUSES = {
    Rung.RESYNC: 0.0,
    Rung.REOPEN: 0.2,
    Rung.INITIALISE: 0.5,
    Rung.RADIO: 1.0,
    Rung.RESET: 1.0,
    Rung.USB: 2.0,
    Rung.HUB: 4.0,
}


class Ladder:
    """Where one modem stands. usable: whether a rung can be tried with it at all.

    counts: how often each rung was tried since the service began; kept when the trouble is over.
    """

    def __init__(self, usable: Callable[[Rung], bool] = lambda rung: True) -> None:
        self._usable = usable
        self.rung: Rung | None = None
        self.counts: Counter[Rung] = Counter()

    def climb(self, least: Rung = Rung.RESYNC) -> Rung:
        """The next usable rung, ``least`` or higher. After the last it begins again from below."""
        if self.rung is Rung.PARK:
            self.rung = None
        above = RUNGS.index(self.rung) + 1 if self.rung is not None else 0
        for rung in RUNGS[max(above, RUNGS.index(least)) :]:
            if rung is Rung.PARK or self._usable(rung):
                break
        self.rung = rung
        self.counts[rung] += 1
        return rung

    def resync(self) -> None:
        """The first rung, which is tried on every other one too without leaving it."""
        if self.rung is None:
            self.climb()
        else:
            self.counts[Rung.RESYNC] += 1

    def step_down(self) -> Rung | None:
        """The trouble is over; the rung that ended it, if there was trouble."""
        rung, self.rung = self.rung, None
        return rung

    def pause(self, patience: Patience) -> float:
        """Seconds to wait before the modem is tried again."""
        if self.rung is None:
            return 0.0
        return patience.park if self.rung is Rung.PARK else _PAUSES[self.rung] * patience.pause
