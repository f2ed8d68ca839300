"""A thread that makes its round when it is woken, and by itself after a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.core.faults import survived

log = logging.getLogger(__name__)


class Rounds:
    """name: the thread's. work() is one round; what it does not foresee is logged and ends nothing.

    pause(): seconds until the next round comes by itself, asked anew each time.
    """

    def __init__(self, name: str, work: Callable[[], None], pause: Callable[[], float]) -> None:
        self._name = name
        self._work = work
        self._pause = pause
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Make no further round; the one that is being made is given so many seconds."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def wake(self) -> None:
        """Make a round now. From any thread."""
        self._woken.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            with survived(log, f"a round of {self._name}"):
                self._work()
            self._woken.wait(self._pause())
