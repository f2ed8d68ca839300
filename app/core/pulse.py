"""Whether a thread still does its rounds: what the watchdog asks of one that works through what is due."""

from __future__ import annotations

import threading

from app.core.clock import Clock


class Pulse:
    """The thread beats once a round; a round may take `longest` seconds."""

    def __init__(self, clock: Clock, longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._at = clock.steady()

    def beat(self) -> None:
        self._at = self._clock.steady()

    def stalled(self, thread: threading.Thread) -> str:
        """Why it no longer does its rounds, "" while it does."""
        if not thread.is_alive():
            return f"the thread of {thread.name} has ended"
        idle = self._clock.steady() - self._at
        return f"no round for {idle:.0f} s" if idle > self._longest else ""
