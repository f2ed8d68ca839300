"""The SIM card's PIN and the modem's IMEI: asked, changed, and never tried twice after a refusal."""

from __future__ import annotations

from dataclasses import dataclass

from hw.at import replies
from hw.at.command import quoted
from hw.errors import AtError, HwError, PinRefused
from hw.gsm import imei as numbers
from hw.gsm import start
from hw.gsm.modem import GsmModem


@dataclass(frozen=True)
class SimLock:
    """How a SIM card is locked. state: as in AT+CPIN?; asks_pin: at power-up; tries: left, where known."""

    state: str
    asks_pin: bool | None
    tries: int | None


def sim_lock(modem: GsmModem) -> SimLock:
    """How the card is locked. Raises AtTimeout, PortLost."""
    state = replies.sim_state(_lines(modem, "AT+CPIN?")) or "unknown"
    asks = replies.lock_status(_lines(modem, 'AT+CLCK="SC",2'))
    return SimLock(state, asks, tries_left(modem))


def tries_left(modem: GsmModem) -> int | None:
    """PIN tries left, where the modem tells. Raises AtTimeout, PortLost."""
    return start.tries_left(lambda command: _lines(modem, command), modem.dialect)


def set_lock(modem: GsmModem, on: bool, pin: str) -> None:
    """Have the card ask for its PIN at power-up, or not any longer (27.007 §7.4). Raises PinRefused."""
    _once(modem, f'AT+CLCK="SC",{int(on)},{quoted(pin)}')


def change_pin(modem: GsmModem, old: str, new: str) -> None:
    """Give the card another PIN; its lock must be on (27.007 §7.5). Raises PinRefused."""
    _once(modem, f'AT+CPWD="SC",{quoted(old)},{quoted(new)}')


def write_imei(modem: GsmModem, number: str) -> None:
    """Write the IMEI by the family's command and read it back. Raises ValueError, HwError.

    A repair tool for boards that lost theirs; unlawful in many countries. The modem may need a restart.
    """
    if not numbers.is_valid(number):
        raise ValueError("an IMEI has 15 digits, the last of which checks the others (Luhn)")
    command = modem.dialect.imei_write
    if not command:
        raise HwError(f"No command is known that writes the IMEI of a {modem.dialect.name} modem.")
    modem.ask(command.format(number))
    found = replies.imei(modem.ask("AT+CGSN"))
    if found is None or numbers.completed(found) != number:
        raise HwError("The modem took the IMEI and still tells another one; restart it and look again.")


def _once(modem: GsmModem, command: str) -> None:
    try:
        modem.ask(command)
    except AtError as error:
        raise PinRefused("The SIM refused the PIN; it is not given again.") from error


def _lines(modem: GsmModem, command: str) -> tuple[str, ...]:
    try:
        return modem.ask(command)
    except AtError:
        return ()
