"""Carries one message: candidates in order, fail-over while it is known not to be sent, one outcome."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.core.clock import Clock
from app.core.errors import (
    Duplicated,
    Expired,
    GatewayError,
    NoDevice,
    NotSent,
    StorageFailed,
    TooLate,
    UnknownOutcome,
)
from app.core.events import Announce, MessageAccepted, MessageDone, MessageSending, MessageTimed
from app.core.faults import described, survived
from app.core.message import Message, Outcome, Sent, State, Try
from app.core.ports import Commit, Fleet, Ledger, Mail
from app.core.receiver import is_mail_address, masked
from app.core.replies import SUCCESS
from app.core.routing import Lane, Router

log = logging.getLogger(__name__)

Done = Callable[[Outcome], None]

# How long a caller is kept waiting for a modem that is just being brought up, as after a restart.
PATIENCE = 15.0
# How many of those who wait for a modem are looked at in one go, so that thousands leave time for others.
AT_ONCE = 500


class Delivery:
    """Sends messages over the fleet (or by mail) and records how each one ended."""

    def __init__(
        self, ledger: Ledger, fleet: Fleet, mail: Mail, router: Router, clock: Clock, announce: Announce
    ) -> None:
        self.ledger = ledger
        self.fleet = fleet
        self.mail = mail
        self.router = router
        self.clock = clock
        self.announce = announce
        self._hoping: list[_Trip] = []
        self._lock = threading.Lock()

    def send(self, message: Message, done: Done) -> None:
        """Returns at once; ``done`` is called exactly once, when the outcome is on record.

        The message must be in the ledger already (``Ledger.accept``).
        """
        self.announce(MessageAccepted(message.seq, message.owner, masked(message.receiver)))
        _Trip(self, message, done).advance()

    def refuse(self, message: Message, why: GatewayError, done: Done) -> None:
        """Record a message that ends before any try."""
        _Trip(self, message, done).fail(why)

    def tick(self) -> None:
        """Once a fraction of a second: look again for those who wait for a modem to come up."""
        with self._lock:
            hoping, self._hoping = self._hoping[:AT_ONCE], self._hoping[AT_ONCE:]
        for trip in hoping:
            with survived(log, "a message that waits for a modem"):
                trip.advance()

    def hope(self, trip: _Trip) -> None:
        with self._lock:
            self._hoping.append(trip)


class _Trip:
    """One message between acceptance and outcome; a Job in the hands of one modem at a time."""

    def __init__(self, delivery: Delivery, message: Message, done: Done) -> None:
        self.message = message
        self._house = delivery
        self._done = done
        self._began = delivery.clock.steady()
        self._tries: tuple[Try, ...] = ()
        self._lane = ("", "")
        self._refusal: NotSent | None = None  # of the last try
        self._handed_back: NotSent | None = None  # since then, by a carrier that could not try
        self._commit: Commit | None = None
        self._handed = delivery.clock.steady()  # when a carrier got it
        self._away = 0.0  # seconds in carriers' hands, waiting in their queues included
        self._ended = False

    def advance(self) -> None:
        """Hand the message to the next carrier, or end it."""
        if self.overdue():
            self.expire()
            return
        try:
            if is_mail_address(self.message.receiver):
                self._mail()
            else:
                self._next_modem()
        except GatewayError as error:
            self.fail(error)
        except Exception as error:
            log.error("message %d met an unforeseen %s", self.message.seq, described(error))
            self.fail(NotSent("the gateway met an unforeseen error; nothing was sent: see its log"))

    def _mail(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        self._handed = self._house.clock.steady()
        self._house.mail.submit(self)

    def _next_modem(self) -> None:
        lanes = self._lanes()
        in_time = [lane for lane in lanes if lane.wait <= self._time_left()]
        if self._handed_to(in_time):
            return
        if self._refusal is not None and self._handed_back is None:
            raise self._refusal
        if lanes and not in_time:
            shortest = min(lane.wait for lane in lanes)
            raise TooLate(
                f"the queue is about {shortest:.0f} s long and the message would be too late; "
                "nothing was sent: send fewer at a time or add a modem",
                shortest,
            )
        if self._may_hope():
            self._house.hope(self)
            return
        raise self._refusal or self._handed_back or NoDevice(self._house.fleet.why_none())

    def _lanes(self) -> list[Lane]:
        tried = {attempt.modem for attempt in self._tries}
        via = self.message.via
        return [
            lane for lane in self._house.fleet.lanes() if lane.modem not in tried and via in ("", lane.modem)
        ]

    def _handed_to(self, lanes: list[Lane]) -> bool:
        """Whether one of these modems has it in its queue now."""
        for choice in self._house.router.candidates(self.message.receiver, lanes):
            lane = choice.lane
            self._lane = (lane.modem, lane.name)
            self._handed = self._house.clock.steady()
            try:
                self._house.fleet.submit(lane.modem, self)
            except NotSent as full:
                self._handed_back = full
                continue
            return True
        return False

    def _may_hope(self) -> bool:
        """Whether waiting for a modem beats saying at once that there is none."""
        if self.message.detached:
            return True
        waited = self._house.clock.steady() - self._began
        return waited < PATIENCE and self._house.fleet.starting()

    def _time_left(self) -> float:
        return min(self.message.deadline, self.message.ends) - self._house.clock.steady()

    def _note(self, refusal: NotSent) -> None:
        self._refusal, self._handed_back = refusal, None
        self._tries += (Try(self._lane[0], self._house.clock.wall(), refusal.reason),)

    # The Job a carrier sees.

    def overdue(self) -> bool:
        return self._time_left() <= 0

    def expire(self) -> None:
        if self.message.ends <= self._house.clock.steady():
            self.fail(Expired("the message expired while it waited; nothing was sent"))
        else:
            late = TooLate("no modem was free in time; nothing was sent", 0.0)
            self.fail(self._refusal or self._handed_back or late)

    def elsewhere(self) -> bool:
        self._back()
        self._handed = self._house.clock.steady()
        holder = self._lane
        others = [lane for lane in self._lanes() if not lane.stuck and lane.modem != holder[0]]
        if self._handed_to([lane for lane in others if lane.wait <= self._time_left()]):
            return True
        self._lane = holder
        return False

    def returned(self, why: NotSent) -> None:
        self._back()
        self._handed_back = why
        self.advance()

    def begin(self) -> None:
        modem, _ = self._lane
        self._commit = self._house.ledger.sending(self.message.seq, modem)
        self._house.announce(MessageSending(self.message.seq, modem, masked(self.message.receiver)))

    def confirm(self) -> None:
        if self._commit is None:
            raise StorageFailed("a message was confirmed before it began")
        self._commit.wait()

    def sent(self, sent: Sent) -> None:
        self._back()
        self._tries += (Try(sent.modem, self._house.clock.wall(), "sent"),)
        self._end(State.SENT, SUCCESS, "", "", sent)

    def refused(self, why: NotSent) -> None:
        self._back()
        self.passed(why)
        self.advance()

    def through(self, carrier: str, name: str) -> None:
        self._lane = (carrier, name)

    def passed(self, why: NotSent) -> None:
        self._note(why)
        if self._commit is not None:
            self._commit = None
            self._house.ledger.requeue(self.message.seq)

    def unknown(self, why: UnknownOutcome) -> None:
        self._back()
        modem, name = self._lane
        self._tries += (Try(modem, self._house.clock.wall(), "unknown"),)
        self._end(State.UNKNOWN, why.code, why.reason, str(why), Sent(modem, name, why.parts))

    def _back(self) -> None:
        self._away += self._house.clock.steady() - self._handed

    def fail(self, why: GatewayError) -> None:
        """It is known that nothing went out."""
        state = State.EXPIRED if isinstance(why, Expired) else State.FAILED
        # A reference that is alive is another message's, also where chance drew the same code for it.
        free = None if isinstance(why, Duplicated) else self.message.otp
        self._end(state, why.code, why.reason, str(why), None, free)

    def _end(
        self,
        state: State,
        code: str,
        reason: str,
        error: str,
        sent: Sent | None,
        free: tuple[bytes, bytes] | None = None,
    ) -> None:
        if self._ended:
            return  # a carrier met trouble after it had told the outcome, and ends it to be safe
        house = self._house
        outcome = Outcome(state, code, reason, error, sent, self._tries)
        seconds = house.clock.steady() - self._began
        modem = sent.modem if sent else ""

        def recorded() -> None:
            self._done(outcome)
            own = house.clock.steady() - self._began - self._away
            house.announce(MessageTimed(self.message.seq, max(own, 0.0)))

        house.ledger.close(self.message.seq, outcome, house.clock.wall(), recorded, free)
        self._ended = True
        house.announce(MessageDone(self.message.seq, modem, str(state), reason, seconds))
