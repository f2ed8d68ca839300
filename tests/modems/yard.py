"""A fleet over simulated modems, jobs whose end a test can wait for, a USB whose power a test can cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.clock import SystemClock
from app.core.digest import KeyedDigest
from app.core.errors import GatewayError, NotSent, UnknownOutcome
from app.core.events import Event, RungClimbed
from app.core.inbox import InboxMessage
from app.core.message import Message, Sent
from app.modems.fleet import Fleet
from app.modems.inbox import Inbox
from app.modems.ladder import Patience
from app.modems.power import Power
from app.modems.spec import ModemSpec
from app.modems.worker import ModemWorker
from app.settings.modems import Modem
from app.settings.sms import Sms
from app.store.database import Database
from app.store.inbox import SqliteInbox
from app.store.ledger import SqliteLedger
from app.store.modems import ModemMemory
from app.store.reports import Reported, SqliteReports
from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from hw.sim.plugs import imei_of, plugs

CLOCK = SystemClock()


@dataclass
class Parcel:
    """A Job whose end the test can wait for."""

    message: Message
    ended: threading.Event = field(default_factory=threading.Event)
    outcome: Sent | GatewayError | str | None = None
    confirmed: int = 0
    stays: bool = False  # whether no other modem takes it

    def overdue(self) -> bool:
        return CLOCK.steady() >= self.message.deadline

    def expire(self) -> None:
        self._end("expired")

    def elsewhere(self) -> bool:
        if self.stays:
            return False
        self._end("elsewhere")
        return True

    def returned(self, why: NotSent) -> None:
        self._end(why)

    def begin(self) -> None:
        pass

    def confirm(self) -> None:
        self.confirmed += 1

    def sent(self, sent: Sent) -> None:
        self._end(sent)

    def refused(self, why: NotSent) -> None:
        self._end(why)

    def unknown(self, why: UnknownOutcome) -> None:
        self._end(why)

    def _end(self, outcome: Sent | GatewayError | str) -> None:
        assert self.outcome is None, "a job ends once"
        self.outcome = outcome
        self.ended.set()

    def wait(self, timeout: float = 60.0) -> Any:
        assert self.ended.wait(timeout), "the job never ended"
        return self.outcome


def parcel(text: str = "hello", number: str = "6281234567890", seconds: float = 60.0) -> Parcel:
    return Parcel(
        Message(1, "id", "send-sms", "t", number, text, b"f", CLOCK.wall(), CLOCK.steady() + seconds)
    )


class Yard:
    """A fleet over simulated modems of its own, with an inbox and a ledger on disk."""

    def __init__(
        self,
        folder: Path,
        power: Power | None = None,
        patience: Patience | None = None,
        heard: list[Event] | None = None,
    ) -> None:
        self.heard: list[Event] = [] if heard is None else heard
        self.arrived: list[InboxMessage] = []
        self.reported: list[Reported] = []
        self.air = Air()
        self.database = Database(folder / "state.db")
        self.memory = ModemMemory(self.database, KeyedDigest(b"k" * 32))
        self.ledger = SqliteLedger(self.database)
        self.messages = SqliteInbox(self.database)
        self.reports = SqliteReports(self.database, self.reported.append)
        self.inbox = Inbox(self.messages, self.reports, CLOCK, self.heard.append, self.arrived.append)
        self.fleet = Fleet(
            self.memory, CLOCK, self.heard.append, inbox=self.inbox, power=power, patience=patience
        )
        self.name = folder.name
        self.specs: dict[str, ModemSpec] = {}

    def simulated(self, modem: str, **settings: Any) -> SimModem:
        index = len(self.specs)
        settings = {"card": numbered(index), "imei": imei_of(index), "air": self.air} | settings
        return plugs.plug_in(f"{self.name}-{modem}", SimModem(modem, **settings))

    def use(self, modem: str, sms: Sms | None = None, **settings: Any) -> None:
        port = settings.pop("port", f"sim://{self.name}-{modem}")
        self.specs[modem] = ModemSpec.of(modem, Modem(name=modem, port=port, **settings), sms or Sms())
        self.fleet.apply(self.specs.values())

    def ready(self, modem: str = "a", **settings: Any) -> SimModem:
        """A modem of the settings, simulated and up."""
        simulated = self.simulated(modem, **settings)
        self.use(modem)
        self.until(lambda: modem in self.lanes())
        return simulated

    def until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        until = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < until, self.fleet.why_none()
            time.sleep(0.01)

    def worker(self, modem: str) -> ModemWorker:
        """The one at work with a modem."""
        worker = self.fleet._workers[modem]
        assert isinstance(worker, ModemWorker)
        return worker

    def lanes(self) -> set[str]:
        return {lane.modem for lane in self.fleet.lanes()}

    def rungs(self, modem: str = "a") -> list[str]:
        """The rungs that were begun, in order."""
        return [
            one.rung
            for one in list(self.heard)
            if isinstance(one, RungClimbed) and one.modem == modem and one.worked is None
        ]

    def helped(self, modem: str = "a") -> list[str]:
        """The rungs that worked."""
        return [
            one.rung
            for one in list(self.heard)
            if isinstance(one, RungClimbed) and one.modem == modem and one.worked
        ]

    def close(self) -> None:
        self.fleet.stop()
        self.database.close()
