"""The house's own subscribers over a gateway whose modems wait for the test's hand."""

from __future__ import annotations

import time
from typing import Any

from app.brokers.base import Subscriber
from app.brokers.brokers import Brokers
from app.core.clock import SystemClock
from app.core.events import Event
from app.settings.sections import SECTIONS
from app.settings.snapshot import Settings
from tests.house import House

Heard = list[tuple[float, Event]]


def subscriber_of(
    section: type, house: House, device: str = "standalone", heard: Heard | None = None
) -> Subscriber[Any]:
    """The subscriber of a section, not started; heard: everything it announces, with its steady time."""
    events: Heard = [] if heard is None else heard
    brokers = Brokers(
        house.gateway,
        Settings({one.about.name: one() for one in SECTIONS if not one.about.many}),
        lambda event: events.append((time.monotonic(), event)),
        SystemClock(),
        usable=lambda: len(house.fleet.lanes()),
        device=device,
    )
    return brokers.subscriber(section)
