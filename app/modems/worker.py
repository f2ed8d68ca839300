"""One modem at work: its thread brings it up, lets it serve, and climbs the recovery ladder when it fails."""

from __future__ import annotations

import logging
import math
import threading
from contextlib import suppress
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import NoDevice, NotSent, PortGone
from app.core.events import Alarm, Announce, ModemState, RungClimbed, SimChanged
from app.core.faults import described, survived
from app.core.inbox import SimMemory
from app.core.ports import Job
from app.core.pulse import Pulse
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.allowance import Allowance, DayCount
from app.modems.finding import Finder, PinMemory, WrongModem
from app.modems.inbox import Inbox
from app.modems.ladder import Ladder, Patience, Rung
from app.modems.power import NoPower, Power
from app.modems.queue import Errand, JobQueue
from app.modems.search import Ports
from app.modems.sending import References
from app.modems.serving import NoNetwork, Serving
from app.modems.spec import ModemSpec
from app.modems.standing import Standing
from hw.errors import AtTimeout, DeviceMissing, HwError, PortBusy, PortLost, SimProblem
from hw.gsm.modem import GsmModem
from hw.gsm.start import Identity

log = logging.getLogger(__name__)

STALLED = 600.0  # an SMS of many parts on a slow network stays well below
SLICE = 60.0  # a parked modem's thread shows now and then that it is there
BACK_OFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Memory(References, DayCount, PinMemory, SimMemory, Protocol):
    """What must be remembered of a modem over restarts."""


class OutOfStep(HwError):
    """The first rung did not help: this life is over."""


class ModemWorker:
    """Owns one modem of the settings. Other threads submit, ask for the lane, and stop it."""

    def __init__(
        self,
        spec: ModemSpec,
        ports: Ports,
        memory: Memory,
        clock: Clock,
        announce: Announce,
        *,
        inbox: Inbox | None = None,
        power: Power | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.spec = spec
        self.standing = Standing()
        self.ladder = Ladder(self._usable)
        self.standing.rungs = self.ladder.counts
        self._memory = memory
        self._clock = clock
        self._announce = announce
        self._power = power or NoPower()
        self._patience = patience or Patience()
        self._queue = JobQueue()
        self._allowance = Allowance(spec, memory, clock)
        self._finder = Finder(spec, ports, memory, self._patience)
        self._stopping = threading.Event()
        self._pulse = Pulse(clock, STALLED)
        self._serving = Serving(
            spec,
            self.standing,
            self._queue,
            self._allowance,
            memory,
            inbox,
            clock,
            self._patience,
            self._set,
            self._pulse.beat,
            self._stopping,
        )
        self._acted = True  # whether what the present rung asks for was done
        self._missing_since: float | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"modem-{spec.name}", daemon=True)

    # For other threads.

    def stalled(self) -> str:
        """Why its thread is no longer at work, "" while it is: no exchange takes STALLED seconds."""
        return self._pulse.stalled(self._thread)

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
        self.spec = self._finder.spec = self._serving.spec = spec
        if limits_changed:
            self._allowance.apply(spec)

    def lane(self, stuck_after: float) -> Lane | None:
        """This modem as a way to send, or None while it may carry nothing more."""
        if not self._open():
            return None
        ahead = len(self._queue) + (self._serving.busy_since is not None)
        limited = self._allowance.wait(ahead)
        if limited == math.inf:
            return None
        return Lane(
            modem=self.spec.id,
            name=self.spec.name,
            prefixes=self.spec.modem.recipient_prefix,
            default=self.spec.modem.default_modem,
            wait=max(limited, self._allowance.wait() + self._serving.pace.wait(ahead)),
            queued=ahead,
            stuck=self._held_up(stuck_after),
        )

    def _open(self) -> bool:
        return self.standing.state == how.READY and self.spec.carries_messages

    def _held_up(self, stuck_after: float) -> bool:
        """Whether what it has in hand, or a limit, keeps it from the next message for long."""
        since = self._serving.busy_since
        busy = 0.0 if since is None else self._clock.steady() - since
        return max(busy, self._allowance.wait()) > stuck_after

    def submit(self, job: Job) -> None:
        """Raises NotSent when the modem can take nothing, QueueFull when it has too much."""
        if not self._queue.put(job):
            raise NotSent(f"{self.spec.name}: {self.standing.why or 'not ready'}")

    def errand(self, errand: Errand) -> None:
        """Have the modem's thread do something with its modem soon. Raises NoDevice."""
        if not self._queue.put_errand(errand):
            raise NoDevice(f"{self.spec.name}: {self.standing.why or 'not ready'}")

    def seen_at(self, port: str) -> None:
        """The inspector found this modem's IMEI at a port."""
        self._finder.seen_at = port

    @property
    def imei(self) -> str:
        """Of the modem, as far as it is known."""
        return self._finder.imei

    @property
    def queued(self) -> int:
        return len(self._queue)

    def end_overdue(self) -> None:
        """End what waited until nobody wants it any longer."""
        for job in self._queue.take_overdue():
            with survived(log, "a message that waited too long"):
                job.expire()

    def give_away(self, stuck_after: float) -> None:
        """While it cannot send, or not for longer than this, what waits goes to modems that take it."""
        if not self._open() or self._held_up(stuck_after):
            self._return(self._queue.offer())

    # The modem's own thread from here on.

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._pulse.beat()
            pause = BACK_OFF[-1]
            with survived(log, f"bringing modem {self.spec.name} back"):
                pause = self._one_try()
            if self._stopping.is_set():
                break
            again = self._clock.steady() + pause
            self._hand_over()
            while (left := again - self._clock.steady()) > 0 and not self._stopping.wait(min(left, SLICE)):
                self._pulse.beat()
        self._set(how.OFF, "switched off")
        self._hand_over()

    def _one_try(self) -> float:
        """One life of the modem, and what follows from its end; seconds until the next."""
        began = self._clock.steady()
        try:
            self._one_life()
        except (DeviceMissing, PortLost, WrongModem) as error:
            self._set(how.GONE, str(error))
            return self._look_for_it()
        except (SimProblem, PortBusy) as error:  # a person's to mend: nothing on the ladder helps
            self._set(how.TROUBLE, str(error))
            self._failures = 1 if self._clock.steady() - began > self._patience.settle else self._failures + 1
            return BACK_OFF[min(self._failures, len(BACK_OFF)) - 1]
        except HwError as error:
            self._set(how.TROUBLE, str(error))
            return self._climb(Rung.RADIO if isinstance(error, NoNetwork) else Rung.REOPEN)
        except Exception as error:
            log.error("modem %s met an unforeseen %s", self.spec.name, described(error))
            self._set(how.TROUBLE, "an unforeseen error; see the log")
            return self._climb(Rung.REOPEN)
        return 0.0

    def _hand_over(self) -> None:
        jobs, errands = self._queue.close()
        self._return(jobs)
        for errand in errands:
            with survived(log, f"an errand to modem {self.spec.name}"):
                errand(None)

    def _return(self, jobs: list[Job]) -> None:
        why = f"{self.spec.name}: {self.standing.why or 'not ready'}"
        for job in jobs:
            with survived(log, "a message whose modem is away"):
                job.returned(PortGone(why) if self.standing.state == how.GONE else NotSent(why))

    def _one_life(self) -> None:
        """Find the modem, bring it up, serve it until it is lost or stopped."""
        self._serving.begin()
        with self._finder.found(self._serving.hear, self._connecting, self._prepared) as (modem, port):
            self._missing_since = None
            self.standing.identity, self.standing.port = modem.identity, port
            if self.ladder.rung is not None:
                self._announce(RungClimbed(self.spec.id, self.ladder.rung, True))
            self._power.socket(port)  # remembered for when the port is gone
            self._note_sim(modem.identity)
            self._serving.serve(modem, self)

    def _connecting(self, port: str) -> None:
        self._serving.begin()
        self._set(how.CONNECTING, f"being brought up at {port}")

    def _note_sim(self, identity: Identity | None) -> None:
        """A known modem with another SIM card: its own record begins, and somebody should know."""
        if identity is None or not identity.iccid:
            return
        before = self._memory.sim_of(identity.imei) if identity.imei else identity.iccid
        if identity.imei and before != identity.iccid:
            self._memory.remember_sim(identity.imei, identity.iccid, self._clock.wall())
        self._allowance.insert(self.spec, identity.iccid)
        if before is not None and before != identity.iccid:
            log.warning("modem %s has another SIM card than before", self.spec.name)
            self._announce(SimChanged(self.spec.id, identity.iccid[-4:], before[-4:]))

    # Recovering, as the one who serves sees it.

    def resync(self, modem: GsmModem) -> None:
        self.ladder.resync()
        self._announce(RungClimbed(self.spec.id, Rung.RESYNC))
        try:
            modem.resync()
        except AtTimeout as error:
            self._announce(RungClimbed(self.spec.id, Rung.RESYNC, False))
            raise OutOfStep(str(error)) from error
        self._announce(RungClimbed(self.spec.id, Rung.RESYNC, True))

    def went_well(self) -> None:
        self.ladder.step_down()
        self._failures = 0

    def bring_up(self, modem: GsmModem) -> None:
        self.standing.identity = self._finder.bring_up(modem)
        self._note_sim(self.standing.identity)

    # The ladder

    def _usable(self, rung: Rung) -> bool:
        if rung not in (Rung.USB, Rung.HUB):
            return True
        socket = self._power.socket(self.standing.port)
        return socket is not None and (rung is Rung.USB or self._power.can_cut(socket))

    def _climb(self, least: Rung) -> float:
        """The next rung: what can be done without the modem is done here; seconds until the next life."""
        self._missing_since = None
        rung = self.ladder.climb(least)
        self._acted = False
        log.warning("modem %s: %s", self.spec.name, rung)
        self._announce(RungClimbed(self.spec.id, rung))
        if rung is Rung.PARK:
            minutes = self._patience.park / 60
            why = f"nothing helped {self.spec.name}; it is tried again every {minutes:.0f} minutes"
            self._set(how.PARKED, f"{why}: look at its plug, its antenna and its SIM card")
            self._announce(Alarm("parked", self.spec.id, self.standing.why))
        elif rung in (Rung.USB, Rung.HUB):
            self._acted = True
            socket = self._power.socket(self.standing.port)
            if socket is not None:
                done = self._power.reauthorise(socket) if rung is Rung.USB else self._power.cut(socket)
                if not done:
                    self._announce(RungClimbed(self.spec.id, rung, False))
        return self.ladder.pause(self._patience)

    def _look_for_it(self) -> float:
        """The port is gone; after long, a hub that can switch its ports may bring it back."""
        now = self._clock.steady()
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since < self._patience.find:
            return self._patience.missing
        on_ladder = self.ladder.rung in (Rung.RESET, Rung.USB)
        if self._usable(Rung.HUB) and (on_ladder or self.ladder.rung is None):
            return self._climb(Rung.HUB)
        if self.ladder.rung is Rung.HUB and now - self._missing_since > self._patience.park:
            self.ladder.step_down()
        return self._patience.missing

    def _prepared(self, modem: GsmModem) -> Identity:
        """Make an opened modem ready, as the present rung has it."""
        rung, acted = self.ladder.rung, self._acted
        self._acted = True
        known = self.standing.identity
        if rung is Rung.REOPEN and known is not None and known.imei and not acted:
            return modem.take_up(known)
        if rung in (Rung.RADIO, Rung.RESET) and not acted:
            modem.resync()
            if rung is Rung.RADIO:
                modem.reset("radio")
            else:
                with suppress(AtTimeout):  # some are gone before they say OK
                    modem.reset("modem")
                raise PortLost(f"{self.spec.name} is being reset")
        return self._finder.bring_up(modem)

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
