"""Tools for one modem that a person uses with care: its SIM card's PIN, and its IMEI."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from app.core.errors import BadRequest, GatewayError
from app.modems.errands import result_of
from app.modems.finding import PinMemory
from app.modems.fleet import Fleet
from app.modems.inbox import sim_of
from hw.errors import PinRefused
from hw.gsm import imei, locks
from hw.gsm.locks import SimLock
from hw.gsm.modem import GsmModem
from hw.gsm.start import LAST_TRIES

PATIENCE = 60.0  # seconds for a modem's thread to come to a tool and be done with it
WARNING = (
    "Writing an IMEI is a repair for boards that lost theirs."
    " Changing the IMEI of a device is unlawful in many countries."
)
T = TypeVar("T")


class PinLocked(GatewayError):
    """A PIN was refused, or too few tries are left to risk one."""

    reason = "pin_refused"


# What was done, with its detail: whoever calls knows who did it, and from where.
Note = Callable[[str, str], None]


class Tools:
    """Each call waits for the modem's own thread. Raises GatewayError in people's words.

    note(what, detail) writes what was done into the audit.
    """

    warning = WARNING

    def __init__(self, fleet: Fleet, pins: PinMemory) -> None:
        self._fleet = fleet
        self._pins = pins
        self._writing = threading.Lock()  # one modem at a time

    def sim(self, modem: str) -> SimLock:
        """State of the PIN, whether it is asked, tries left."""
        return self._with(modem, locks.sim_lock)

    def lock_sim(self, modem: str, on: bool, pin: str, note: Note) -> None:
        """Have the card ask for its PIN, or not. A PIN that was refused is never given again."""
        self._with(modem, self._guarded(modem, pin, lambda at_work: locks.set_lock(at_work, on, pin)))
        note("sim.lock_on" if on else "sim.lock_off", modem)

    def change_pin(self, modem: str, old: str, new: str, note: Note) -> None:
        if not (new.isascii() and new.isdigit() and 4 <= len(new) <= 8):
            raise BadRequest("a PIN has 4 to 8 digits")
        self._with(modem, self._guarded(modem, old, lambda at_work: locks.change_pin(at_work, old, new)))
        note("sim.pin_changed", modem)

    def write_imei(self, modem: str, number: str, typed: str, password_is_right: bool, note: Note) -> None:
        """See ``WARNING``, which must be shown before. typed: the new IMEI once more, by hand.

        password_is_right: whether the administrator's password was asked again just now, and was right.
        """
        if not password_is_right:
            raise BadRequest("the administrator's password is asked again before an IMEI is written")
        if typed != number:
            raise BadRequest("the IMEI typed for confirmation is another one; nothing was written")
        if not imei.is_valid(number):
            raise BadRequest("an IMEI has 15 digits, the last of which checks the others")
        if not self._writing.acquire(blocking=False):
            raise BadRequest("another modem's IMEI is being written; one at a time")
        try:
            before = self._with(modem, lambda at_work: at_work.identity.imei if at_work.identity else None)
            note("imei.write", f"{modem}: {before} to {number}")
            self._with(modem, lambda at_work: locks.write_imei(at_work, number))
        finally:
            self._writing.release()
        note("imei.written", f"{modem}: {number}")

    def _guarded(self, item: str, pin: str, work: Callable[[GsmModem], None]) -> Callable[[GsmModem], None]:
        """The work, with all that keeps a card from being locked."""
        if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):
            raise BadRequest("a PIN has 4 to 8 digits")

        def guarded(modem: GsmModem) -> None:
            card = sim_of(modem, item)
            if self._pins.pin_was_refused(card, pin):
                raise PinLocked("this SIM refused this PIN before; it is not given again")
            left = locks.tries_left(modem)
            if left is not None and left < LAST_TRIES:
                raise PinLocked("this SIM has one try left and a wrong PIN would lock it; none is given here")
            try:
                work(modem)
            except PinRefused as error:
                self._pins.remember_refused_pin(card, pin)
                left = locks.tries_left(modem)
                rest = "" if left is None else f"; {left} tries are left"
                raise PinLocked(f"the SIM refused the PIN{rest}") from error

        return guarded

    def _with(self, modem: str, work: Callable[[GsmModem], T]) -> T:
        return result_of(self._fleet, modem, work, PATIENCE)
