"""A command of a page that is waited for: a modem or a network may take its minutes."""

from __future__ import annotations

from concurrent.futures import TimeoutError as Late

from app.core.commands import Command, Source
from app.core.errors import QueueFull, UnknownOutcome
from app.core.intake import SYNC_DEADLINE
from app.core.replies import Reply, refusal
from app.web.admin.visit import Visit

# A try that began at the deadline may still take its time; a network takes up to two minutes for USSD
# (27.007 §7.15 names no limit).
PATIENCE = SYNC_DEADLINE + 90.0


def asked(visit: Visit, command: Command) -> Reply:
    """What came of it, without keeping others from these pages meanwhile."""
    with visit.door.waiting() as admitted:
        if not admitted:
            full = QueueFull("too many requests wait for an answer; try again in a moment")
            return refusal(command.name, full)
        try:
            return visit.house.gateway.handle(command, Source("admin", visit.name)).result(PATIENCE)
        except Late:
            late = UnknownOutcome("it is not known yet what came of it; look again before you repeat it")
            return refusal(command.name, late)
