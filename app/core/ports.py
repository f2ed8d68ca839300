"""What the core needs of the rest of the house, as protocols the outer layers fulfil."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from app.core.errors import NotSent, UnknownOutcome
from app.core.message import LedgerRow, Message, Outcome, Sent
from app.core.routing import Lane


class Commit(Protocol):
    """A write that was handed to the store and is durable once ``wait`` returns."""

    def wait(self) -> None:
        """Raises StorageFailed when the write did not reach the disk."""
        ...


class Ledger(Protocol):
    """The record of every message without its text: one row a message, one outcome a row."""

    def next_seq(self) -> int: ...

    def accept(self, message: Message) -> Commit: ...

    def sending(self, seq: int, modem: str) -> Commit:
        """From here on the message may be on the air, whatever happens to this process.

        The commit fails unless the message is on record (``accept``).
        """
        ...

    def requeue(self, seq: int) -> None:
        """A modem refused the message before it took it: it is known not to be on the air."""
        ...

    def close(
        self,
        seq: int,
        outcome: Outcome,
        finished: float,
        done: Callable[[], None],
        free: tuple[bytes, bytes] | None = None,
    ) -> None:
        """Record the one outcome; ``done`` is called when it is durable (or could not be made so).

        free: key and mark of an OTP reference that is free again, if it still holds this very code.
        """
        ...

    def recall(self, fingerprint: bytes, since: float, now: float) -> LedgerRow | None:
        """The latest row of the same message that was, or may have been, sent within the window."""
        ...

    def find(self, owner: str, message_id: str) -> LedgerRow | None:
        """The latest message of that id among the owner's."""
        ...

    def unfinished(self) -> Sequence[tuple[LedgerRow, tuple[bytes, bytes] | None]]:
        """Rows a dead process left without an outcome, with the OTP key and mark of each."""
        ...


class Spool(Protocol):
    """Texts of messages taken asynchronously, in memory-backed storage that outlives a crash."""

    def keep(self, message: Message) -> None: ...

    def drop(self, seq: int) -> None: ...

    def kept(self) -> Mapping[int, Message]: ...


class Verdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    USED = "used"
    LOCKED = "locked"
    EXPIRED = "expired"


class OtpStore(Protocol):
    """Live OTP references by keyed digest. Each call is atomic and durable when it returns."""

    def issue(self, key: bytes, mark: bytes, expires: float, now: float) -> bool:
        """False when the reference is alive: neither expired, used nor locked."""
        ...

    def check(self, key: bytes, mark: bytes, now: float, tries: int) -> Verdict:
        """RIGHT uses the reference up; the wrong try number ``tries`` locks it."""
        ...


class Job(Protocol):
    """A message in a carrier's hands. Exactly one of sent, refused and unknown ends a ``begin``."""

    @property
    def message(self) -> Message: ...

    def overdue(self) -> bool:
        """Whether it expired, or nobody waits any longer, before a try began."""
        ...

    def expire(self) -> None: ...

    def elsewhere(self) -> bool:
        """Before a ``begin``: its carrier cannot send soon. True when another has it now; else it stays."""
        ...

    def returned(self, why: NotSent) -> None:
        """Before a ``begin``: its carrier can keep it no longer. That is no try."""
        ...

    def begin(self) -> None: ...

    def confirm(self) -> None:
        """Returns once it is on record that the message may be on the air; raises StorageFailed."""
        ...

    def sent(self, sent: Sent) -> None: ...

    def refused(self, why: NotSent) -> None: ...

    def unknown(self, why: UnknownOutcome) -> None: ...


class MailJob(Job, Protocol):
    """A mail in the hands of the accounts, which take turns among themselves."""

    def through(self, carrier: str, name: str) -> None:
        """An account says that it is the one that tries now; of a modem this is known."""
        ...

    def passed(self, why: NotSent) -> None:
        """Ends a ``begin`` too: known not to be out, and another account goes on. On record as a try."""
        ...


class Fleet(Protocol):
    """The modems that are at work."""

    def lanes(self) -> Sequence[Lane]:
        """Modems that may carry a message."""
        ...

    def submit(self, modem: str, job: Job) -> None:
        """Raises NotSent when the modem cannot take it into its queue."""
        ...

    def starting(self) -> bool:
        """Whether an active modem is being brought up, so that waiting a moment may help."""
        ...

    def why_none(self) -> str:
        """Why no modem may carry anything, as a sentence."""
        ...

    def listing(self) -> Mapping[str, Mapping[str, Any]]:
        """``get-modem-list``: modem id to its fields (wire §3)."""
        ...

    def ussd(self, modem: str, code: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None: ...

    def answer_ussd(
        self, modem: str, text: str, done: Callable[[Mapping[str, Any] | Exception], None]
    ) -> None:
        """Answer the menu of a session that ``ussd`` began and that is still open."""
        ...

    def cancel_ussd(self, modem: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None: ...


class Mail(Protocol):
    """The mail accounts, in turn."""

    def submit(self, job: MailJob) -> None:
        """Takes the message into a queue; the job is ended as a modem ends it. Raises NotSent."""
        ...
