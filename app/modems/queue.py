"""What waits for one modem: a bounded queue whose owner can see, and take back, what is in it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from app.core.errors import QueueFull
from app.core.faults import survived
from app.core.ports import Job

log = logging.getLogger(__name__)

# Work for the modem's own thread that is not a message: a USSD request, a test, a look at the inbox.
Errand = Callable[[Any], None]

CAPACITY = 1000


class JobQueue:
    """First in, first out; errands go before messages, because somebody sits before a page waiting."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._errands: deque[Errand] = deque()
        self._changed = threading.Condition()
        self._open = False
        self._woken = False

    def __len__(self) -> int:
        return len(self._jobs)

    def open(self) -> None:
        self._open = True

    def close(self) -> tuple[list[Job], list[Errand]]:
        """Take nothing more, and give back what waits."""
        with self._changed:
            self._open = False
            left = list(self._jobs), list(self._errands)
            self._jobs.clear()
            self._errands.clear()
        return left

    def put(self, job: Job) -> bool:
        """False when the queue is closed. Raises QueueFull."""
        with self._changed:
            if not self._open:
                return False
            if len(self._jobs) >= CAPACITY:
                raise QueueFull(f"{CAPACITY} messages wait for this modem already; send fewer at a time")
            self._jobs.append(job)
            self._changed.notify()
        return True

    def put_errand(self, errand: Errand) -> bool:
        with self._changed:
            if not self._open or len(self._errands) >= CAPACITY:
                return False
            self._errands.append(errand)
            self._changed.notify()
        return True

    def take(self, timeout: float, messages: bool = True) -> Job | Errand | None:
        """The next errand, else (unless only errands are wanted) the next message; None after a while."""
        with self._changed:
            if not self._woken and not self._errands and not (messages and self._jobs):
                self._changed.wait(timeout)
            self._woken = False
            if self._errands:
                return self._errands.popleft()
            if messages and self._jobs:
                return self._jobs.popleft()
        return None

    def wake(self) -> None:
        """End the wait, also one that has not begun yet."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take_overdue(self) -> list[Job]:
        """Remove the messages for which nobody waits any longer."""
        overdue: list[Job] = []
        with self._changed:
            if any(job.overdue() for job in self._jobs):
                waiting: deque[Job] = deque()
                for job in self._jobs:
                    (overdue if job.overdue() else waiting).append(job)
                self._jobs = waiting
        return overdue

    def offer(self) -> list[Job]:
        """Offer all messages to other modems. What none takes is at the head again; if the queue was closed
        meanwhile it comes back."""
        with self._changed:
            jobs = list(self._jobs)
            self._jobs.clear()
        left = []
        for job in jobs:
            moved = False
            with survived(log, "a message that another modem may have"):
                moved = job.elsewhere()
            if not moved:
                left.append(job)
        with self._changed:
            if not self._open:
                return left
            self._jobs.extendleft(reversed(left))
            self._changed.notify()
        return []
