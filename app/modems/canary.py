"""The loop-back canary: one modem writes to another, and what was accepted must arrive."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Protocol

from app.core.clock import Clock
from app.core.events import Alarm, Announce
from app.core.inbox import InboxMessage

log = logging.getLogger(__name__)

PREFIX = "OTP-Pi canary "


@dataclass(frozen=True, slots=True)
class Bird:
    """A modem that can take part: its id and the number of its SIM card."""

    modem: str
    number: str


@dataclass(frozen=True, slots=True)
class Flight:
    """One message on its way. at: steady seconds; seconds: how long it took, None while it is on its way."""

    sender: str
    receiver: str
    token: str
    at: float
    seconds: float | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings say; off by default. every and patience in seconds; budget: messages a day."""

    active: bool = False
    every: float = 3600.0
    budget: int = 12
    patience: float = 180.0


class Purse(Protocol):
    """What was spent of a day's budget; it outlives a restart, or each would begin a new day."""

    def canary_spent(self, day: str) -> int: ...

    def spend_canary(self, day: str) -> None: ...


# send(modem, number, text, done): done(True) when the network accepted it.
Send = Callable[[str, str, str, Callable[[bool], None]], None]


class Canary:
    """``look`` is a periodic job, ``heard`` is told of every message that comes in."""

    def __init__(
        self,
        birds: Callable[[], Sequence[Bird]],
        send: Send,
        purse: Purse,
        clock: Clock,
        announce: Announce,
    ) -> None:
        self.plan = Plan()
        self._birds = birds
        self._send = send
        self._purse = purse
        self._clock = clock
        self._announce = announce
        self._turns = count()
        self._flights: dict[str, Flight] = {}
        self._accepted: set[str] = set()  # tokens: only what the network took can be lost by it
        self._latest: dict[tuple[str, str], Flight] = {}
        self._next = 0.0

    def state(self) -> list[Flight]:
        """The latest flight of each pair of modems, for pages and figures."""
        return [self._latest[pair] for pair in sorted(self._latest)]

    @property
    def left_today(self) -> int:
        """Messages that may still be spent today."""
        return max(self.plan.budget - self._purse.canary_spent(self._today()), 0)

    def look(self) -> None:
        """Give up what is overdue, and send the next one when it is time."""
        now = self._clock.steady()
        for flight in [one for one in list(self._flights.values()) if now - one.at > self.plan.patience]:
            self._lose(flight)
        if not self.plan.active or now < self._next:
            return
        self._next = now + self.plan.every
        birds = self._birds()
        if len(birds) < 2 or not self.left_today:
            return
        turn = next(self._turns)
        sender = birds[turn % len(birds)]
        receiver = birds[(turn + 1) % len(birds)]
        self._fly(sender, receiver)

    def heard(self, kept: InboxMessage) -> bool:
        """Whether a message that came in is one of ours."""
        text = kept.message.text
        if not text.startswith(PREFIX):
            return False
        token = text.removeprefix(PREFIX).strip()
        flight = self._flights.pop(token, None)
        if flight is None:
            return False
        self._accepted.discard(token)
        self._note(replace(flight, seconds=self._clock.steady() - flight.at))
        return True

    def _fly(self, sender: Bird, receiver: Bird) -> None:
        self._purse.spend_canary(self._today())
        token = secrets.token_hex(4)
        flight = Flight(sender.modem, receiver.modem, token, self._clock.steady())
        self._flights[token] = flight  # before it is sent: it may be here before the answer is

        def done(accepted: bool) -> None:
            if not accepted:
                self._flights.pop(token, None)
            elif token in self._flights:
                self._accepted.add(token)

        self._note(flight)
        self._send(sender.modem, receiver.number, PREFIX + token, done)

    def _lose(self, flight: Flight) -> None:
        if flight.token not in self._accepted or self._flights.pop(flight.token, None) is None:
            return
        self._accepted.discard(flight.token)
        self._note(replace(flight, lost=True))
        why = (
            f"a message from {flight.sender} to {flight.receiver} was accepted but never delivered"
            f" within {self.plan.patience:.0f} s; look at the SIM cards of both"
        )
        self._announce(Alarm("canary", flight.sender, why))

    def _note(self, flight: Flight) -> None:
        self._latest[(flight.sender, flight.receiver)] = flight

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock.wall()).date().isoformat()
