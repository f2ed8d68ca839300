"""One message through one modem: encoded, confirmed, sent, and what came of it in the core's words."""

from __future__ import annotations

import math
from typing import Protocol

from app.core.clock import Clock
from app.core.errors import NotSent, PortGone, UnknownOutcome
from app.core.message import Message, Sent
from app.core.msisdn import dialled
from app.core.ports import Job
from app.modems.inbox import sim_of
from app.modems.spec import ModemSpec
from hw.errors import AtError, HwError, OutcomeUnknown, PartlySent, PortLost
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import PduError, SubmitPdu, encode_submit

# 27.005 §3.2.5: nothing came back from the network in time, which may have the message all the same.
_NETWORK_TIMEOUT = (332, "network timeout")


class References(Protocol):
    """Numbers the parts of long messages."""

    def part_reference(self, receiver: str) -> int:
        """The next reference for this receiver, 0 to 65535, kept over restarts."""
        ...


def encode(message: Message, spec: ModemSpec, references: References, clock: Clock) -> list[SubmitPdu]:
    """The PDUs of a message. Raises NotSent (``bad_request``) for a text that fits no message."""
    left = None if math.isinf(message.ends) else max(message.ends - clock.steady(), 1.0)
    try:
        return encode_submit(
            dialled(message.receiver),
            message.text,
            reference=lambda: references.part_reference(message.receiver),
            validity=left,
            report=message.report,
            national=spec.national,
            smsc=dialled(spec.modem.sms_centre.lstrip("+")) if spec.modem.sms_centre else None,
        )
    except PduError as error:
        raise NotSent(str(error), reason="bad_request") from error


def send(modem: GsmModem, job: Job, pdus: list[SubmitPdu], spec: ModemSpec, more: bool) -> Sent:
    """Two round trips a part. Raises NotSent, PortGone or UnknownOutcome, each from its HwError."""
    handed_over = False

    def before_body() -> None:
        nonlocal handed_over
        job.confirm()
        handed_over = True

    try:
        references = modem.send_sms(pdus, before_body=before_body, more_to_follow=more)
    except PartlySent as error:
        raise UnknownOutcome(
            f"{spec.name} sent a part of the message and did not take the rest: do not repeat it blindly"
        ) from error
    except OutcomeUnknown as error:
        raise UnknownOutcome(
            f"{spec.name} took the message and gave no answer; it may or may not have been sent: "
            "do not repeat it blindly"
        ) from error
    except PortLost as error:
        raise PortGone(f"the port of {spec.name} is gone; plug it in again") from error
    except AtError as error:
        if handed_over and error.code in _NETWORK_TIMEOUT:
            raise UnknownOutcome(
                f"{spec.name} took the message and the network did not answer it; it may or may not have "
                "been sent: do not repeat it blindly"
            ) from error
        raise NotSent(f"{spec.name} did not take the message: {error}") from error
    except HwError as error:
        raise NotSent(f"{spec.name} does not answer; nothing was sent") from error
    return Sent(spec.id, spec.name, len(pdus), tuple(references), sim_of(modem, spec.id))


class Pace:
    """How long this modem takes for a message, learned from the last ones."""

    def __init__(self, first_guess: float = 3.0) -> None:
        self._mean = first_guess
        self._seen = 0

    def learn(self, seconds: float) -> None:
        self._seen += 1
        # The first ones weigh more, so that a fast modem is not held to be slow for long.
        self._mean += (seconds - self._mean) * max(0.1, 1.0 / self._seen)

    def wait(self, ahead: int) -> float:
        """Seconds until so many messages ahead are done."""
        return self._mean * ahead if math.isfinite(self._mean) else 0.0
