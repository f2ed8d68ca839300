"""The same message twice: the repeat hears the first one's outcome and nothing is sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from app.core.clock import Clock
from app.core.errors import StorageFailed, UnknownOutcome
from app.core.message import LedgerRow, Outcome, Sent, State
from app.core.ports import Ledger

Hear = Callable[[Outcome], None]


@dataclass(slots=True)
class _Pending:
    seq: int
    waiting: list[Hear] = field(default_factory=list)


class Duplicates:
    """Who is first with a message; what is under way is known in memory, what ended in the ledger.

    window: seconds for which an ended message is remembered, or until it expires if that is later.
    Only messages that were, or may have been, sent count: after a known failure a repeat is a new try.
    """

    def __init__(self, ledger: Ledger, clock: Clock, window: float = 600.0) -> None:
        self._ledger = ledger
        self._clock = clock
        self.window = window
        self._pending: dict[bytes, _Pending] = {}
        self._lock = threading.Lock()

    def claim(self, fingerprint: bytes, seq: int, hear: Hear, recognise: bool) -> bool:
        """True for the first, who must ``settle``; False for a repeat, whose ``hear`` gets the outcome.

        recognise: whether the message carries what tells a repeat from a second message with the same
        words (an id, or a broker's mark of redelivery). Raises StorageFailed when that cannot be looked up.
        """
        with self._lock:
            pending = self._pending.get(fingerprint)
            if pending is None:
                self._pending[fingerprint] = _Pending(seq)
            elif recognise:
                pending.waiting.append(hear)
                return False
            else:
                return True
        if not recognise:
            return True
        now = self._clock.wall()
        try:
            row = self._ledger.recall(fingerprint, now - self.window, now)
        except BaseException:
            self.settle(fingerprint, seq, NOT_LOOKED_UP)
            raise
        if row is None:
            return True
        outcome = remembered(row)
        self.settle(fingerprint, seq, outcome)
        hear(outcome)
        return False

    def settle(self, fingerprint: bytes, seq: int, outcome: Outcome) -> None:
        """The first has ended: tell everyone who waited for it."""
        with self._lock:
            pending = self._pending.get(fingerprint)
            if pending is None or pending.seq != seq:
                return
            del self._pending[fingerprint]
        for hear in pending.waiting:
            hear(outcome)


# For those who came while the first was looked up; the first gets the error itself.
NOT_LOOKED_UP = Outcome(
    State.FAILED,
    StorageFailed.code,
    StorageFailed.reason,
    "it could not be looked up whether the message was sent before; nothing was sent: try again",
)
UNDER_WAY = "the same message is with a modem, and may or may not have been sent: do not repeat it blindly"


def remembered(row: LedgerRow) -> Outcome:
    """A ledger row as the outcome it recorded; one that is still open is not known."""
    sent = Sent(row.modem, row.name, row.parts) if row.modem else None
    if not row.state.final:
        return Outcome(State.UNKNOWN, UnknownOutcome.code, UnknownOutcome.reason, UNDER_WAY, sent, row.tries)
    return Outcome(row.state, row.code, row.reason, row.error, sent, row.tries)
