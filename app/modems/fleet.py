"""All modems together: who is at work, who may carry a message, and what the settings changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.core.clock import Clock
from app.core.errors import BadRequest, NoDevice, UssdFailed
from app.core.events import Announce
from app.core.ports import Job
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.queue import Errand
from app.modems.search import Ports
from app.modems.spec import ModemSpec
from app.modems.standing import listing
from app.modems.worker import Memory, ModemWorker
from hw.errors import HwError
from hw.gsm.modem import GsmModem

STOP = 10.0  # seconds given to all modems together to end what they are at


class Fleet:
    """``core.ports.Fleet`` over a worker a modem.

    stuck_after: seconds in one send after which what waits behind it goes elsewhere.
    """

    def __init__(self, memory: Memory, clock: Clock, announce: Announce, stuck_after: float = 10.0) -> None:
        self.stuck_after = stuck_after
        self._memory = memory
        self._clock = clock
        self._announce = announce
        self._ports = Ports()
        self._workers: dict[str, ModemWorker] = {}
        self._idle: dict[str, ModemSpec] = {}
        self._lock = threading.Lock()

    def apply(self, specs: Iterable[ModemSpec]) -> None:
        """Have exactly these modems: start new ones, end old ones, restart those whose port changed."""
        wanted = {spec.id: spec for spec in specs}
        with self._lock:
            ended = []
            for modem, worker in list(self._workers.items()):
                spec = wanted.get(modem)
                if spec is None or not spec.modem.active or worker.spec.needs_restart(spec):
                    worker.stop()
                    ended.append(self._workers.pop(modem))
                else:
                    worker.apply(spec)
            _join(ended)
            self._idle = {spec.id: spec for spec in wanted.values() if not spec.modem.active}
            for modem, spec in wanted.items():
                if spec.modem.active and modem not in self._workers:
                    worker = ModemWorker(spec, self._ports, self._memory, self._clock, self._announce)
                    self._workers[modem] = worker
                    worker.start()

    def stop(self) -> None:
        with self._lock:
            workers = list(self._workers.values())
            self._workers.clear()
        for worker in workers:
            worker.stop()
        _join(workers)

    def tick(self) -> None:
        """A few times a second: end what waited too long, and free what is stuck behind one message."""
        usable = {lane.modem for lane in self.lanes()}
        for modem, worker in list(self._workers.items()):
            worker.end_overdue()
            if usable - {modem}:
                worker.give_away(self.stuck_after)

    def stalled(self) -> str:
        """Which modem's thread is no longer at work, "" while all are."""
        return next((why for worker in list(self._workers.values()) if (why := worker.stalled())), "")

    # What the core asks.

    def lanes(self) -> Sequence[Lane]:
        lanes = (worker.lane() for worker in list(self._workers.values()))
        return [lane for lane in lanes if lane is not None]

    def submit(self, modem: str, job: Job) -> None:
        worker = self._workers.get(modem)
        if worker is None:
            raise NoDevice(f"the modem {modem} was removed")
        worker.submit(job)

    def starting(self) -> bool:
        return any(
            worker.spec.carries_messages and worker.standing.state in (how.OFF, how.CONNECTING)
            for worker in list(self._workers.values())
        )

    def why_none(self) -> str:
        workers = list(self._workers.values())
        if not workers:
            return "no modem is set up and active; add one"
        reasons = (
            f"{worker.spec.name}: {worker.standing.why or self._closed(worker)}" for worker in workers[:8]
        )
        return "no modem may carry the message now; " + "; ".join(reasons)

    def _closed(self, worker: ModemWorker) -> str:
        if not worker.spec.carries_messages:
            return "not open to the API"
        return "its daily limit is used up" if worker.lane() is None else "refused or already tried"

    def listing(self) -> Mapping[str, Mapping[str, Any]]:
        entries = {modem: listing(spec, how.Standing()) for modem, spec in self._idle.items()}
        for modem, worker in list(self._workers.items()):
            entries[modem] = listing(worker.spec, worker.standing)
        return dict(sorted(entries.items()))

    def standings(self) -> Mapping[str, tuple[ModemSpec, how.Standing, int]]:
        """Every modem of the settings with how it is doing and how many messages wait for it."""
        found = {modem: (spec, how.Standing(), 0) for modem, spec in self._idle.items()}
        for modem, worker in list(self._workers.items()):
            found[modem] = (worker.spec, worker.standing, worker.queued)
        return dict(sorted(found.items()))

    def errand(self, modem: str, errand: Errand) -> None:
        """Have the modem's own thread do something with it soon. Raises NoDevice."""
        worker = self._workers.get(modem)
        if worker is None:
            raise NoDevice(f"there is no active modem {modem[:40]!r}")
        worker.errand(errand)

    def ussd(self, modem: str, code: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None:
        worker = self._workers.get(modem)
        if worker is None:
            raise BadRequest(f"there is no active modem {modem[:40]!r}")

        def errand(at_work: GsmModem | None) -> None:
            if at_work is None:
                done(UssdFailed(f"{worker.spec.name} was lost before the request was sent"))
                return
            try:
                answer = at_work.request_ussd(code)
            except HwError as error:
                done(UssdFailed(f"{worker.spec.name}: {error}"))
                return
            done(
                {
                    "modem_id": modem,
                    "ussd_code": code,
                    "ussd_response": answer.text,
                    "ussd_content": answer.text,
                    "ussd_content_raw": answer.raw,
                    "replyable": answer.replyable,
                }
            )

        worker.errand(errand)


def _join(workers: Iterable[ModemWorker]) -> None:
    for worker in workers:
        worker.join(STOP)
