"""One modem at work: its thread brings it up, sends what its queue holds, and hands on what it cannot."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from itertools import chain
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import GatewayError, NoDevice, NotSent, PortGone, StorageFailed, UnknownOutcome
from app.core.events import Announce, ModemState
from app.core.ports import Job
from app.core.quota import Quota
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.queue import Errand, JobQueue
from app.modems.search import Ports, namesakes
from app.modems.sending import Pace, References, encode, send
from app.modems.spec import ModemSpec
from app.modems.standing import Standing
from hw.errors import AtTimeout, DeviceMissing, HwError, PinRefused, PortLost
from hw.gsm.events import Event as ModemEvent
from hw.gsm.events import ModemRestarted, RegistrationChanged
from hw.gsm.events import PortGone as PortGoneEvent
from hw.gsm.modem import GsmModem
from hw.gsm.start import Identity

log = logging.getLogger(__name__)

POLL = 10.0  # seconds between looks at signal and registration while idle
BUSY_POLL = 60.0  # and at the most while messages flow
STALLED = 600.0  # an SMS of many parts on a slow network stays well below
STUCK = 10.0  # seconds in one send after which what waits behind it goes elsewhere
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
MISSING = 1.0  # seconds between looks for a port that is not there: a look costs nothing


class Memory(References, Protocol):
    """What must be remembered of a modem over restarts."""

    def sent_since(self, modem: str, since: float) -> int: ...

    def pin_was_refused(self, iccid: str, pin: str) -> bool: ...

    def remember_refused_pin(self, iccid: str, pin: str) -> None: ...


class WrongModem(HwError):
    """The modem that answers at a port is not the one that is looked for."""


class ModemWorker:
    """Owns one modem of the settings. Other threads submit, ask for the lane, and stop it."""

    def __init__(
        self, spec: ModemSpec, ports: Ports, memory: Memory, clock: Clock, announce: Announce
    ) -> None:
        self.spec = spec
        self.standing = Standing()
        self._ports = ports
        self._memory = memory
        self._clock = clock
        self._announce = announce
        self._queue = JobQueue()
        self._pace = Pace()
        self._quota = self._new_quota()
        self._quota_opens = 0.0  # steady time at which one more message may go
        self._busy_since: float | None = None
        self._imei = spec.modem.imei
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
        self.spec = spec
        if limits_changed:
            self._quota = self._new_quota()

    def lane(self) -> Lane | None:
        """This modem as a way to send, or None while it may carry nothing."""
        if self.standing.state != how.READY or not self.spec.carries_messages:
            return None
        closed = self._quota_opens - self._clock.steady()
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

    def expel(self, others: bool) -> None:
        """End what waited too long; while stuck in one send, give the rest away if there are others."""
        for job in self._queue.take_overdue():
            job.expire()
        since = self._busy_since
        if others and since is not None and self._clock.steady() - since > STUCK:
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
            except Exception:
                log.exception("the thread of modem %s met an unforeseen error", self.spec.name)
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
        missing: HwError | None = None
        port = self.spec.modem.port
        for candidate in chain([port], namesakes(port) if self._imei else ()):
            with self._ports.taken(candidate) as free:
                if not free:
                    continue
                try:
                    self._live_at(candidate)
                    return
                except (DeviceMissing, WrongModem) as error:
                    missing = missing or error
                except HwError:
                    if candidate == port:
                        raise
        if isinstance(missing, WrongModem) and not self.spec.modem.imei:
            # Nothing in the settings insists on the old modem: the next life takes the new one.
            self._imei = ""
        raise missing or DeviceMissing(f"the port {port} is in use by another modem")

    def _live_at(self, port: str) -> None:
        modem = GsmModem.open(port, line=self.spec.line, name=self.spec.name, on_event=self._hear)
        self._lost = None
        try:
            self._set(how.CONNECTING, f"being brought up at {port}")
            identity = self._bring_up(modem)
            if self._imei and identity.imei and identity.imei != self._imei:
                raise WrongModem(f"the modem at {port} has another IMEI than {self.spec.name}")
            self._imei = identity.imei or self._imei
            self.standing.identity, self.standing.port = identity, port
            self._serve(modem)
        finally:
            modem.close()

    def _bring_up(self, modem: GsmModem) -> Identity:
        self._restarted = False
        pin = self.spec.modem.sim_pin
        try:
            return modem.start(pin or None, lambda iccid: self._memory.pin_was_refused(iccid or "", pin))
        except PinRefused as error:
            self._memory.remember_refused_pin(error.iccid or "", pin)
            raise

    def _serve(self, modem: GsmModem) -> None:
        self._look(modem)
        self._queue.open()
        while not self._stopping.is_set():
            now = self._ticked = self._clock.steady()
            if now >= self._look_at:
                self._look(modem)
            self._quota_opens = now + self._quota.wait(now, self._today())
            held = max(self._quota_opens - now, 0.0)
            may_send = self.standing.state == how.READY and not held
            work = self._queue.take(min(held or POLL, max(self._look_at - now, 0.0)), may_send)
            if self._lost is not None or self._restarted:
                self._give_back(work)
                if self._lost is not None:
                    raise self._lost
                log.warning("modem %s has restarted and is brought up again", self.spec.name)
                self._bring_up(modem)
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
        try:
            pdus = encode(job.message, self.spec, self._memory, self._clock)
            job.begin()
            sent = send(modem, job, pdus, self.spec, more=len(self._queue) > 0)
        except UnknownOutcome as error:
            self._count(unknown=1)
            job.unknown(error)
            self._mend(modem, error)
        except (NotSent, StorageFailed) as error:
            self.standing.failed += 1
            job.refused(error if isinstance(error, NotSent) else NotSent(str(error), reason=error.reason))
            self._mend(modem, error)
        else:
            now = self._clock.steady()
            self._count(sent=1)
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

    def _count(self, sent: int = 0, unknown: int = 0) -> None:
        self.standing.sent += sent
        self.standing.unknown += unknown
        self._quota.count(self._clock.steady(), self._today())

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

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock.wall()).date().isoformat()

    def _new_quota(self) -> Quota:
        spec = self.spec
        sent = 0
        if spec.per_day:
            now = datetime.fromtimestamp(self._clock.wall())
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            sent = self._memory.sent_since(spec.id, midnight.timestamp())
        return Quota(spec.per_minute, spec.per_day, self._today(), sent)
