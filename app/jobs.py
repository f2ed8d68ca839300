"""Periodic work: one thread, each job at its own pace, a job's failure its own affair."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.core.clock import Clock, HeldClock
from app.core.faults import survived
from app.core.pulse import Pulse

log = logging.getLogger(__name__)

LONGEST = 60.0


@dataclass(slots=True)
class _Job:
    name: str
    every: float
    work: Callable[[], None]
    due: float


class Jobs:
    """``every`` before ``start``; jobs are short and share one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: list[_Job] = []
        self._stopping = threading.Event()
        self._pulse = Pulse(clock, LONGEST)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def every(self, seconds: float, name: str, work: Callable[[], None]) -> None:
        self._jobs.append(_Job(name, seconds, work, self._clock.steady() + seconds))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def stalled(self) -> str:
        """Why the thread no longer does its round, "" while it does; a round is allowed LONGEST seconds."""
        return self._pulse.stalled(self._thread)

    def _run(self) -> None:
        while not self._stopping.is_set():
            now = self._clock.steady()
            self._pulse.beat()
            for job in self._jobs:
                if job.due <= now:
                    job.due = now + job.every
                    with survived(log, f"the periodic job {job.name}"):
                        job.work()
            next_due = min((job.due for job in self._jobs), default=now + 1)
            self._stopping.wait(max(next_due - self._clock.steady(), 0.01))


class ClockWatch:
    """Notices that the wall clock jumped against the steady one, and tells by how many seconds."""

    THRESHOLD = 2.0

    def __init__(self, clock: HeldClock, stepped: Callable[[float], None]) -> None:
        self._clock = clock
        self._stepped = stepped

    def look(self) -> None:
        step = self._clock.follow()
        if abs(step) >= self.THRESHOLD:
            self._stepped(step)
