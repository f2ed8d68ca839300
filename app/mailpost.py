"""One message by e-mail, by the gateway's own accounts, never again while nobody knows if it is out."""

from __future__ import annotations

from app.core.commands import SendEmail, Source
from app.core.errors import UnknownOutcome
from app.core.gateway import Gateway
from app.core.message import State
from app.modems.forwarding import MayBeOut, NotTaken

PATIENCE = 120.0  # seconds for the accounts to be done with it
_SOURCE = Source("inbox")
_NO_ANSWER = "the mail server gave no answer; the mail may be out"


def post(gateway: Gateway | None, to: str, subject: str, text: str, id: str) -> None:
    """id: the same for each try of one mail, so that the ledger tells what became of the try before.

    Raises NotTaken; MayBeOut when it must not be tried again (decision 006).
    """
    if gateway is None:
        raise NotTaken("the gateway is not up yet")
    before = gateway.status(_SOURCE, id)
    if before is not None:
        if before.state in (State.SENT, State.DELIVERED):
            return
        if before.state is State.UNKNOWN:
            raise MayBeOut(_NO_ANSWER)
        if before.state in (State.QUEUED, State.SENDING):
            raise NotTaken("the mail is still on its way")
    try:
        answer = gateway.handle(SendEmail("send-email", to, text, subject, id), _SOURCE).result(PATIENCE)
    except TimeoutError as error:
        raise NotTaken("the mail server takes too long") from error
    if answer.reason == UnknownOutcome.reason:
        raise MayBeOut(_NO_ANSWER)
    if not answer.ok:
        raise NotTaken(f"the mail was not sent ({answer.reason})")
