"""The modems' side of the house, built once: fleet, inspector, inbox, delivery reports."""

from __future__ import annotations

from app.core.clock import Clock
from app.core.events import Events, MessageReported
from app.modems.fleet import Fleet
from app.modems.inbox import Inbox
from app.modems.inspector import Inspector
from app.modems.power import UsbPower
from app.settings.general import General
from app.settings.snapshot import Settings
from app.store.database import Database
from app.store.inbox import SqliteInbox
from app.store.modems import ModemMemory
from app.store.reports import Reported, SqliteReports
from hw.portwatch import PortWatch

KEEP_PARTS = 7 * 24 * 3600.0  # seconds that the parts of a whole message are known again


class Exchange:
    """Pages and doors use ``fleet``, ``inspector`` (offers, notices) and ``messages`` (the inbox)."""

    def __init__(self, database: Database, memory: ModemMemory, clock: Clock, events: Events) -> None:
        self._clock = clock
        self._events = events
        self.messages = SqliteInbox(database)
        self.reports = SqliteReports(database, self._reported)
        self.inbox = Inbox(self.messages, self.reports, clock, events.announce)
        self.fleet = Fleet(memory, clock, events.announce, inbox=self.inbox, power=UsbPower())
        self.inspector = Inspector(self.fleet, events.announce, clock)
        self._watch = PortWatch(self.inspector.poke)

    def apply(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self.inspector.every = float(settings.one(General).inspect_modem_connection)

    def start(self) -> None:
        self._watch.start()
        self.inspector.start()

    def stop(self) -> None:
        """Messages in a modem's hands are waited for."""
        self._watch.stop()
        self.inspector.stop()
        self.fleet.stop()

    def sweep(self) -> None:
        """Once an hour, with a clock that can be trusted."""
        self.messages.sweep(self._clock.wall() - KEEP_PARTS)

    def _reported(self, one: Reported) -> None:
        self._events.announce(MessageReported(one.seq, one.id, one.owner, one.modem, one.state))
