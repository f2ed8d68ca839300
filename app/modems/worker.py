"""One modem at work: its thread brings it up, sends what its queue holds, and hands on what it cannot."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import GatewayError, NoDevice, NotSent, PortGone, StorageFailed, UnknownOutcome
from app.core.events import Announce, ModemState
from app.core.faults import described
from app.core.ports import Job
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.allowance import Allowance, DayCount
from app.modems.finding import Finder, PinMemory
from app.modems.queue import Errand, JobQueue
from app.modems.search import Ports
from app.modems.sending import Pace, References, encode, send
from app.modems.spec import ModemSpec
from app.modems.standing import Standing
from hw.errors import AtTimeout, DeviceMissing, HwError, PortLost
from hw.gsm.events import Event as ModemEvent
from hw.gsm.events import ModemRestarted, RegistrationChanged
from hw.gsm.events import PortGone as PortGoneEvent
from hw.gsm.modem import GsmModem

log = logging.getLogger(__name__)

POLL = 10.0  # seconds between looks at signal and registration while idle
BUSY_POLL = 60.0  # and at the most while messages flow
STALLED = 600.0  # an SMS of many parts on a slow network stays well below
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
MISSING = 1.0  # seconds between looks for a port that is not there: a look costs nothing


class Memory(References, DayCount, PinMemory, Protocol):
    """What must be remembered of a modem over restarts."""


class ModemWorker:
    """Owns one modem of the settings. Other threads submit, ask for the lane, and stop it."""

    def __init__(
        self, spec: ModemSpec, ports: Ports, memory: Memory, clock: Clock, announce: Announce
    ) -> None:
        self.spec = spec
        self.standing = Standing()
        self._references = memory
        self._clock = clock
        self._announce = announce
        self._queue = JobQueue()
        self._pace = Pace()
        self._allowance = Allowance(spec, memory, clock)
        self._finder = Finder(spec, ports, memory)
        self._busy_since: float | None = None
        self._lost: PortLost | None = None
        self._restarted = False
        self._looked = 0.0  # steady time of the last look, and when the next is due
        self._look_at = 0.0
        self._ticked = clock.steady()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"modem-{spec.name}", daemon=True)

    # For other threads.

    def stalled(self) -> str:
        """Why its thread is no longer at work, "" while it is: no exchange takes STALLED seconds."""
        idle = self._clock.steady() - self._ticked
        if not self._thread.is_alive():
            return f"the thread of {self.spec.name} has ended"
        return f"the thread of {self.spec.name} has not moved for {idle:.0f} s" if idle > STALLED else ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; what waits is handed to other modems."""
        self._stopping.set()
        self._queue.wake()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def apply(self, spec: ModemSpec) -> None:
        """Take over settings that need no restart: prefixes, limits, what it may carry."""
        limits_changed = (spec.per_minute, spec.per_day) != (self.spec.per_minute, self.spec.per_day)
        self.spec = self._finder.spec = spec
        if limits_changed:
            self._allowance.apply(spec)

    def lane(self) -> Lane | None:
        """This modem as a way to send, or None while it may carry nothing."""
        if self.standing.state != how.READY or not self.spec.carries_messages:
            return None
        closed = self._allowance.opens - self._clock.steady()
        if closed == float("inf"):
            return None
        ahead = len(self._queue) + (self._busy_since is not None)
        return Lane(
            modem=self.spec.id,
            name=self.spec.name,
            prefixes=self.spec.modem.recipient_prefix,
            default=self.spec.modem.default_modem,
            wait=max(closed, 0.0) + self._pace.wait(ahead),
            queued=ahead,
        )

    def submit(self, job: Job) -> None:
        """Raises NotSent when the modem can take nothing, QueueFull when it has too much."""
        if not self._queue.put(job):
            raise NotSent(f"{self.spec.name}: {self.standing.why or 'not ready'}")

    def errand(self, errand: Errand) -> None:
        """Have the modem's thread do something with its modem soon. Raises NoDevice."""
        if not self._queue.put_errand(errand):
            raise NoDevice(f"{self.spec.name}: {self.standing.why or 'not ready'}")

    @property
    def queued(self) -> int:
        return len(self._queue)

    def end_overdue(self) -> None:
        """End what waited until nobody wants it any longer."""
        for job in self._queue.take_overdue():
            job.expire()

    def give_away(self, stuck_after: float) -> None:
        """While one send takes longer than this, what waits behind it goes to other modems."""
        since = self._busy_since
        if since is not None and self._clock.steady() - since > stuck_after:
            for job in self._queue.take_all():
                job.refused(NotSent(f"{self.spec.name} is held up by another message", reason="busy"))

    # The modem's own thread from here on.

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = self._ticked = self._clock.steady()
            pause = 0.0
            try:
                self._one_life()
            except (DeviceMissing, PortLost) as error:
                self._set(how.GONE, str(error))
                pause = MISSING
            except HwError as error:
                self._set(how.TROUBLE, str(error))
            except Exception as error:
                log.error("modem %s met an unforeseen %s", self.spec.name, described(error))
                self._set(how.TROUBLE, "an unforeseen error; see the log")
            self._hand_over()
            failures = 0 if self._clock.steady() - began > 60 else failures + 1
            self._stopping.wait(pause or BACK_OFF[min(failures, len(BACK_OFF)) - 1])
        self._set(how.OFF, "switched off")
        self._hand_over()

    def _hand_over(self) -> None:
        jobs, errands = self._queue.close()
        missing = self.standing.state == how.GONE
        why = f"{self.spec.name}: {self.standing.why}"
        for job in jobs:
            job.refused(PortGone(why) if missing else NotSent(why))
        for errand in errands:
            errand(None)

    def _one_life(self) -> None:
        """Find the modem, bring it up, serve it until it is lost or stopped."""
        self._lost, self._restarted = None, False
        with self._finder.found(self._hear, self._connecting) as (modem, port):
            self.standing.identity, self.standing.port = modem.identity, port
            self._look(modem)
            self._queue.open()
            self._serve(modem)

    def _connecting(self, port: str) -> None:
        self._lost, self._restarted = None, False
        self._set(how.CONNECTING, f"being brought up at {port}")

    def _serve(self, modem: GsmModem) -> None:
        while not self._stopping.is_set():
            self._ticked = self._clock.steady()
            if self._ticked >= self._look_at:
                self._look(modem)
            held = self._allowance.look()
            may_send = self.standing.state == how.READY and not held
            patience = max(self._look_at - self._clock.steady(), 0.0)
            work = self._queue.take(min(held or POLL, patience), may_send)
            if self._lost is not None or self._restarted:
                self._give_back(work)
                if self._lost is not None:
                    raise self._lost
                log.warning("modem %s has restarted and is brought up again", self.spec.name)
                self._restarted = False
                self.standing.identity = self._finder.bring_up(modem)
                self._look(modem)
            elif callable(work):
                work(modem)
            elif work is not None:
                self._send(modem, work)

    def _give_back(self, work: Job | Errand | None) -> None:
        """What was taken from the queue when the modem turned out to be away."""
        if callable(work):
            work(None)
        elif work is not None:
            work.refused(PortGone(f"{self.spec.name} is gone or has restarted; nothing was sent"))

    def _send(self, modem: GsmModem, job: Job) -> None:
        if job.overdue():
            job.expire()
            return
        began = self._clock.steady()
        self._busy_since = began
        handed_over = False
        try:
            pdus = encode(job.message, self.spec, self._references, self._clock)
            job.begin()
            handed_over = True
            sent = send(modem, job, pdus, self.spec, more=len(self._queue) > 0)
        except UnknownOutcome as error:
            self.standing.unknown += 1
            self._allowance.count()
            job.unknown(error)
            self._mend(modem, error)
        except (NotSent, StorageFailed) as error:
            self.standing.failed += 1
            job.refused(error if isinstance(error, NotSent) else NotSent(str(error), reason=error.reason))
            self._mend(modem, error)
        except Exception:
            # Whatever it was, the message has an outcome, and nobody sends it again.
            name = self.spec.name
            if handed_over:
                job.unknown(UnknownOutcome(f"{name} met an unforeseen error while it had the message"))
            else:
                job.refused(NotSent(f"{name} met an unforeseen error; nothing was sent"))
            raise
        else:
            now = self._clock.steady()
            self.standing.sent += 1
            self._allowance.count()
            self._pace.learn(now - began)
            # Polling waits while messages flow, but never for ever.
            self._look_at = max(self._look_at, min(now + POLL / 2, self._looked + BUSY_POLL))
            job.sent(sent)
        finally:
            self._busy_since = None

    def _mend(self, modem: GsmModem, error: GatewayError) -> None:
        """After a send that failed: go on, come back in step, or give this life up."""
        cause = error.__cause__
        if isinstance(cause, PortLost):
            raise cause
        if isinstance(cause, AtTimeout) or isinstance(error, UnknownOutcome):
            modem.resync()

    def _look(self, modem: GsmModem) -> None:
        """Read registration, signal and operator, and stand accordingly."""
        self._looked = self._clock.steady()
        self._look_at = self._looked + POLL
        registration = modem.registration()
        self.standing.signal = modem.signal()
        if registration.sms_capable:
            self.standing.operator = modem.operator().name or self.standing.operator
            self._set(how.READY)
        else:
            self._set(how.SEARCHING, "not registered in a network yet; check antenna and SIM card")

    def _hear(self, event: ModemEvent) -> None:
        """From the port's reading thread: only note and wake."""
        match event:
            case PortGoneEvent():
                self._lost = PortLost(event.reason)
            case ModemRestarted():
                self._restarted = True
            case RegistrationChanged():
                self._look_at = 0.0
            case _:
                return
        self._queue.wake()

    def _set(self, state: str, why: str = "") -> None:
        standing = self.standing
        if (standing.state, standing.why) == (state, why):
            return
        changed = standing.state != state
        standing.why, standing.state = why, state
        if changed:
            level = logging.INFO if state in (how.READY, how.CONNECTING, how.OFF) else logging.WARNING
            log.log(level, "modem %s is %s%s", self.spec.name, state, f": {why}" if why else "")
            self._announce(ModemState(self.spec.id, state, why))
