"""What happens in the house, told to whoever listens: monitor, bell, metrics, audit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from app.core.faults import described

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Root of all events; receivers are masked and texts never appear in one."""


@dataclass(frozen=True, slots=True)
class MessageAccepted(Event):
    seq: int
    door: str
    receiver: str


@dataclass(frozen=True, slots=True)
class MessageSending(Event):
    seq: int
    modem: str
    receiver: str


@dataclass(frozen=True, slots=True)
class MessageDone(Event):
    """state: sent, failed, expired or unknown; modem is empty where none carried it."""

    seq: int
    modem: str
    state: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class MessageTimed(Event):
    """A message's outcome is on record. own: seconds of it that no modem and no mail server had it."""

    seq: int
    own: float


@dataclass(frozen=True, slots=True)
class ModemState(Event):
    """state: connecting, ready, searching, trouble, gone, off; ``why`` is a sentence."""

    modem: str
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class RungClimbed(Event):
    """A rung of the recovery ladder: resync, reopen, initialise, radio, reset, usb, hub, park.

    worked is None while that is not known yet: the rung is told when it begins, and again when it helped.
    """

    modem: str
    rung: str
    worked: bool | None = None


@dataclass(frozen=True, slots=True)
class Alarm(Event):
    """A person must act. what: a slug such as store_full, parked, balance, canary; why: a sentence."""

    what: str
    modem: str
    why: str


@dataclass(frozen=True, slots=True)
class ModemFound(Event):
    """A modem that no settings know was plugged in; its fields wait to be taken over."""

    port: str
    name: str
    socket: str = ""


@dataclass(frozen=True, slots=True)
class StickUnusable(Event):
    """A stick that shows no AT port: what it is, and what to do."""

    socket: str
    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class SimChanged(Event):
    """A known modem has another SIM card than before; only the last digits are told."""

    modem: str
    iccid: str
    before: str


@dataclass(frozen=True, slots=True)
class SmsArrived(Event):
    """A message came in and is kept under its number."""

    modem: str
    sim: str
    number: int


@dataclass(frozen=True, slots=True)
class MessageReported(Event):
    """The network told what became of a message: sent so far, delivered or failed.

    delivered: how many of its parts; callback: the topic of the owner's broker that is to hear of it, once.
    """

    seq: int
    id: str
    owner: str
    modem: str
    state: str
    command: str = ""
    name: str = ""
    parts: int = 1
    delivered: int = 0
    callback: str = ""


@dataclass(frozen=True, slots=True)
class BrokerState(Event):
    broker: str
    connected: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class ClockStepped(Event):
    """The wall clock jumped by so many seconds."""

    seconds: float


Announce = Callable[[Event], None]


class Events:
    """Hands each event to every listener, in the thread of whoever announces it: listeners only enqueue."""

    def __init__(self) -> None:
        self._listeners: tuple[Announce, ...] = ()

    def listen(self, listener: Announce) -> Callable[[], None]:
        """Add a listener; the answer takes it away again."""
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return leave

    def announce(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:
                # A listener's fault must not change what happens to a message.
                log.error("a listener failed on %s with %s", type(event).__name__, described(error))
