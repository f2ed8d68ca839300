"""What a SIM may still send: its quota, seeded by what the ledger knows of today."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol

from app.core.clock import Clock
from app.core.quota import Quota
from app.modems.spec import ModemSpec


class DayCount(Protocol):
    def sent_since(self, modem: str, sim: str, since: float) -> int:
        """Messages this SIM card in this modem carried, or may have, since a Unix time."""
        ...


class Allowance:
    """One SIM's limits a minute and a day, the day being the local one. Any thread may ask."""

    def __init__(self, spec: ModemSpec, ledger: DayCount, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._sim = ""
        self._lock = threading.Lock()
        self.apply(spec)

    def insert(self, spec: ModemSpec, sim: str) -> None:
        """The modem turned out to hold this card (its ICCID): what another has sent is not its own."""
        if sim != self._sim:
            self._sim = sim
            self.apply(spec)

    def apply(self, spec: ModemSpec) -> None:
        """Take over limits that changed, counting from what is on record."""
        with self._lock:
            sent = 0
            if spec.per_day:
                now = datetime.fromtimestamp(self._clock.wall())
                midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
                sent = self._ledger.sent_since(spec.id, self._sim, midnight.timestamp())
            self._quota = Quota(spec.per_minute, spec.per_day, self._today(), sent)
            self._limited = bool(spec.per_minute or spec.per_day)

    def wait(self, ahead: int = 0) -> float:
        """Seconds until one more message may go, after so many that wait already; infinite: not today."""
        if not self._limited:
            return 0.0
        with self._lock:
            return self._quota.wait(self._clock.steady(), self._today(), ahead)

    def count(self) -> None:
        """One message was handed to the network, or may have been."""
        with self._lock:
            self._quota.count(self._clock.steady(), self._today())

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock.wall()).date().isoformat()
