"""How many messages a SIM may still send: a sliding minute and a local day."""

from __future__ import annotations

import math
from collections import deque

MINUTE = 60.0


class Quota:
    """Counts one SIM's messages; 0 means no limit. Not thread-safe.

    ``now`` is steady seconds, ``day`` any value that changes at local midnight.
    """

    def __init__(self, per_minute: int = 0, per_day: int = 0, day: str = "", sent_today: int = 0) -> None:
        self.per_minute = per_minute
        self.per_day = per_day
        self._recent: deque[float] = deque()
        self._day = day
        self._sent_today = sent_today

    def wait(self, now: float, day: str, ahead: int = 0) -> float:
        """Seconds until one more message may go, after so many others; infinite when that is not today."""
        sent = self._sent_today if day == self._day else 0
        if self.per_day and sent + ahead >= self.per_day:
            return math.inf
        if not self.per_minute:
            return 0.0
        self._forget_old(now)
        before = len(self._recent) + ahead - self.per_minute  # goes a minute before this one
        if before < 0:
            return 0.0
        minutes, place = 1, before
        while place >= len(self._recent) and place >= self.per_minute:
            minutes, place = minutes + 1, place - self.per_minute
        first = self._recent[place] if place < len(self._recent) else now
        return first + minutes * MINUTE - now

    def count(self, now: float, day: str) -> None:
        """One message was handed to the network (or may have been)."""
        if day != self._day:
            self._day, self._sent_today = day, 0
        self._sent_today += 1
        if self.per_minute:
            self._forget_old(now)
            self._recent.append(now)

    def _forget_old(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
