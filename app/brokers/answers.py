"""Outcomes on their way back: published after their delay where a topic is given, then acknowledged."""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from app.brokers.dial import Fault
from app.brokers.link import Incoming, Link, Unpublishable
from app.wire import Request

log = logging.getLogger(__name__)

PATIENT = 1000  # milliseconds of callback_delay for which an acknowledgement is held back
BLAME = 2  # links that may break at the same callback topic before it is left out
REMEMBERED = 100  # topics under suspicion


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report on its way to a callback topic; ``published`` is called once the broker has it."""

    topic: str
    body: bytes = field(repr=False)
    published: Callable[[], None]


@dataclass(order=True, slots=True)
class _Answer:
    due: float
    turn: int
    topic: str = field(compare=False)
    body: bytes = field(compare=False, repr=False)
    incoming: Incoming | None = field(compare=False)  # what is acknowledged then
    tried: bool = field(compare=False, default=False)
    report: Report | None = field(compare=False, default=None)


class Answers:
    """What one broker is still owed. Owned by its subscriber's thread, but for ``report``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turns = count()
        self._waiting: list[_Answer] = []
        self._reports: deque[Report] = deque(maxlen=REMEMBERED * 10)
        self._blamed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: Request, body: bytes, message: Incoming, now: float) -> None:
        """Answer a message whose outcome is known; ``now`` in steady seconds."""
        topic, delay = request.callback_topic, request.callback_delay
        incoming = None if message.token is None else message
        if topic and delay > PATIENT:
            # An acknowledgement held back for so long would hold the next messages back as well.
            self._push(_Answer(now, next(self._turns), "", b"", incoming))
            incoming = None
        due = now + delay / 1000 if topic else now
        self._push(_Answer(due, next(self._turns), topic, body, incoming))

    def report(self, report: Report) -> None:
        """The network said what became of a message; from any thread."""
        self._reports.append(report)

    def reported(self) -> int:
        """How many reports are here that were not taken."""
        return len(self._reports)

    def take(self, count: int, now: float) -> None:
        """Publish the first reports, never before the answers that they are about."""
        for _ in range(count):
            report = self._reports.popleft()
            due = max([now, *(one.due for one in self._waiting if one.topic == report.topic)])
            self._push(_Answer(due, next(self._turns), report.topic, report.body, None, report=report))

    def wait(self, now: float) -> float | None:
        """Seconds until the next one is due; None when there is none."""
        return max(0.0, self._waiting[0].due - now) if self._waiting else None

    def give(self, link: Link, now: float) -> None:
        """Publish and acknowledge what is due. Raises Fault."""
        while self._waiting and self._waiting[0].due <= now:
            answer = heapq.heappop(self._waiting)
            if answer.topic:
                self._publish(link, answer)
            if answer.report is not None:
                answer.report.published()
            if answer.incoming is not None:
                link.settle(answer.incoming.token)

    def forget_link(self) -> list[Incoming]:
        """The link is gone: what it had not acknowledged comes again, is answered then, and is given here."""
        gone = [one.incoming for one in self._waiting if one.incoming is not None]
        self._waiting = [one for one in self._waiting if one.incoming is None and one.topic]
        heapq.heapify(self._waiting)
        return gone

    def _publish(self, link: Link, answer: _Answer) -> None:
        try:
            if self._blamed.get(answer.topic, 0) >= BLAME:
                raise Unpublishable("the broker broke the connection whenever something was published there")
            link.publish(answer.topic, answer.body)
        except Unpublishable as error:
            log.warning("%s: an answer could not be published: %s", self._name, error)
        except Fault:
            if len(self._blamed) >= REMEMBERED:
                self._blamed.clear()
            self._blamed[answer.topic] = self._blamed.get(answer.topic, 0) + 1
            if answer.incoming is not None or answer.report is not None or not answer.tried:
                answer.tried = True
                self._push(answer)
            raise
        else:
            self._blamed.pop(answer.topic, None)

    def _push(self, answer: _Answer) -> None:
        heapq.heappush(self._waiting, answer)
