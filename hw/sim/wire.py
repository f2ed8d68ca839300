"""The outgoing half of a simulated modem: what it says, and when."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence

_NOISE_PAUSE = 0.01


class Wire:
    """Lines that fall due in order of time. ``changed`` guards the whole modem and tells of new lines.

    Whoever serves the modem calls take() for what is due and next_due() for when to look again; on_output
    is called, from any thread and perhaps with ``changed`` held, when there is something new to take.
    """

    def __init__(self, noises: Sequence[str], steady: Callable[[], float]) -> None:
        self.changed = threading.Condition()
        self.on_output: Callable[[], None] | None = None
        self.steady = steady
        self._due: list[tuple[float, int, bytes | Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._noises = itertools.cycle(noises or ("",))
        self._deaf = False
        self._endless = False

    def noise(self) -> str:
        """The next of the family's unasked lines."""
        return next(self._noises)

    def silence_now(self) -> None:
        """Whatever was about to be said or sent is lost."""
        with self.changed:
            self._due.clear()

    def resume_noise(self) -> None:
        """After silence_now(): endless noise goes on."""
        if self._endless:
            self.schedule(0.0, self._more_noise)

    @property
    def deaf(self) -> bool:
        """It neither hears nor says anything."""
        return self._deaf

    @deaf.setter
    def deaf(self, value: bool) -> None:
        self._deaf = value

    @property
    def endless_noise(self) -> bool:
        """It never stops talking."""
        return self._endless

    @endless_noise.setter
    def endless_noise(self, value: bool) -> None:
        with self.changed:
            started, self._endless = value and not self._endless, value
            if started:
                self._more_noise()

    def take(self, now: float) -> bytes:
        """What is due by now, in order."""
        with self.changed:
            out = bytearray()
            while self._due and self._due[0][0] <= now:
                payload = heapq.heappop(self._due)[2]
                if isinstance(payload, bytes):
                    out += payload
                else:
                    payload()
            return b"" if self._deaf else bytes(out)

    def next_due(self) -> float | None:
        """When something more will be due (steady time), or None."""
        with self.changed:
            return self._due[0][0] if self._due else None

    def say(self, line: str, after: float = 0.0) -> None:
        """An unsolicited line, some seconds from now."""
        self.schedule(after, f"\r\n{line}\r\n".encode("latin-1"))

    def schedule(self, after: float, payload: bytes | Callable[[], None]) -> None:
        with self.changed:
            heapq.heappush(self._due, (self.steady() + after, next(self._sequence), payload))
            self.changed.notify_all()
        if self.on_output is not None:
            self.on_output()

    def _more_noise(self) -> None:
        if self._endless:
            self.say(self.noise() or "+CIEV: 2,4")
            self.schedule(_NOISE_PAUSE, self._more_noise)
