"""What happened lately with the modems that somebody should see: alarms, last errors, how much each sends."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.core.events import Alarm, Event, MessageDone, ModemFound, ModemState, SimChanged, StickUnusable
from app.store.audit import Audit

MOST = 50
MINUTE = 60.0
_OVER_WHEN_READY = ("parked", "registration")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that stays in the pages until somebody has seen it; handle names it in forms.

    what: a slug; at: Unix seconds of the latest; count: how often it came.
    """

    handle: str
    what: str
    modem: str
    why: str
    at: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Lately:
    """One modem: its last error, a sentence, at a Unix time; messages it sent within the last minute."""

    error: str = ""
    at: float = 0.0
    rate: int = 0


class News:
    """``hear`` goes to the events: it remembers, hands to the audit what belongs there, and returns.

    wall(): Unix seconds.
    """

    def __init__(self, audit: Audit, wall: Callable[[], float]) -> None:
        self._audit = audit
        self._wall = wall
        self._items: dict[tuple[str, str], Item] = {}
        self._errors: dict[str, tuple[str, float]] = {}
        self._sent: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        with self._lock:
            match event:
                case Alarm(what, modem, why):
                    self._keep(what, modem, why)
                    self._note(f"alarm.{what}", why)
                case SimChanged(modem, iccid, before):
                    why = f"{modem} has another SIM card now: {iccid} instead of {before}"
                    self._keep("sim_changed", modem, why)
                    self._note("sim.changed", why)
                case ModemFound(port, name):
                    self._note("modem.found", f"{name} at {port}")
                case StickUnusable(socket, what):
                    self._note("stick.unusable", f"{what} at USB {socket}")
                case ModemState(modem, "ready"):
                    for one in _OVER_WHEN_READY:
                        self._items.pop((one, modem), None)
                case ModemState(modem, "trouble" | "gone" | "parked", why) if why:
                    self._errors[modem] = (why, self._wall())
                case MessageDone(_, modem, state, reason) if modem:
                    self._count(modem, state, reason)

    def items(self) -> list[Item]:
        """The latest first."""
        with self._lock:
            return sorted(self._items.values(), key=lambda one: one.at, reverse=True)

    def seen(self, handle: str) -> Item | None:
        """Somebody has seen it: it goes. What it was."""
        with self._lock:
            for key, item in self._items.items():
                if item.handle == handle:
                    return self._items.pop(key)
        return None

    def lately(self, modem: str) -> Lately:
        with self._lock:
            why, at = self._errors.get(modem, ("", 0.0))
            sent = self._sent.get(modem, ())
            return Lately(why, at, sum(one > self._wall() - MINUTE for one in sent))

    def _keep(self, what: str, modem: str, why: str) -> None:
        now, known = self._wall(), self._items.get((what, modem))
        if known is not None:
            self._items[what, modem] = replace(known, why=why, at=now, count=known.count + 1)
            return
        if len(self._items) >= MOST:
            del self._items[min(self._items, key=lambda key: self._items[key].at)]
        self._items[what, modem] = Item(secrets.token_hex(8), what, modem, why, now)

    def _count(self, modem: str, state: str, reason: str) -> None:
        now = self._wall()
        if state not in ("sent", "delivered"):
            self._errors[modem] = (f"a message ended as {state}: {reason}", now)
            return
        sent = self._sent.setdefault(modem, deque(maxlen=10_000))
        sent.append(now)
        while sent and sent[0] <= now - MINUTE:
            sent.popleft()

    def _note(self, what: str, detail: str) -> None:
        self._audit.note(self._wall(), "-", "-", what, detail)
