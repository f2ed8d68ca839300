"""What the page and the health answer say of one broker."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from app.core.clock import Clock
from app.core.events import Announce, BrokerState

log = logging.getLogger(__name__)


class Standing(StrEnum):
    OFF = "off"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # for the next attempt


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """One broker at one moment; times are Unix seconds, counts are since the start of the service.

    sent and failed count messages by their outcome, poison among the failed; waiting: taken and not ended.
    keeps: whether the broker keeps messages while the device is away. attempts: connections tried.
    paused: nothing is taken while no modem is usable, so that other devices take it.
    """

    broker: str
    standing: Standing = Standing.OFF
    connected_since: float | None = None
    last_error: str = ""
    last_error_at: float | None = None
    received: int = 0
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    attempts: int = 0
    keeps: bool = True
    paused: bool = False

    @property
    def connected(self) -> bool:
        return self.standing is Standing.CONNECTED

    def as_dict(self) -> dict[str, Any]:
        """For the health answer: everything but the broker's name."""
        found = asdict(self)
        del found["broker"]
        return found | {"standing": str(self.standing)}

    def sentence(self) -> str:
        """For the page: since when or why not, and the counts."""
        counts = f"{self.received} received, {self.sent} sent, {self.failed} failed, {self.waiting} waiting"
        if self.standing is Standing.OFF:
            return ""
        if self.paused:
            return f"no modem is usable, so messages are left to other devices: {counts}"
        if self.connected_since is not None:
            since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.connected_since))
            return f"connected since {since}: {counts}"
        return f"{self.last_error}: {counts}" if self.last_error else counts


class Tally:
    """A status that one thread changes and any thread reads; what is news is logged and announced."""

    def __init__(self, broker: str, announce: Announce, clock: Clock) -> None:
        self.status = BrokerStatus(broker)
        self._announce = announce
        self._clock = clock

    def set(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)

    def count(self, received: int = 0, sent: int = 0, failed: int = 0, attempts: int = 0) -> None:
        now = self.status
        self.set(
            received=now.received + received,
            sent=now.sent + sent,
            failed=now.failed + failed,
            attempts=now.attempts + attempts,
        )

    def off(self) -> None:
        self._at(Standing.OFF, last_error="", last_error_at=None)

    def connecting(self, keeps: bool) -> None:
        self.count(attempts=1)
        self._at(Standing.CONNECTING, keeps=keeps)

    def connected(self, paused: bool) -> None:
        self._at(Standing.CONNECTED, connected_since=self._clock.wall(), paused=paused)
        log.info("%s: connected", self.status.broker)
        self._announce(BrokerState(self.status.broker, True))

    def left(self) -> None:
        """The connection was ended by us: what goes wrong from now on is news again."""
        self.set(last_error="", last_error_at=None)
        self._announce(BrokerState(self.status.broker, False, "left"))

    def lost(self, why: str, was_open: bool) -> None:
        """The connection ended, or never began; told once until it ends otherwise."""
        news = was_open or why != self.status.last_error
        log.log(logging.WARNING if news else logging.DEBUG, "%s: %s", self.status.broker, why)
        self._at(Standing.WAITING, last_error=why, last_error_at=self._clock.wall())
        if news:
            self._announce(BrokerState(self.status.broker, False, why))

    def _at(self, standing: Standing, **more: Any) -> None:
        self.set(**{"standing": standing, "connected_since": None, "paused": False, **more})
