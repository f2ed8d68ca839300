"""Takes a message in: receiver, block list, age, code, repeat, ledger; then sends it on its way."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from app.core.blocklist import BlockList
from app.core.clock import Clock
from app.core.commands import RequestOtp, SendEmail, SendSms, Source
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import Expired, GatewayError, NotSent, StorageFailed
from app.core.faults import described
from app.core.message import Message, Outcome
from app.core.msisdn import Numbering
from app.core.otp import OtpBook
from app.core.ports import Ledger, Spool
from app.core.receiver import canonical
from app.core.replies import Reply

log = logging.getLogger(__name__)

Sending = RequestOtp | SendSms | SendEmail

# Seconds within which a try must begin: while somebody waits for the answer, and when nobody does.
SYNC_DEADLINE = 120.0
ASYNC_DEADLINE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Rules:
    """Of the settings, what decides about every message.

    lifetime: seconds of *OTP expiration*; claimed: whether the device has an owner, without whom it sends
    nothing.
    """

    claimed: bool = True
    drop_expired: bool = True
    lifetime: float = 300.0
    delivery_reports: bool = False


class Intake:
    """The way in for whatever is to be sent, up to its outcome."""

    def __init__(
        self,
        *,
        otp: OtpBook,
        delivery: Delivery,
        duplicates: Duplicates,
        blocklist: BlockList,
        numbering: Numbering,
        ledger: Ledger,
        spool: Spool,
        digest: KeyedDigest,
        clock: Clock,
        rules: Rules,
    ) -> None:
        self.otp = otp
        self.blocklist = blocklist
        self.numbering = numbering
        self.duplicates = duplicates
        self.rules = rules
        self._delivery = delivery
        self._ledger = ledger
        self._spool = spool
        self._digest = digest
        self._clock = clock

    def request_otp(
        self, command: RequestOtp, source: Source, answer: Future[Reply], detached: bool
    ) -> str | None:
        """Draw a code and send it. The id comes back when it is on its way; the answer tells the rest."""
        receiver = self._receiver(command.receiver)
        expires = self.otp.expiry(command.expiration)
        ticket = self.otp.draw(command.reference, receiver, command.params, command.message, expires)
        # The code is new each time: what makes two requests the same is all the rest.
        content = ("otp", command.message, command.reference, *command.params)
        message = replace(
            self._message(command, source, receiver, ticket.text, expires, detached, content),
            otp=(ticket.key, ticket.mark),
        )
        return self._carry(command, source, message, answer, detached, lambda: self.otp.issue(ticket))

    def send(
        self, command: SendSms | SendEmail, source: Source, answer: Future[Reply], detached: bool
    ) -> str | None:
        """Send a text as it is. The id comes back when it is on its way; the answer tells the rest."""
        receiver = self._receiver(command.receiver)
        expires = self._message_expiry(command)
        content = ("text", command.message)
        message = self._message(command, source, receiver, command.message, expires, detached, content)
        return self._carry(command, source, message, answer, detached)

    def resume(self, message: Message) -> None:
        """Take up a message that was accepted, and known not to be sent, before a restart."""
        self.duplicates.claim(message.fingerprint, message.seq, lambda outcome: None, recognise=False)
        self._delivery.send(message, lambda outcome: self._ended(message, outcome))

    def _receiver(self, given: str) -> str:
        if not self.rules.claimed:
            raise NotSent(
                "this device has no owner yet and sends nothing; open its pages and set it up",
                reason="unclaimed",
            )
        receiver = canonical(given, self.numbering)
        self.blocklist.check(receiver)
        return receiver

    def _message_expiry(self, command: SendSms | SendEmail) -> float | None:
        if not self.rules.drop_expired:
            return None
        expires = command.expiration
        if expires is None and command.date_time is not None:
            expires = command.date_time + self.rules.lifetime
        if expires is None or not self._clock.trusted:
            return None
        if expires <= self._clock.wall():
            raise Expired("the message has expired; nothing was sent")
        return expires

    def _message(
        self,
        command: Sending,
        source: Source,
        receiver: str,
        text: str,
        expires: float | None,
        detached: bool,
        content: tuple[str, ...],
    ) -> Message:
        now, steady = self._clock.wall(), self._clock.steady()
        return Message(
            seq=self._ledger.next_seq(),
            id=command.id or secrets.token_hex(8),
            command=command.name,
            owner=source.owner,
            receiver=receiver,
            text=text,
            fingerprint=self._digest("message", _told_apart(command, source), receiver, *content),
            accepted=now,
            deadline=steady + (ASYNC_DEADLINE if detached else SYNC_DEADLINE),
            detached=detached,
            expires=expires,
            ends=math.inf if expires is None else steady + expires - now,
            subject="" if isinstance(command, SendSms) else command.subject,
            report=not isinstance(command, SendEmail) and (command.report or self.rules.delivery_reports),
            via=command.via if isinstance(command, SendSms) else "",
            callback=source.callback,
        )

    def _carry(
        self,
        command: Sending,
        source: Source,
        message: Message,
        answer: Future[Reply],
        detached: bool,
        issue: Callable[[], None] | None = None,
    ) -> str | None:
        def ended(outcome: Outcome) -> None:
            self._ended(message, outcome)
            answer.set_result(_rendered(command, message, outcome))

        def heard(outcome: Outcome) -> None:
            answer.set_result(replace(_rendered(command, message, outcome), duplicate=True))

        recognise = bool(_told_apart(command, source)) or source.redelivered
        if not self.duplicates.claim(message.fingerprint, message.seq, heard, recognise):
            return message.id
        # The row comes before the code: a crash between the two leaves a row that frees the reference.
        record = self._ledger.accept(message)
        try:
            if issue is not None:
                issue()
            if detached:
                self._spool.keep(message)
                record.wait()
        except Exception as error:
            if not isinstance(error, GatewayError):
                log.error("%s could not be taken in: %s", command.name, described(error))
                error = StorageFailed("the message could not be put on record; nothing was sent")
            self._delivery.refuse(message, error, ended)
            return None
        else:
            self._delivery.send(message, ended)
        return message.id

    def _ended(self, message: Message, outcome: Outcome) -> None:
        self._spool.drop(message.seq)
        self.duplicates.settle(message.fingerprint, message.seq, outcome)


def _told_apart(command: Sending, source: Source) -> str:
    """What tells this message from another with the same words: its id, else its broker's name for it."""
    return command.id or (f"{source.door}\0{source.delivery}" if source.delivery else "")


def _rendered(command: Sending, message: Message, outcome: Outcome) -> Reply:
    """The reply to a message's caller."""
    data: dict[str, Any] = dict(command.echo) if isinstance(command, RequestOtp) else {"id": message.id}
    if isinstance(command, SendSms) and (sent := outcome.sent):
        data |= {"modemID": sent.modem, "modem": sent.name, "parts": sent.parts, "result": str(outcome.state)}
    return Reply(command.name, outcome.code, data, outcome.reason, outcome.error)
