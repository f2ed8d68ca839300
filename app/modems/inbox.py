"""Reads what came in out of a modem: persisted first, deleted by its index then, joined, told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.core.clock import Clock
from app.core.events import Alarm, Announce, SmsArrived
from app.core.inbox import InboxMessage, InboxStore, NewMessage, NewPart, ReportStore
from app.modems.finding import card_of
from app.modems.queue import Errand
from hw.at.stored import Stored
from hw.errors import AtError
from hw.gsm.events import DirectMessage, Event, MessageArrived, ReportArrived, ReportStored, StoreFull
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import Deliver, Joined, PduError, Shelf, StatusReport, decode
from hw.gsm.reassembly import PATIENCE

log = logging.getLogger(__name__)

#: Digits of a receiver by which a report is matched: centres write numbers with and without country codes.
TAIL = 7


class Inbox:
    """All modems' incoming side. What reads from a modem runs in that modem's thread, as an errand.

    told(message) is called for each message that is whole, after it is durable; it must only enqueue.
    """

    def __init__(
        self,
        store: InboxStore,
        reports: ReportStore,
        clock: Clock,
        announce: Announce,
        told: Callable[[InboxMessage], None] = lambda message: None,
    ) -> None:
        self._store = store
        self._reports = reports
        self._clock = clock
        self._announce = announce
        self._told = told
        self._benches: dict[str, _Bench] = {}
        self._lock = threading.Lock()

    def errand(self, event: Event, modem: str, sim: Callable[[], str]) -> Errand | None:
        """What is to be done about an event, with the modem or, when that is lost, without; None: nothing.

        sim() is asked when it is done: an event may come while the modem still starts, its card unknown.
        """
        match event:
            case MessageArrived(store, index) | ReportStored(store, index):
                return lambda at_work: self._fetch(at_work, modem, store, index)
            case DirectMessage(pdu) | ReportArrived(pdu):
                return lambda at_work: self.take(NewPart(sim(), modem, None, pdu, self._clock.wall()))
            case StoreFull():
                return lambda at_work: self._make_room(at_work, modem)
        return None

    def read_all(self, modem: GsmModem, name: str, delete_sent: bool = False) -> int:
        """The safety read: everything in the store, since news of messages get lost; how many were there.

        delete_sent: messages that were sent from the card (status 3) are deleted, to free its memory.
        """
        found = modem.list_sms()
        for stored in found:
            if stored.status == 3 and delete_sent and stored.index is not None:
                modem.delete_sms(stored.index)
            self._keep_and_delete(modem, name, stored)
        self._give_up(sim_of(modem, name), name)
        return len(found)

    def late_reference(self, seq: int, sim: str, reference: int) -> None:
        """A message whose outcome was unknown was taken after all; from any thread."""
        self._reports.late_reference(seq, sim, reference)

    def take(self, part: NewPart) -> None:
        """Keep one PDU. Reports go to the ledger, everything else to the inbox. Raises StorageFailed.

        What lies in a modem's store is durable when this returns, so that it may be deleted there.
        """
        try:
            message = decode(part.pdu)
        except PduError as error:
            log.warning("modem %s handed over what is no message: %s", part.modem, error)
            self._keep_unread(part)
            return
        if isinstance(message, StatusReport):
            tail = message.address.number.lstrip("+")[-TAIL:]
            status, outcome = message.status, message.outcome
            written = self._reports.match(
                part.sim, message.message_reference, tail, status, outcome, part.arrived, part.modem
            )
            if part.place is not None:
                written.wait()
        elif isinstance(message, Deliver):
            self._put(part, message)

    # In the modem's thread.

    def _fetch(self, modem: GsmModem | None, name: str, store: str | None, index: int | None) -> None:
        if modem is None:
            return  # it lies in the store; the safety read at the next start finds it
        if index is None:
            self.read_all(modem, name)
            return
        stored = modem.read_sms(index, store)
        if stored is not None:
            found = Stored(index, stored.status, stored.length, stored.pdu)
            self._keep_and_delete(modem, name, found, store)

    def _keep_and_delete(self, modem: GsmModem, name: str, stored: Stored, store: str | None = None) -> None:
        if stored.index is None or stored.pdu is None or stored.status in (2, 3):
            return  # what a person left unsent on the card, or sent from it, is not ours
        sim = sim_of(modem, name)
        # Places of another store have the same numbers; below zero they are told apart.
        place = -1 - stored.index if modem.lies_elsewhere(store) else stored.index
        self.take(NewPart(sim, name, place, stored.pdu, self._clock.wall()))
        try:
            modem.delete_sms(stored.index, store)
        except AtError as error:
            log.warning("modem %s did not delete a message that was read: %s", name, error)
            return
        self._store.part_deleted(sim, place)

    def _make_room(self, modem: GsmModem | None, name: str) -> None:
        self._announce(
            Alarm(
                "store_full",
                name,
                f"the message store of {name} is full: nothing more arrives until it is read",
            )
        )
        if modem is not None:
            self.read_all(modem, name)

    # Joining

    def _put(self, part: NewPart, message: Deliver) -> None:
        with self._shelf(part.sim) as shelf:
            number = self._store.keep_part(part)
            if number is None:
                return
            known = shelf.row_of(message)
            if known is not None:
                self._store.keep_repeat(number, known)
                return
            for joined in shelf.put(message, self._clock.steady(), number):
                self._keep_joined(part, joined)

    def _give_up(self, sim: str, name: str) -> None:
        """Messages whose other parts never came are shown as far as they go."""
        with self._shelf(sim) as shelf:
            for joined in shelf.give_up(self._clock.steady()):
                self._keep_joined(NewPart(sim, name, None, "", self._clock.wall()), joined)

    def _keep_joined(self, part: NewPart, joined: Joined) -> None:
        kept = self._store.keep_message(_read(part, joined), joined.rows)
        self._announce(SmsArrived(part.modem, part.sim, kept.id))
        self._told(kept)

    def _keep_unread(self, part: NewPart) -> None:
        with self._shelf(part.sim):
            number = self._store.keep_part(part)
            if number is not None:
                self._show_unread(part, number)

    def _show_unread(self, part: NewPart, number: int) -> None:
        message = NewMessage(part.sim, part.modem, "", "", None, part.arrived, raw=part.pdu)
        kept = self._store.keep_message(message, [number])
        self._announce(SmsArrived(part.modem, part.sim, kept.id))

    @contextmanager
    def _shelf(self, sim: str) -> Iterator[Shelf]:
        """Where a SIM's parts wait; after a restart, or a failure of the store, with what is durable."""
        with self._lock:
            bench = self._benches.setdefault(sim, _Bench())
        with bench.lock:
            try:
                if bench.shelf is None:
                    bench.shelf = self._laid_out(sim)
                yield bench.shelf
            except BaseException:
                bench.shelf = None
                raise

    def _laid_out(self, sim: str) -> Shelf:
        shelf, shown = Shelf(), set[int]()
        now, steady = self._clock.wall(), self._clock.steady()
        for number, part, whole in self._store.recent_parts(sim, now - PATIENCE):
            if whole:
                shown.add(number)
            try:
                message = decode(part.pdu)
            except PduError:
                if not whole:
                    self._show_unread(part, number)
                continue
            if not isinstance(message, Deliver):
                continue
            known = shelf.row_of(message)
            if known is not None and not whole:
                self._store.keep_repeat(number, known)
                continue
            for joined in shelf.put(message, steady - max(now - part.arrived, 0.0), number):
                if not shown.issuperset(joined.rows):
                    # The parts were kept, and the process or the store failed before the message was.
                    self._keep_joined(part, joined)
        return shelf


class _Bench:
    """One SIM's shelf, None until it is laid out, and whose turn it is."""

    def __init__(self) -> None:
        self.shelf: Shelf | None = None
        self.lock = threading.Lock()


def sim_of(modem: GsmModem, name: str) -> str:
    """The card's ICCID; a modem's own name stands in where the card does not tell."""
    return card_of(modem.identity.iccid if modem.identity is not None else None, name)


def _read(part: NewPart, joined: Joined) -> NewMessage:
    first = joined.first
    understood = not joined.missing and not any(one.problems or one.text is None for one in joined.parts)
    return NewMessage(
        sim=part.sim,
        modem=part.modem,
        sender=first.address.number,
        text=joined.text or "",
        sent=first.scts.timestamp() if first.scts is not None else None,
        arrived=part.arrived,
        parts=len(joined.parts),
        missing=joined.missing,
        raw="" if understood else "\n".join(one.raw for one in joined.parts),
    )
