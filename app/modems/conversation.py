"""A USSD session with the network: a code, answers to its menus, its end; errands of the modem's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.core.errors import UssdFailed
from app.modems.queue import Errand
from hw.errors import HwError
from hw.gsm.errors import PduError
from hw.gsm.modem import GsmModem
from hw.gsm.ussd import UssdAnswer

Done = Callable[[Mapping[str, Any] | Exception], None]


def asking(modem: str, name: str, code: str, done: Done) -> Errand:
    """Begin with a code such as ``*100#``."""
    return _errand(
        name, done, lambda at_work: {**_told(modem, at_work.request_ussd(code)), "ussd_code": code}
    )


def answering(modem: str, name: str, text: str, done: Done) -> Errand:
    """Answer a menu; without one that waits, this fails."""

    def work(at_work: GsmModem) -> Mapping[str, Any]:
        if not at_work.ussd_open:
            raise HwError("no USSD menu waits for an answer; begin with a code")
        return _told(modem, at_work.answer_ussd(text))

    return _errand(name, done, work)


def cancelling(modem: str, name: str, done: Done) -> Errand:
    """End the session, if there is one."""

    def work(at_work: GsmModem) -> Mapping[str, Any]:
        at_work.cancel_ussd()
        return {"modem_id": modem}

    return _errand(name, done, work)


def _errand(name: str, done: Done, work: Callable[[GsmModem], Mapping[str, Any]]) -> Errand:
    def errand(at_work: GsmModem | None) -> None:
        if at_work is None:
            done(UssdFailed(f"{name} was lost before the request was sent"))
            return
        try:
            done(work(at_work))
        except (HwError, PduError) as error:
            done(UssdFailed(f"{name}: {error}"))

    return errand


def _told(modem: str, answer: UssdAnswer) -> Mapping[str, Any]:
    return {
        "modem_id": modem,
        "ussd_response": answer.text,
        "ussd_content": answer.text,
        "ussd_content_raw": answer.raw,
        "replyable": answer.replyable,
    }
