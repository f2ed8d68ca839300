"""One message on its way, and the ways it can end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a message is; all but the first two are final, and each accepted id reaches exactly one."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    LOST = "lost"

    @property
    def final(self) -> bool:
        return self not in (State.QUEUED, State.SENDING)


#: What was, or may have been, on the air, so that a repeat must not be sent.
ON_THE_AIR = (State.SENDING, State.SENT, State.DELIVERED, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be carried. The text lives in memory only: it is left out of ``repr`` on purpose.

    receiver: canonical digits, a short code, or a mail address.
    fingerprint: keyed digest of id, receiver and content; equal means the same message came again.
    expires: Unix seconds after which it is worthless, or None; for the record.
    ends: the same moment in steady seconds, or infinity: what decides, so that a clock step does not.
    deadline: steady seconds after which nobody waits for it and no try begins.
    detached: nobody waits for the answer, so it may wait for a modem to come back.
    otp: key and mark of the reference whose code the text carries.
    via: the one modem that may carry it, or empty.
    callback: the topic of the owner's broker to which delivery reports go, or empty.
    """

    seq: int
    id: str
    command: str
    owner: str
    receiver: str
    text: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    accepted: float
    deadline: float
    detached: bool = False
    expires: float | None = None
    ends: float = math.inf
    subject: str = field(default="", repr=False)
    report: bool = False
    otp: tuple[bytes, bytes] | None = field(default=None, repr=False)
    via: str = ""
    callback: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: which modem, when (Unix seconds), and what came of it."""

    modem: str
    at: float
    result: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A carrier took the message. ``references`` are the network's message references, one a part."""

    modem: str
    name: str
    parts: int = 1
    references: tuple[int, ...] = ()
    sim: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message ended, as the ledger keeps it and the caller is told."""

    state: State
    code: str
    reason: str = ""
    error: str = ""
    sent: Sent | None = None
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A message as the ledger remembers it: everything but its text."""

    seq: int
    id: str
    command: str
    owner: str
    receiver: str
    state: State
    code: str
    reason: str
    error: str
    modem: str
    name: str
    parts: int
    accepted: float
    finished: float | None
    tries: tuple[Try, ...]
