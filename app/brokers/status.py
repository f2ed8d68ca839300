"""What the page and the health answer say of one broker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


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


class Tally:
    """A status that one thread changes and any thread reads."""

    def __init__(self, broker: str) -> None:
        self.status = BrokerStatus(broker)

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
