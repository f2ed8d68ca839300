"""Takes messages from one broker, for ever: connects, hands over, answers, acknowledges, connects again."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Generic, TypeVar

from app import wire
from app.brokers.answers import Answers, Report
from app.brokers.dial import Fault
from app.brokers.link import Incoming, Link
from app.brokers.rhythm import again_in, is_orphan
from app.brokers.status import BrokerStatus, Tally
from app.core.clock import Clock
from app.core.commands import Source
from app.core.errors import BadRequest, NoDevice, NotSent, PortGone
from app.core.events import Announce
from app.core.faults import described
from app.core.gateway import Gateway
from app.core.replies import Reply, refusal
from app.settings.subscribers import Subscriber as Options

log = logging.getLogger(__name__)

O = TypeVar("O", bound=Options)  # noqa: E741

BACKLOG = 1000  # messages held in memory beyond those under way
GRACE = 5.0  # seconds that messages under way get to end before a link is left
ORPHANED = 6.0  # seconds after which a device that shares the OTP store and fell silent counts as dead
LONGEST_TURN = 1.0  # seconds between two looks at the modems
WITHOUT_MODEMS = 4  # messages taken at a time by a device that has mail accounts and no modem
MODEM_AWAY = (NoDevice.reason, PortGone.reason, NotSent.reason)


@dataclass(slots=True)
class _Taken:
    """A message that is under way in the house."""

    incoming: Incoming
    request: wire.Request


class Subscriber(Generic[O]):
    """One broker and its thread. ``make`` builds a link from the section's value.

    usable: how many modems may carry something now; twice as many messages are taken at a time, so that
    each modem has its next one at hand, and no more than another device sharing the broker would miss. With
    none of its modems usable, a device takes nothing from where others may take it. None: the device has no
    modem at all, and takes what it can do without.
    shares: whether other devices may take the same messages.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[O], Link],
        keeps: Callable[[O], bool],
        gateway: Gateway,
        usable: Callable[[], int | None],
        announce: Announce,
        clock: Clock,
        shares: Callable[[O], bool] = lambda options: False,
    ) -> None:
        self.name = name
        self.make = make
        self._keeps = keeps
        self._gateway = gateway
        self._usable = usable
        self._clock = clock
        self._shares = shares
        self._tally = Tally(name, announce, clock)
        self._thread: threading.Thread | None = None
        self._change = threading.Condition()
        self._wanted: O | None = None
        self._stopping = False
        self._link: Link | None = None
        # All below is touched by the thread alone, but for the outcomes, which any thread appends to.
        self._numbers = count()
        self._backlog: deque[Incoming] = deque()
        self._under_way: dict[int, _Taken] = {}
        self._outcomes: deque[tuple[int, Reply | Sequence[Reply]]] = deque()
        self._begun: Counter[bytes] = Counter()  # digests of what broken links had not acknowledged
        self._put_back: list[tuple[float, Incoming]] = []
        self._answers = Answers(name)
        self._sharing = False
        self._limit = 1

    @property
    def status(self) -> BrokerStatus:
        return self._tally.status

    def serves(self, options: O) -> bool:
        """Whether it goes by these options now."""
        return self._wanted == options

    def start(self, options: O) -> None:
        """Begin to serve, if the options say so; returns at once."""
        self._wanted = options
        self._thread = threading.Thread(target=self._run, name=f"broker-{self.name}", daemon=True)
        self._thread.start()

    def apply(self, options: O) -> None:
        """Serve by other options from now on; returns at once."""
        with self._change:
            if options == self._wanted:
                return
            self._wanted = options
            self._change.notify()
        self._ring()

    def report(self, report: Report) -> None:
        """Publish what the network said of a message that came from here, at once or later; any thread."""
        self._answers.report(report)
        self._ring()

    def leave(self) -> None:
        """Ask the thread to end: it takes nothing more and gives what is under way a moment."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._ring()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; False when it is still busy."""
        if self._thread is not None:
            self._thread.join(max(0.0, seconds))
        return self._thread is None or not self._thread.is_alive()

    # The thread.

    def _run(self) -> None:
        wait, options = 0.0, None
        while (options := self._next(wait, options)) is not None:
            try:
                wait = self._connection(options)
            except Exception as error:
                log.error("%s met an unforeseen %s", self.name, described(error))
                wait = options.reconnect_delay
        left = [one for one in self._backlog if one.token is None]
        if left:
            log.warning("%s: %d messages that their broker has let go of were not sent", self.name, len(left))
        self._tally.off()

    def _next(self, wait: float, before: O | None) -> O | None:
        """The options to connect by, when it is time to; None when there is nothing more to do."""
        until = self._clock.steady() + wait
        with self._change:
            while not self._stopping:
                options = self._wanted
                if options is not None and options.enable:
                    left = until - self._clock.steady()
                    if left <= 0 or options != before:
                        return options
                    self._change.wait(left)
                else:
                    self._tally.off()
                    self._change.wait(60.0)
        return None

    def _connection(self, options: O) -> float:
        """One connection from its first step to its end; the answer is how long to wait for the next."""
        opened: float | None = None
        self._sharing = self._shares(options)
        self._tally.connecting(keeps=self._keeps(options))
        try:
            link = self.make(options)
            self._link = link
            try:
                self._limit = self._prefetch()
                link.limit(self._limit)
                link.open()
                opened = self._clock.steady()
                self._tally.connected(paused=not self._limit)
                self._serve(link, options, opened)
            finally:
                self._link = None
                link.close()
                self._forget_link()
        except Fault as fault:
            why = str(fault)
        except Exception as error:
            # Whatever a library threw must not end the service; its text may hold anything.
            log.error("%s met an unforeseen %s", self.name, described(error))
            why = f"an unforeseen error of the connection ({type(error).__name__})"
        else:
            self._tally.left()
            return 0.0
        lived = None if opened is None else self._clock.steady() - opened
        self._tally.lost(why, opened is not None)
        return again_in(options.reconnect_delay, lived, random.random())

    def _serve(self, link: Link, options: O, opened: float) -> None:
        """Until the options change, the service stops, or it is time to refresh. Raises Fault."""
        looked = opened
        refresh_at = opened + options.refresh * 60 if options.refresh else None
        leave_by: float | None = None
        while True:
            now = self._clock.steady()
            reports = self._answers.reported()
            self._collect(now, link)  # an answer stands before the reports on it
            self._answers.take(reports, now)
            self._take_up_again(now)
            self._answers.give(link, now)
            refresh = refresh_at is not None and now >= refresh_at
            if leave_by is None and (refresh or self._stopping or self._wanted != options):
                leave_by = now + GRACE
            if leave_by is not None and (now >= leave_by or not (self._under_way or self._answers)):
                return
            if now - looked >= LONGEST_TURN or now < looked:
                looked = now
                self._follow_modems(link)
            if not self._limit:
                self._hand_back(link)
            while self._backlog and len(self._under_way) < self._limit and leave_by is None:
                self._hand_over(self._backlog.popleft())
            room = 0 if leave_by is not None else max(0, BACKLOG - len(self._backlog))
            self._tally.set(waiting=self._waiting())
            for incoming in link.turn(self._pause(), room):
                self._accept(incoming)

    def _take_up_again(self, now: float) -> None:
        while self._put_back and self._put_back[0][0] <= now:
            self._backlog.appendleft(self._put_back.pop(0)[1])

    def _prefetch(self) -> int:
        usable = self._usable()
        if usable is None:
            return WITHOUT_MODEMS
        return 2 * usable if usable or self._sharing else 1

    def _follow_modems(self, link: Link) -> None:
        if (wanted := self._prefetch()) != self._limit:
            self._limit = wanted
            link.limit(wanted)
            self._tally.set(paused=not wanted)

    def _hand_back(self, link: Link) -> None:
        """What was taken before the last modem went, and not begun, is another device's.

        What was given again stays: whether it was begun is on record here.
        """
        free = [one for one in self._backlog if one.token is not None and not one.redelivered]
        gone = [one for one in free if link.release(one.token)]
        self._backlog = deque(one for one in self._backlog if one not in gone)

    def _waiting(self) -> int:
        return len(self._backlog) + len(self._under_way) + len(self._put_back) + len(self._answers)

    def _pause(self) -> float:
        """How long a turn may wait: not at all while there is something to do."""
        if self._outcomes or self._answers.reported():
            return 0.0
        wait = self._answers.wait(self._clock.steady())
        return LONGEST_TURN if wait is None else min(LONGEST_TURN, wait)

    def _accept(self, incoming: Incoming) -> None:
        self._tally.count(received=1)
        if self._begun and self._begun[mark := incoming.digest] > 0:
            # Not every broker marks what it gives again after a connection broke (ActiveMQ's topics).
            self._begun[mark] -= 1
            incoming = replace(incoming, redelivered=True)
        if len(self._backlog) < BACKLOG or incoming.token is not None:
            self._backlog.append(incoming)
            return
        # The broker has let go of it and there is no room: it must at least be told.
        self._tally.count(failed=1)
        log.warning("%s: more than %d messages wait, one was refused", self.name, BACKLOG)
        full = BadRequest(f"more than {BACKLOG} messages wait on the device", reason="queue_full")
        self._refuse(incoming, full)

    def _hand_over(self, incoming: Incoming) -> None:
        try:
            request = wire.parse(incoming.body)
        except BadRequest as error:
            self._tally.count(failed=1)
            # An unknown command is named in the sentence, and a name may be a piece of somebody's text.
            why = error.reason if error.reason == "unknown_command" else str(error)
            log.warning("%s: a message of %d octets was dropped: %s", self.name, len(incoming.body), why)
            self._refuse(incoming, error)
            return
        number = next(self._numbers)
        self._under_way[number] = _Taken(incoming, request)
        source = Source(self.name, "", incoming.redelivered, incoming.name, request.callback_topic)

        def ended(outcome: Future[Any]) -> None:
            self._outcomes.append((number, outcome.result()))
            self._ring()

        if request.batch:
            self._gateway.handle_all(request.commands, source).add_done_callback(ended)
        else:
            self._gateway.handle(request.commands[0], source).add_done_callback(ended)

    def _refuse(self, incoming: Incoming, error: BadRequest) -> None:
        """Acknowledge what cannot be carried out, and say so where its sender can be made out."""
        address = wire.return_address(incoming.body)
        if address is None:
            address = wire.Request("", ())
        body = wire.render(refusal(address.name, error))
        self._answers.add(address, body, incoming, self._clock.steady())

    def _collect(self, now: float, link: Link | None = None) -> None:
        """Take the outcomes that have come in."""
        while self._outcomes:
            number, reply = self._outcomes.popleft()
            taken = self._under_way.pop(number, None)
            if taken is None:
                continue  # of a link that is gone: the broker gives the message again, the repeat is answered
            if link is not None and self._is_for_others(taken.incoming, reply):
                self._backlog.append(taken.incoming)
                self._follow_modems(link)
                continue
            if is_orphan(taken.incoming, reply):
                self._put_back.append((now + ORPHANED, replace(taken.incoming, put_back=True)))
                continue
            ok = reply.ok if isinstance(reply, Reply) else all(one.ok for one in reply)
            self._tally.count(sent=int(ok), failed=int(not ok))
            self._answers.add(taken.request, wire.render(reply), taken.incoming, now)

    def _is_for_others(self, incoming: Incoming, reply: Reply | Sequence[Reply]) -> bool:
        """Whether nothing was sent because the last modem is away, and another device may do it."""
        if not self._sharing or incoming.token is None or self._usable() != 0:
            return False
        every = [reply] if isinstance(reply, Reply) else reply
        return bool(every) and all(one.reason in MODEM_AWAY for one in every)

    def _forget_link(self) -> None:
        """What the broker has not let go of it gives again; only the rest is still ours."""
        self._collect(self._clock.steady())
        begun = [one.incoming for one in self._under_way.values()] + self._answers.forget_link()
        self._begun.update(one.digest for one in begun if one.token is not None)
        self._begun = +self._begun
        self._backlog = deque(one for one in self._backlog if one.token is None)
        self._under_way = {n: one for n, one in self._under_way.items() if one.incoming.token is None}
        self._put_back = [(due, one) for due, one in self._put_back if one.token is None]

    def _ring(self) -> None:
        link = self._link
        if link is not None:
            link.wake()
