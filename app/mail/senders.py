"""The threads that send mail: each message by the accounts in turn, until one outcome is known."""

from __future__ import annotations

import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.core.clock import Clock
from app.core.errors import BadRequest, NotSent, QueueFull, StorageFailed, UnknownOutcome
from app.core.faults import described, survived
from app.core.message import Message, Sent
from app.core.ports import MailJob
from app.mail.account import Account
from app.mail.letter import DOOR, Letter, forward, write
from app.mail.session import AccountFault, LetterFault, Patience, Session, Silence, verifying
from app.mail.turns import Turn, Turns

log = logging.getLogger(__name__)

THREADS = 4
LONGEST_QUEUE = 10_000  # as many as the spool holds: after a restart all of them come at once

# Where to deliver without an account: the servers of a domain, best first. Raises LetterFault, AccountFault.
Exchangers = Callable[[str], list[Account]]


@dataclass(frozen=True, slots=True)
class Identity:
    """How the device calls itself in mail: a display name, a host name, and its local time."""

    device: str
    host: str
    now: Callable[[], datetime]


class Senders:
    """Takes jobs into a bounded queue (``core.ports.Mail``) and ends each with exactly one outcome.

    exchangers: for mail of the local SMTP server when there is no account; None to refuse it then.
    """

    def __init__(
        self,
        turns: Turns,
        clock: Clock,
        identity: Identity,
        *,
        exchangers: Exchangers | None = None,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
        threads: int = THREADS,
    ) -> None:
        self.turns = turns
        self.identity = identity
        self.clock = clock
        self._exchangers = exchangers
        self.tls = tls or verifying()
        self.patience = patience or Patience()
        self._queue: deque[MailJob] = deque()
        self._change = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"mail-{number + 1}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """Begin no more; what waits stays on record as queued and is taken up after the next start."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        end = self.clock.steady() + patience
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - self.clock.steady()))

    def submit(self, job: MailJob) -> None:
        if not self.turns.any() and not self._may_go_direct(job.message):
            raise NotSent(self.turns.why_none(), reason="mail_failed")
        with self._change:
            if self._stopping:
                raise QueueFull("the mail service is stopping; send it again in a moment")
            if len(self._queue) >= LONGEST_QUEUE:
                raise QueueFull(f"{LONGEST_QUEUE} mails wait already; send fewer at a time")
            self._queue.append(job)
            self._change.notify()

    @property
    def waiting(self) -> int:
        """Mails in the queue."""
        return len(self._queue)

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._queue and not self._stopping:
                    self._change.wait(5.0)
                if self._stopping:
                    return
                job = self._queue.popleft()
            try:
                self._deliver(job)
            except Exception as error:
                # Its text may hold anything. Somebody waits for an end all the same, and how far the mail
                # got is not known here; a job that has ended does not end again.
                log.error("a mail met an unforeseen %s", described(error))
                with survived(log, "the end of a mail"):
                    job.unknown(UnknownOutcome("the gateway met an unforeseen error; see its log"))

    def _deliver(self, job: MailJob) -> None:
        tried: set[str] = set()
        last: NotSent | None = None
        while True:
            if job.overdue():
                if last is not None:
                    job.passed(last)
                job.expire()
                return
            try:
                turn = self.turns.take(tried, lambda: self._stopping or job.overdue())
            except StorageFailed as error:
                job.refused(NotSent(str(error), reason="storage"))
                return
            if turn is None and self._stopping:
                return
            if turn is None and job.overdue():
                continue
            if turn is None:
                if not tried and self._may_go_direct(job.message):
                    self._direct(job)
                else:
                    job.refused(last or NotSent(self.turns.why_none(), reason="mail_failed"))
                return
            if last is not None:
                job.passed(last)
            tried.add(turn.account.id)
            last = _Try(self, job, turn).go()
            if last is None:
                return

    def _may_go_direct(self, message: Message) -> bool:
        return self._exchangers is not None and not self.turns.any() and _came_by_smtp(message)

    def _direct(self, job: MailJob) -> None:
        """Straight to the recipient's mail exchangers, one after the other (RFC 5321 §5.1)."""
        last: NotSent | None = None
        assert self._exchangers is not None
        try:
            exchangers = self._exchangers(job.message.receiver.rpartition("@")[2])
        except (AccountFault, LetterFault) as error:
            job.refused(NotSent(str(error), reason="mail_failed"))
            return
        except Exception as error:
            log.error("the search for a mail server met an unforeseen %s", described(error))
            job.refused(_unforeseen())
            return
        for exchanger in exchangers:
            if last is not None:
                job.passed(last)
            last = _Try(self, job, Turn(exchanger), counted=False).go()
            if last is None:
                return
        job.refused(last or NotSent("the domain of the receiver takes no mail", reason="mail_failed"))

    def letter(self, message: Message, sender: str) -> Letter:
        """The letter for a message by an account. Raises BadRequest."""
        who = self.identity
        if _came_by_smtp(message):
            return forward(message, sender, who.now(), f"by {who.host} (OTP-Pi) with ESMTP")
        return write(message, sender, who.now(), who.device)


def carrier(account: Account) -> str:
    """An account's id in the ledger, where it stands beside modem ids."""
    return f"mail/{account.id}"


def _unforeseen() -> NotSent:
    return NotSent("the gateway met an unforeseen error; see its log", reason="mail_failed")


def _came_by_smtp(message: Message) -> bool:
    return message.owner.startswith(f"{DOOR}:")


class _Try:
    """One message and one account, from connecting to the outcome."""

    def __init__(self, house: Senders, job: MailJob, turn: Turn, counted: bool = True) -> None:
        self._house = house
        self._job = job
        self._turn = turn
        self._counted = counted
        self._dotted = False

    def go(self) -> NotSent | None:
        """None when the job was ended; else why this account did not send it, so that another may."""
        job, account = self._job, self._turn.account
        job.through(carrier(account), account.name)
        try:
            letter = self._house.letter(job.message, account.sender)
        except BadRequest as error:
            self._refused()
            return self._unless(True, NotSent(str(error), reason=error.reason))
        except Exception as error:
            # No account is to blame, and none could send it.
            log.error("a mail could not be written: %s", described(error))
            self._refused()
            return self._unless(True, _unforeseen())
        try:
            self._send(letter)
        except AccountFault as fault:
            self._refused(str(fault))
            return NotSent(str(fault), reason="mail_failed")
        except LetterFault as fault:
            self._refused()
            return self._unless(fault.hopeless, NotSent(str(fault), reason="mail_failed"))
        except Silence as silence:
            if self._counted:
                self._house.turns.lost(self._turn, str(silence))
            job.unknown(UnknownOutcome(str(silence)))
        except UnknownOutcome as why:
            # Instead of the record: another device that shares the store has this message.
            self._refused()
            job.unknown(why)
        except StorageFailed as error:
            # Without the record that it may be out, the last dot was not sent.
            self._refused()
            return self._unless(True, NotSent(str(error), reason=error.reason))
        except Exception as error:
            log.error("a mail by %s met an unforeseen %s", account.name, described(error))
            if self._dotted:
                if self._counted:
                    self._house.turns.lost(self._turn, "an unforeseen error; see the log")
                job.unknown(
                    UnknownOutcome("the gateway met an unforeseen error; the mail may have been sent")
                )
                return None
            self._refused("an unforeseen error; see the log")
            return _unforeseen()
        return None

    def _send(self, letter: Letter) -> None:
        house, job, turn = self._house, self._job, self._turn
        account = turn.account
        with Session(
            account, house.identity.host, house.clock, house.tls, _wire_log(account), house.patience
        ) as session:
            session.offer(letter)
            job.begin()
            if self._counted:
                house.turns.charge(turn).wait()
            job.confirm()
            self._dotted = True
            session.finish(letter)
            if self._counted:
                house.turns.sent(turn)
            job.sent(Sent(carrier(account), account.name))

    def _refused(self, fault: str = "") -> None:
        if self._counted:
            self._house.turns.refused(self._turn, fault)

    def _unless(self, hopeless: bool, why: NotSent) -> NotSent | None:
        if not hopeless:
            return why
        self._job.refused(why)
        return None


def _wire_log(account: Account) -> Callable[[str, str], None]:
    """The conversation at DEBUG: commands and codes, without addresses, credentials or the mail."""

    def tell(who: str, line: str) -> None:
        verb = line.partition(":")[0] if line[:4] in ("MAIL", "RCPT") else line
        log.debug("%s %s: %s", account.name, who, verb if who == "C" else line[:4].rstrip())

    return tell
