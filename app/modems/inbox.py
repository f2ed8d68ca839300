"""Reads what came in out of a modem: persisted first, deleted by its index then, joined, told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.core.clock import Clock
from app.core.events import Alarm, Announce, SmsArrived
from app.core.inbox import InboxMessage, InboxStore, NewMessage, NewPart, ReportStore
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

    def errand(self, event: Event, modem: str, sim: str) -> Errand | None:
        """What is to be done about an event, with the modem or, when that is lost, without; None: nothing."""
        match event:
            case MessageArrived(store, index) | ReportStored(store, index):
                return lambda at_work: self._fetch(at_work, modem, store, index)
            case DirectMessage(pdu) | ReportArrived(pdu):
                return lambda at_work: self.take(NewPart(sim, modem, None, pdu, self._clock.wall()))
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
        """Keep one PDU. Reports go to the ledger, everything else to the inbox. Raises StorageFailed."""
        try:
            message = decode(part.pdu)
        except PduError as error:
            log.warning("modem %s handed over what is no message: %s", part.modem, error)
            self._keep_unread(part)
            return
        if isinstance(message, StatusReport):
            tail = message.address.number[-TAIL:]
            status, outcome = message.status, message.outcome
            self._reports.match(
                part.sim, message.message_reference, tail, status, outcome, part.arrived, part.modem
            )
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
            self._keep_and_delete(modem, name, Stored(index, stored.status, stored.length, stored.pdu))

    def _keep_and_delete(self, modem: GsmModem, name: str, stored: Stored) -> None:
        if stored.index is None or stored.pdu is None or stored.status in (2, 3):
            return  # what a person left unsent on the card, or sent from it, is not ours
        sim = sim_of(modem, name)
        self.take(NewPart(sim, name, stored.index, stored.pdu, self._clock.wall()))
        try:
            modem.delete_sms(stored.index)
        except AtError as error:
            log.warning("modem %s did not delete a message that was read: %s", name, error)
            return
        self._store.part_deleted(sim, stored.index)

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
        bench = self._bench(part.sim)
        with bench.lock:
            number = self._store.keep_part(part)
            if number is None:
                return
            bench.numbers[id(message)] = number
            bench.held[number] = message
            for joined in bench.shelf.put(message, self._clock.steady()):
                self._keep_joined(bench, part, joined)

    def _give_up(self, sim: str, name: str) -> None:
        """Messages whose other parts never came are shown as far as they go."""
        bench = self._bench(sim)
        with bench.lock:
            for joined in bench.shelf.give_up(self._clock.steady()):
                part = NewPart(sim, name, None, "", self._clock.wall())
                self._keep_joined(bench, part, joined)

    def _keep_joined(self, bench: _Bench, part: NewPart, joined: Joined) -> None:
        numbers = bench.forget(joined)
        kept = self._store.keep_message(_read(part, joined), numbers)
        self._announce(SmsArrived(part.modem, part.sim, kept.id))
        self._told(kept)

    def _keep_unread(self, part: NewPart) -> None:
        number = self._store.keep_part(part)
        if number is None:
            return
        message = NewMessage(part.sim, part.modem, "", "", None, part.arrived, raw=part.pdu)
        kept = self._store.keep_message(message, [number])
        self._announce(SmsArrived(part.modem, part.sim, kept.id))

    def _bench(self, sim: str) -> _Bench:
        """Where a SIM's parts wait; after a restart with what waited before."""
        with self._lock:
            bench = self._benches.get(sim)
            if bench is None:
                bench = self._benches[sim] = _Bench()
                self._lay_out_again(bench, sim)
            return bench

    def _lay_out_again(self, bench: _Bench, sim: str) -> None:
        now, steady = self._clock.wall(), self._clock.steady()
        for number, part, whole in self._store.recent_parts(sim, now - PATIENCE):
            try:
                message = decode(part.pdu)
            except PduError:
                continue
            if not isinstance(message, Deliver):
                continue
            bench.numbers[id(message)] = number
            bench.held[number] = message
            for joined in bench.shelf.put(message, steady - max(now - part.arrived, 0.0)):
                if whole:
                    bench.forget(joined)
                else:  # the last process kept the parts and died before the message
                    self._keep_joined(bench, part, joined)


class _Bench:
    """One SIM's shelf, and which row each waiting part has."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.lock = threading.Lock()
        self.numbers: dict[int, int] = {}  # by the part's identity: equal parts are different rows
        self.held: dict[int, Deliver] = {}

    def forget(self, joined: Joined) -> list[int]:
        """The rows of the parts of a message that left the shelf."""
        numbers = [self.numbers.pop(id(part)) for part in joined.parts if id(part) in self.numbers]
        for number in numbers:
            self.held.pop(number, None)
        return numbers


def sim_of(modem: GsmModem, name: str) -> str:
    """The card's ICCID; a modem's own name stands in where the card does not tell."""
    identity = modem.identity
    return identity.iccid if identity is not None and identity.iccid else f"modem:{name}"


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
