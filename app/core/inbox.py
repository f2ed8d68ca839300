"""What people write to our SIM cards: a message as it is kept, shown and handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.core.ports import Commit


@dataclass(frozen=True, slots=True)
class NewPart:
    """A PDU that a modem handed over. place: its index in the modem's store, or None when it was not stored.

    sim: the ICCID, or the modem's id where the card does not tell; arrived: Unix seconds.
    """

    sim: str
    modem: str
    place: int | None
    pdu: str = field(repr=False)
    arrived: float = 0.0


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A whole message, or what came of one. missing: numbers of the parts that never came.

    sent: Unix seconds by the service centre, or None; raw: the PDUs where something was not understood.
    """

    sim: str
    modem: str
    sender: str
    text: str = field(repr=False)
    sent: float | None = None
    arrived: float = 0.0
    parts: int = 1
    missing: tuple[int, ...] = ()
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message of the inbox."""

    id: int
    message: NewMessage
    read: bool = False


class InboxStore(Protocol):
    """Where what came in is kept. Calls that return something return when it is durable; StorageFailed."""

    def keep_part(self, part: NewPart) -> int | None:
        """The part's number; None when this very part is kept already and only its deletion was missed."""
        ...

    def keep_message(self, message: NewMessage, parts: Sequence[int]) -> InboxMessage: ...

    def keep_repeat(self, number: int, known: int) -> None:
        """A part that came before: it belongs to the message of the one known. Returns when it is durable."""
        ...

    def part_deleted(self, sim: str, place: int) -> None:
        """The modem confirmed that its copy is gone; nobody waits for this."""
        ...

    def recent_parts(self, sim: str, since: float) -> Sequence[tuple[int, NewPart, bool]]:
        """Parts since a Unix time in the order they came: number, part, whether their message is kept."""
        ...


class ReportStore(Protocol):
    """Where delivery reports meet the ledger."""

    def match(
        self, sim: str, reference: int, tail: str, status: int, outcome: str, at: float, modem: str = ""
    ) -> Commit:
        """A report on one part; tail: the last 7 digits of the receiver; at: Unix seconds.

        modem: where it came in; a message that it left with an unknown outcome may be the one that is meant.
        """
        ...

    def late_reference(self, seq: int, sim: str, reference: int) -> None:
        """A message whose outcome was unknown was taken by the network after all."""
        ...


class SimMemory(Protocol):
    """Which SIM card was in which modem."""

    def sim_of(self, imei: str) -> str | None: ...

    def remember_sim(self, imei: str, iccid: str, since: float) -> None: ...
