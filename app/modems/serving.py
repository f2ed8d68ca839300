"""A modem while it is up: it sends what waits, does errands, looks at the network, reads the inbox."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import GatewayError, NotSent, PortGone, StorageFailed, UnknownOutcome
from app.core.ports import Job
from app.modems import standing as how
from app.modems.allowance import Allowance
from app.modems.inbox import Inbox, sim_of
from app.modems.ladder import Patience
from app.modems.queue import Errand, JobQueue
from app.modems.sending import Pace, References, encode, send
from app.modems.spec import ModemSpec
from app.modems.standing import Standing
from hw.errors import AtError, AtTimeout, HwError, PortLost
from hw.gsm.events import Event as ModemEvent
from hw.gsm.events import LateReference, ModemRestarted, RegistrationChanged, SimChanged
from hw.gsm.events import PortGone as PortGoneEvent
from hw.gsm.modem import GsmModem

log = logging.getLogger(__name__)

_EARLY = 200
BUSY_POLL = 60.0  # seconds between looks at the most while messages flow


class NoNetwork(HwError):
    """The modem is up and has found no network for a long time."""


class Recovering(Protocol):
    """What the one who serves asks of the one who mends."""

    def resync(self, modem: GsmModem) -> None:
        """Get back in step, the first rung. Raises AtTimeout."""

    def went_well(self) -> None:
        """A message was sent, or the modem served for a while."""

    def bring_up(self, modem: GsmModem) -> None:
        """Start a modem that restarted by itself."""


class Serving:
    """One modem's working day. All but ``hear`` runs in the modem's own thread.

    busy_since: steady time at which the message or errand in hand was begun.
    """

    def __init__(
        self,
        spec: ModemSpec,
        standing: Standing,
        queue: JobQueue,
        allowance: Allowance,
        references: References,
        inbox: Inbox | None,
        clock: Clock,
        patience: Patience,
        set_state: Callable[..., None],
        beat: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        self.spec = spec
        self.pace = Pace()
        self.busy_since: float | None = None
        self._standing = standing
        self._queue = queue
        self._allowance = allowance
        self._references = references
        self._inbox = inbox
        self._clock = clock
        self._patience = patience
        self._set = set_state
        self._beat = beat
        self._stopping = stopping
        self._early: deque[Errand] = deque(maxlen=_EARLY)  # came while the modem was being brought up
        self._lost: PortLost | None = None
        self._restarted = False
        self._sim = ""
        self._looked = 0.0  # steady time of the last look, and when the next is due
        self._look_at = 0.0
        self._look_asked = False  # the network was lost or found: no message before a look
        self._read_at = 0.0  # when the next safety read is due
        self._searching_since: float | None = None
        self._unanswered: int | None = None  # the message whose reference may still come

    def begin(self) -> None:
        """A port is about to be opened: what was heard of the one before is over."""
        self._lost, self._restarted = None, False
        self._unanswered = None

    def hear(self, event: ModemEvent) -> None:
        """From the port's reading thread: only note and wake."""
        match event:
            case PortGoneEvent():
                self._lost = PortLost(event.reason)
            case ModemRestarted():
                self._restarted = True
            case SimChanged("REMOVED"):
                self._restarted = True  # brought up again, it says what is wrong, or shows the new card
            case RegistrationChanged():
                self._look_asked = True
            case LateReference(reference) if reference is not None and self._inbox is not None:
                seq, self._unanswered = self._unanswered, None
                if seq is not None:
                    self._inbox.late_reference(seq, self._sim, reference)
                return
            case _:
                errand = self._inbox.errand(event, self.spec.id, lambda: self._sim) if self._inbox else None
                if errand is not None and not self._queue.put_errand(errand):
                    self._early.append(errand)
                return
        self._queue.wake()

    def serve(self, modem: GsmModem, mend: Recovering) -> None:
        """Until the modem is lost (PortLost), cannot be brought back in step (AtTimeout), or is stopped."""
        self._sim = sim_of(modem, self.spec.id)
        self._searching_since = None
        self._read_inbox(modem)
        self._queue.open()  # before anybody is told that it is ready
        while self._early:
            self._queue.put_errand(self._early.popleft())
        self._look(modem)
        began = self._clock.steady()
        while not self._stopping.is_set():
            try:
                self._next(modem, mend)
            except AtTimeout:
                self._set(how.TROUBLE, "it does not answer and is being brought back in step")
                mend.resync(modem)
                self._look(modem)
            if self._clock.steady() - began > self._patience.settle and self._searching_since is None:
                mend.went_well()

    def _next(self, modem: GsmModem, mend: Recovering) -> None:
        self._beat()
        now = self._clock.steady()
        if now >= self._look_at or self._look_asked:
            self._look(modem)
        if now >= self._read_at:
            self._read_inbox(modem)
        held = self._allowance.wait()
        may_send = self._standing.state == how.READY and not held
        until = min(self._look_at, self._read_at) - self._clock.steady()
        work = self._queue.take(min(held or self._patience.poll, max(until, 0.0)), may_send)
        if self._lost is not None or self._restarted:
            self._give_back(work)
            if self._lost is not None:
                raise self._lost
            log.warning("modem %s has restarted and is brought up again", self.spec.name)
            self._restarted = False
            mend.bring_up(modem)
            self._sim = sim_of(modem, self.spec.id)
            self._look(modem)
            self._read_at = 0.0
        elif callable(work):
            self._do(modem, work)
        elif work is not None:
            self._send(modem, mend, work)

    def _do(self, modem: GsmModem, errand: Errand) -> None:
        """A refusal, or a store that takes nothing now, is no reason to give the modem up."""
        self.busy_since = self._clock.steady()
        try:
            errand(modem)
        except (PortLost, AtTimeout):
            raise
        except (HwError, GatewayError) as error:
            log.warning("modem %s: %s", self.spec.name, error)
        finally:
            self.busy_since = None

    def _give_back(self, work: Job | Errand | None) -> None:
        """What was taken from the queue when the modem turned out to be away."""
        if callable(work):
            work(None)
        elif work is not None:
            work.returned(PortGone(f"{self.spec.name} is gone or has restarted; nothing was sent"))

    def _send(self, modem: GsmModem, mend: Recovering, job: Job) -> None:
        if job.overdue():
            job.expire()
            return
        began = self._clock.steady()
        self.busy_since = began
        handed_over = False
        try:
            pdus = encode(job.message, self.spec, self._references, self._clock)
            job.begin()
            handed_over = True
            self._unanswered = job.message.seq if len(pdus) == 1 else None
            sent = send(modem, job, pdus, self.spec, more=len(self._queue) > 0)
        except UnknownOutcome as error:
            error.parts = len(pdus)
            self._standing.unknown += 1
            self._allowance.count()
            job.unknown(error)
            self._mend(modem, mend, error)
        except (NotSent, StorageFailed) as error:
            self._unanswered = None
            self._standing.failed += 1
            job.refused(error if isinstance(error, NotSent) else NotSent(str(error), reason=error.reason))
            self._mend(modem, mend, error)
        except Exception:
            # Whatever it was, the message has an outcome, and nobody sends it again.
            name = self.spec.name
            if handed_over:
                job.unknown(UnknownOutcome(f"{name} met an unforeseen error while it had the message"))
            else:
                job.refused(NotSent(f"{name} met an unforeseen error; nothing was sent"))
            raise
        else:
            self._unanswered = None
            now = self._clock.steady()
            self._standing.sent += 1
            self._allowance.count()
            self.pace.learn(now - began)
            # Polling waits while messages flow, but never for ever.
            poll = self._patience.poll
            self._look_at = max(self._look_at, min(now + poll / 2, self._looked + max(BUSY_POLL, poll)))
            job.sent(sent)
            mend.went_well()
        finally:
            self.busy_since = None

    def _mend(self, modem: GsmModem, mend: Recovering, error: GatewayError) -> None:
        """After a send that failed: go on, come back in step, or give this life up."""
        cause = error.__cause__
        if isinstance(cause, PortLost):
            raise cause
        silent = isinstance(error, UnknownOutcome) and not isinstance(cause, AtError)
        if isinstance(cause, AtTimeout) or silent:
            mend.resync(modem)

    def _look(self, modem: GsmModem) -> None:
        """Read registration, signal and operator, and stand accordingly. Raises NoNetwork after long."""
        self._look_asked = False
        self._looked = self._clock.steady()
        self._look_at = self._looked + self._patience.poll
        registered = False
        try:
            registered = modem.registration().sms_capable
            self._standing.signal = modem.signal()
            if registered:
                self._standing.operator = modem.operator().name or self._standing.operator
        except AtError as error:  # a question it refuses now says nothing about its port
            log.debug("modem %s: %s", self.spec.name, error)
        if registered:
            self._searching_since = None
            self._set(how.READY)
            return
        self._set(how.SEARCHING, "not registered in a network yet; check antenna and SIM card")
        if self._searching_since is None:
            self._searching_since = self._looked
        if self._looked - self._searching_since >= self._patience.search:
            raise NoNetwork(f"{self.spec.name} has found no network for {self._patience.search:.0f} s")

    def _read_inbox(self, modem: GsmModem) -> None:
        """At the start and every few minutes, because news of messages get lost."""
        self._read_at = self._clock.steady() + self._patience.safety
        if self._inbox is None:
            return
        try:
            self._inbox.read_all(modem, self.spec.id, self.spec.modem.delete_sent_sms)
        except (PortLost, AtTimeout):
            raise
        except (HwError, GatewayError) as error:
            log.warning("the inbox of modem %s could not be read: %s", self.spec.name, error)
