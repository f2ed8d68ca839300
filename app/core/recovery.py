"""After a restart: every message a dead process left open gets its one outcome, or goes on its way again."""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from functools import partial

from app.core.clock import Clock
from app.core.errors import UnknownOutcome
from app.core.intake import Intake
from app.core.message import LedgerRow, Outcome, Sent, State
from app.core.ports import Ledger, Spool

log = logging.getLogger(__name__)

UNKNOWN = "the gateway stopped while a modem had the message; it may or may not have been sent"
LOST = "the gateway stopped before the message was sent; send it again"
RECORDING = 10.0  # seconds that all outcomes together may take to be on record


def recover(ledger: Ledger, spool: Spool, intake: Intake, clock: Clock) -> None:
    """Call once, before any door opens. A message is sent again only if it is known not to be on the air.

    Returns when the references of what is lost are free: its repeat may be at the door already.
    """
    texts = dict(spool.kept())
    recorded: list[Future[None]] = []
    for row, otp in ledger.unfinished():
        message = texts.pop(row.seq, None)
        if row.state is State.QUEUED and message is not None:
            log.info("message %d was accepted before the restart and goes on its way", row.seq)
            intake.resume(message)
            continue
        log.warning("message %d was left open by the restart: %s", row.seq, row.state)
        free = otp if row.state is State.QUEUED else None
        told: Future[None] = Future()
        recorded.append(told)
        ledger.close(row.seq, _outcome(row), clock.wall(), partial(told.set_result, None), free)
        spool.drop(row.seq)
    for seq in texts:
        spool.drop(seq)
    wait(recorded, RECORDING)


def _outcome(row: LedgerRow) -> Outcome:
    if row.state is State.QUEUED:
        return Outcome(State.LOST, "1102", "lost", LOST)
    return Outcome(
        State.UNKNOWN,
        UnknownOutcome.code,
        UnknownOutcome.reason,
        UNKNOWN,
        Sent(row.modem, row.name),
        row.tries,
    )
