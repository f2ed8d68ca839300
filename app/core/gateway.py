"""The one counter every door leads to: a command comes in, a reply goes out when it is known."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from app.core.commands import (
    AnswerUssd,
    BlockMsisdn,
    CancelUssd,
    Command,
    Echo,
    GetModemList,
    RequestOtp,
    RequestUssd,
    SendEmail,
    SendSms,
    Source,
    UnblockMsisdn,
    VerifyOtp,
)
from app.core.errors import BadRequest, GatewayError
from app.core.faults import described
from app.core.intake import Intake
from app.core.message import LedgerRow, State
from app.core.ports import Fleet, Ledger
from app.core.receiver import canonical
from app.core.replies import SUCCESS, Reply, refusal

log = logging.getLogger(__name__)

SETTLING = 60.0  # seconds an outcome may take to be on record


class Gateway:
    """Carries out commands. ``handle`` and ``take`` never raise: a failure is a reply too."""

    def __init__(self, intake: Intake, fleet: Fleet, ledger: Ledger) -> None:
        self.intake = intake
        self._fleet = fleet
        self._ledger = ledger

    def handle(self, command: Command, source: Source) -> Future[Reply]:
        """Carry out one command; the future is resolved when the outcome is known and on record.

        Its callbacks run in a thread of the house and must only enqueue.
        """
        answer: Future[Reply] = Future()
        try:
            self._dispatch(command, source, answer, detached=False)
        except Exception as error:
            answer.set_result(_failure(command, error))
        return answer

    def handle_all(self, commands: Sequence[Command], source: Source) -> Future[list[Reply]]:
        """Carry out several commands in order; the answers keep that order."""
        answers = [
            self.handle(command, replace(source, delivery=f"{source.delivery}/{place}"))
            if source.delivery
            else self.handle(command, source)
            for place, command in enumerate(commands)
        ]
        together: Future[list[Reply]] = Future()
        if not answers:
            together.set_result([])
        left = iter(range(len(answers) - 1, -1, -1))  # next() is atomic: the last to end sees 0

        def one_ended(_: Future[Reply]) -> None:
            if next(left) == 0:
                together.set_result([answer.result() for answer in answers])

        for answer in answers:
            answer.add_done_callback(one_ended)
        return together

    def take(self, command: Command, source: Source) -> Reply:
        """Accept a command without waiting for its outcome (``Prefer: respond-async``).

        A message is on record and its text in the spool when this returns; anything else is carried
        out and answered as by ``handle``.
        """
        answer: Future[Reply] = Future()
        try:
            message_id = self._dispatch(command, source, answer, detached=True)
            if message_id is None or answer.done():  # a repeat of what was sent has no later
                return answer.result(SETTLING)
        except Exception as error:
            return _failure(command, error)
        return Reply(command.name, SUCCESS, {"id": message_id, "state": str(State.QUEUED)})

    def status(self, source: Source, message_id: str) -> LedgerRow | None:
        """The latest message of that id among the source's own."""
        return self._ledger.find(source.owner, message_id)

    def _dispatch(
        self, command: Command, source: Source, answer: Future[Reply], detached: bool
    ) -> str | None:
        """Carry out or begin; the answer is resolved now or by the outcome. The id of a message
        that is on its way comes back."""
        match command:
            case RequestOtp():
                return self.intake.request_otp(command, source, answer, detached)
            case SendSms() | SendEmail():
                return self.intake.send(command, source, answer, detached)
            case RequestUssd() | AnswerUssd() | CancelUssd():
                if detached:
                    raise BadRequest(f"{command.name} has no later: ask without respond-async")
                self._ussd(command, answer)
            case _:
                answer.set_result(Reply(command.name, SUCCESS, self._at_once(command, source)))
        return None

    def _at_once(self, command: Command, source: Source) -> Mapping[str, Any]:
        intake = self.intake
        match command:
            case VerifyOtp():
                receiver = canonical(command.receiver, intake.numbering)
                intake.otp.verify(command.reference, receiver, command.params, command.otp)
                return command.echo
            case BlockMsisdn():
                number = intake.numbering.canonical(command.receiver)
                intake.blocklist.block(number, source.owner)
                return {"receiver": number}
            case UnblockMsisdn():
                number = intake.numbering.canonical(command.receiver)
                intake.blocklist.unblock(number, source.owner)
                return {"receiver": number}
            case GetModemList():
                return {"modem_list": self._fleet.listing()}
            case Echo():
                return command.request
        raise BadRequest(f"{command.name} is not a command")

    def _ussd(self, command: RequestUssd | AnswerUssd | CancelUssd, answer: Future[Reply]) -> None:
        def done(result: Mapping[str, Any] | Exception) -> None:
            if isinstance(result, Exception):
                answer.set_result(_failure(command, result))
            else:
                answer.set_result(Reply(command.name, SUCCESS, result))

        match command:
            case RequestUssd():
                self._fleet.ussd(command.modem_id, command.ussd_code, done)
            case AnswerUssd():
                self._fleet.answer_ussd(command.modem_id, command.text, done)
            case CancelUssd():
                self._fleet.cancel_ussd(command.modem_id, done)


def _failure(command: Command, error: Exception) -> Reply:
    if isinstance(error, GatewayError):
        return refusal(command.name, error, _given(command))
    log.error("%s failed with an unforeseen %s", command.name, described(error))
    return Reply(command.name, "1102", {}, "failed", "the gateway met an unforeseen error; see its log")


def _given(command: Command) -> Mapping[str, Any]:
    """What a refusal gives back so that the caller knows which request it was."""
    match command:
        case RequestOtp() | VerifyOtp():
            return command.echo
        case SendSms() | SendEmail():
            return {"id": command.id} if command.id else {}
        case RequestUssd():
            return {"modem_id": command.modem_id, "ussd_code": command.ussd_code}
        case AnswerUssd() | CancelUssd():
            return {"modem_id": command.modem_id}
        case _:
            return {}
