"""All modems together: who is at work, who may carry a message, and what the settings changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.core.clock import Clock
from app.core.errors import BadRequest, NoDevice
from app.core.events import Announce
from app.core.ports import Job
from app.core.routing import Lane
from app.modems import conversation
from app.modems import standing as how
from app.modems.conversation import Done
from app.modems.dialer import Dialer
from app.modems.inbox import Inbox
from app.modems.ladder import Patience
from app.modems.power import Power
from app.modems.queue import Errand
from app.modems.search import Ports
from app.modems.spec import ModemSpec
from app.modems.standing import listing
from app.modems.worker import Memory, ModemWorker

STOP = 10.0  # seconds in which all modems together may end what they are at


class Fleet:
    """``core.ports.Fleet`` over a worker a modem.

    stuck_after: seconds that a modem may be held up before what waits for it goes elsewhere.
    dial: makes what takes the place of a worker for modems that give internet access.
    """

    def __init__(
        self,
        memory: Memory,
        clock: Clock,
        announce: Announce,
        stuck_after: float = 10.0,
        *,
        inbox: Inbox | None = None,
        power: Power | None = None,
        patience: Patience | None = None,
        dial: Callable[[ModemSpec], Dialer] | None = None,
    ) -> None:
        self.stuck_after = stuck_after
        self.ports = Ports()
        self._inbox = inbox
        self._power = power
        self._patience = patience or Patience()
        self._dial = dial
        self._memory = memory
        self._clock = clock
        self._announce = announce
        self._workers: dict[str, ModemWorker | Dialer] = {}
        self._idle: dict[str, ModemSpec] = {}
        self._resting: set[str] = set()  # active in the settings, and disconnected by somebody
        self._between: set[str] = set()  # their worker ends, and the next begins when it has
        self._lock = threading.Lock()

    def apply(self, specs: Iterable[ModemSpec]) -> None:
        """Have exactly these modems: start new ones, end old ones, restart those whose port changed."""
        wanted = {spec.id: spec for spec in specs}
        with self._lock:
            ended = []
            for modem, worker in list(self._workers.items()):
                spec = wanted.get(modem)
                ready = worker.standing.state == how.READY
                if spec is None or not spec.modem.active or worker.spec.needs_restart(spec, ready):
                    if spec is not None and spec.modem.active:
                        self._between.add(modem)
                        self._idle[modem] = spec
                    ended.append(self._workers.pop(modem))
                    worker.stop()
                else:
                    worker.apply(spec)
            self._join(ended)
            self._resting &= {spec.id for spec in wanted.values() if spec.modem.active}
            idle = {spec.id: spec for spec in wanted.values() if not spec.modem.active}
            self._idle = idle | {modem: wanted[modem] for modem in self._resting}
            for modem, spec in wanted.items():
                if modem not in self._workers and modem not in self._idle:
                    self._hire(spec)
            self._between.clear()

    def disconnect(self, modem: str) -> None:
        """Close its port and leave it alone until ``connect`` or the next start. Raises BadRequest."""
        with self._lock:
            worker = self._workers.pop(modem, None)
            if worker is None:
                raise BadRequest(f"there is no active modem {modem[:40]!r}")
            self._resting.add(modem)
            self._idle[modem] = worker.spec
            worker.stop()
            self._join([worker])

    def connect(self, modem: str) -> None:
        """Have a modem at work again that was disconnected. Raises BadRequest."""
        with self._lock:
            if modem not in self._resting:
                raise BadRequest(f"the modem {modem[:40]!r} is not disconnected")
            self._resting.discard(modem)
            self._hire(self._idle.pop(modem))

    def resting(self) -> frozenset[str]:
        """Modems that are active in the settings and were disconnected."""
        return frozenset(self._resting)

    def _hire(self, spec: ModemSpec) -> None:
        self._workers[spec.id] = self._hired(spec)
        self._workers[spec.id].start()

    def _hired(self, spec: ModemSpec) -> ModemWorker | Dialer:
        if spec.modem.internet_access and self._dial is not None:
            return self._dial(spec)
        return ModemWorker(
            spec,
            self.ports,
            self._memory,
            self._clock,
            self._announce,
            inbox=self._inbox,
            power=self._power,
            patience=self._patience,
        )

    def stop(self) -> None:
        with self._lock:
            workers = list(self._workers.values())
            self._workers.clear()
        for worker in workers:
            worker.stop()
        self._join(workers)

    def _join(self, workers: Iterable[ModemWorker | Dialer]) -> None:
        end = self._clock.steady() + STOP
        for worker in workers:
            worker.join(max(0.0, end - self._clock.steady()))

    def tick(self) -> None:
        """A few times a second: end what waited too long, and free what waits for a modem that is stuck."""
        workers = list(self._workers.values())
        for worker in workers:
            worker.end_overdue()
        if any(not lane.stuck for lane in self.lanes()):
            for worker in workers:
                worker.give_away(self.stuck_after)

    def stalled(self) -> str:
        """Which modem's thread is no longer at work, "" while all are."""
        return next((why for worker in list(self._workers.values()) if (why := worker.stalled())), "")

    # What the core asks.

    def lanes(self) -> Sequence[Lane]:
        lanes = (worker.lane(self.stuck_after) for worker in list(self._workers.values()))
        return [lane for lane in lanes if lane is not None]

    def usable(self) -> int | None:
        """How many modems may carry a message now; None when none is set up to."""
        if not any(worker.spec.carries_messages for worker in list(self._workers.values())):
            return None
        return len(self.lanes())

    def submit(self, modem: str, job: Job) -> None:
        worker = self._workers.get(modem)
        if worker is None:
            raise NoDevice(f"the modem {modem} was removed")
        worker.submit(job)

    def starting(self) -> bool:
        return bool(self._between) or any(
            worker.spec.carries_messages and worker.standing.state in (how.OFF, how.CONNECTING)
            for worker in list(self._workers.values())
        )

    def why_none(self) -> str:
        workers = list(self._workers.values())
        if not workers and self._resting:
            return "all modems were disconnected; connect one"
        if not workers:
            return "no modem is set up and active; add one"
        reasons = (
            f"{worker.spec.name}: {worker.standing.why or self._closed(worker)}" for worker in workers[:8]
        )
        return "no modem may carry the message now; " + "; ".join(reasons)

    def _closed(self, worker: ModemWorker | Dialer) -> str:
        if not worker.spec.carries_messages:
            return "not open to the API"
        used_up = worker.lane(self.stuck_after) is None
        return "its daily limit is used up" if used_up else "refused or already tried"

    def listing(self) -> Mapping[str, Mapping[str, Any]]:
        entries = {modem: listing(spec, how.Standing()) for modem, spec in list(self._idle.items())}
        for modem, worker in list(self._workers.items()):
            entries[modem] = listing(worker.spec, worker.standing)
        return dict(sorted(entries.items()))

    def standings(self) -> Mapping[str, tuple[ModemSpec, how.Standing, int]]:
        """Every modem of the settings with how it is doing and how many messages wait for it."""
        found = {modem: (spec, self._still(modem), 0) for modem, spec in list(self._idle.items())}
        for modem, worker in list(self._workers.items()):
            found[modem] = (worker.spec, worker.standing, worker.queued)
        return dict(sorted(found.items()))

    def _still(self, modem: str) -> how.Standing:
        if modem in self._between:
            return how.Standing(state=how.CONNECTING, why="started anew with its new settings")
        why = "disconnected; connect it to use it again" if modem in self._resting else "not started"
        return how.Standing(why=why)

    def errand(self, modem: str, errand: Errand) -> None:
        """Have the modem's own thread do something with it soon. Raises NoDevice."""
        worker = self._workers.get(modem)
        if worker is None:
            raise NoDevice(f"there is no active modem {modem[:40]!r}")
        worker.errand(errand)

    def seen_at(self, imei: str, port: str) -> bool:
        """The inspector met this IMEI at a port; whether a modem of the settings has it."""
        for worker in list(self._workers.values()):
            if worker.imei == imei:
                worker.seen_at(port)
                return True
        return any(spec.modem.imei == imei for spec in list(self._idle.values()))

    def knows(self, imei: str) -> bool:
        """Whether a modem of the settings has this IMEI."""
        return any(imei == one.imei for one in list(self._workers.values())) or any(
            imei == spec.modem.imei for spec in list(self._idle.values())
        )

    def names_port(self, port: str) -> bool:
        """Whether the settings name this port for a modem, active or not."""
        specs = [worker.spec for worker in list(self._workers.values())] + list(self._idle.values())
        return any(spec.modem.port == port for spec in specs)

    def ussd(self, modem: str, code: str, done: Done) -> None:
        worker = self._worker(modem)
        worker.errand(conversation.asking(modem, worker.spec.name, code, done))

    def answer_ussd(self, modem: str, text: str, done: Done) -> None:
        worker = self._worker(modem)
        worker.errand(conversation.answering(modem, worker.spec.name, text, done))

    def cancel_ussd(self, modem: str, done: Done) -> None:
        worker = self._worker(modem)
        worker.errand(conversation.cancelling(modem, worker.spec.name, done))

    def _worker(self, modem: str) -> ModemWorker | Dialer:
        worker = self._workers.get(modem)
        if worker is None:
            raise BadRequest(f"there is no active modem {modem[:40]!r}")
        return worker
