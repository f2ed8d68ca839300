"""Which refusals of people who are not signed in are written into the audit, so that nobody can flood it."""

from __future__ import annotations

import threading
from collections.abc import Callable

HOURLY = 100  # rows of all together
SHORTEST = 60.0  # seconds between two rows of one lock
HOUR = 3600.0
KEPT = 2048  # locks remembered; the eldest are forgotten first


class Strangers:
    """steady(): seconds. What is left out is counted, and told with the next one that is written down."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}  # until when a lock needs no further row
        self._hour = -HOUR
        self._rows = 0
        self._left_out = 0

    def told(self, why: str, key: str, locked: float) -> str:
        """What to write down of a refusal, or "" for nothing. key: whose; locked: for so many seconds."""
        now = self._steady()
        with self._lock:
            if now - self._hour >= HOUR:
                self._hour, self._rows = now, 0
            if self._rows >= HOURLY or (locked and self._told.get(key, now) > now):
                self._left_out += 1
                return ""
            if locked:
                self._told.pop(key, None)
                self._told[key] = now + max(locked, SHORTEST)
                if len(self._told) > KEPT:
                    del self._told[next(iter(self._told))]
            self._rows += 1
            left_out, self._left_out = self._left_out, 0
        return f"{why} ({left_out} more were not written down)" if left_out else why
