"""The device's clock for the pages: how it stands, asked of the system once in a while, and setting it."""

from __future__ import annotations

import threading
from datetime import datetime
from zoneinfo import ZoneInfo

from app.core.clock import Clock
from app.core.errors import BadRequest
from app.web.admin.appliance import Machine, TimeState

FRESH = 20.0  # seconds: the way in is open to everybody, and asking the system takes milliseconds


class ClockFace:
    """Asks the machine how its clock stands, and sets it from a browser."""

    def __init__(self, machine: Machine, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[float, TimeState] | None = None

    def state(self) -> TimeState:
        """How the clock stands, at most FRESH seconds old."""
        with self._lock:
            now = self._clock.steady()
            if self._seen is None or now - self._seen[0] >= FRESH:
                self._seen = now, self._machine.time.state(self._clock.wall())
            return self._seen[1]

    def doubt(self) -> str:
        """Why the clock is not trusted; "" when it is, and where it is not ours to set."""
        return "" if self._machine.why_not else self.state().why

    def set(self, unix: str, typed: str = "", zone: str = "UTC") -> None:
        """Set it to Unix seconds as a browser gives them, or else to a local time as somebody typed it.

        Raises a GatewayError with a sentence.
        """
        if self._machine.why_not:
            raise BadRequest(self._machine.why_not)
        try:
            self._machine.time.set(_unix(unix, typed, zone))
        except ValueError as error:
            raise BadRequest("that is not the time of today: 2026-11-20 14:05:00, for example") from error
        finally:
            with self._lock:
                self._seen = None


def _unix(unix: str, typed: str, zone: str) -> float:
    """Raises ValueError."""
    if unix.strip():
        return float(unix[:20])
    return datetime.fromisoformat(typed.strip()[:32]).replace(tzinfo=ZoneInfo(zone)).timestamp()
