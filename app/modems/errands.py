"""Work for one modem's own thread, and its result for whoever waits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import TypeVar

from app.core.errors import GatewayError, NoDevice
from app.modems.fleet import Fleet
from hw.errors import HwError
from hw.gsm.modem import GsmModem

T = TypeVar("T")


def result_of(fleet: Fleet, modem: str, work: Callable[[GsmModem], T], patience: float) -> T:
    """What came of the work, waited for so many seconds. Raises GatewayError in people's words."""
    answer: Future[T] = Future()

    def errand(at_work: GsmModem | None) -> None:
        try:
            if at_work is None:
                raise NoDevice("the modem was lost before it was asked")
            answer.set_result(work(at_work))
        except GatewayError as error:
            answer.set_exception(error)
        except (HwError, ValueError) as error:
            answer.set_exception(NoDevice(str(error)))

    fleet.errand(modem, errand)
    try:
        return answer.result(patience)
    except Late:
        raise NoDevice(f"the modem did not come to it within {patience:.0f} s") from None
