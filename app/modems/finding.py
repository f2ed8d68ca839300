"""Finds a modem and brings it up: its port or where it came back, its PIN once, its IMEI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Protocol

from app.modems.ladder import Patience
from app.modems.search import Ports, namesakes
from app.modems.spec import ModemSpec
from hw.errors import DeviceMissing, HwError, PinRefused
from hw.gsm.events import Event
from hw.gsm.modem import GsmModem
from hw.gsm.start import Identity

ALL_TRIES = 3  # what a card that was given no wrong PIN since the last right one has left (ETSI TS 102 221)


class PinMemory(Protocol):
    """PINs that a SIM refused, or to which it said nothing; kept over restarts. card: see ``card_of``."""

    def pin_was_refused(self, card: str, pin: str) -> bool: ...

    def remember_refused_pin(self, card: str, pin: str) -> None: ...

    def pin_was_unanswered(self, card: str, pin: str) -> bool: ...

    def remember_unanswered_pin(self, card: str, pin: str) -> None: ...

    def forget_unanswered_pin(self, card: str, pin: str) -> None: ...


def card_of(iccid: str | None, modem: str) -> str:
    """The card's ICCID; a modem's own name stands in where the card does not tell."""
    return iccid or f"modem:{modem}"


class WrongModem(HwError):
    """The modem that answers at a port is not the one that is looked for."""


class Finder:
    """Knows one modem by its IMEI, once that was read or the settings name it."""

    def __init__(
        self, spec: ModemSpec, ports: Ports, pins: PinMemory, patience: Patience | None = None
    ) -> None:
        self.spec = spec
        self._ports = ports
        self._pins = pins
        self.imei = spec.modem.imei
        self._patience = patience or Patience()
        self.seen_at: str | None = None  # where the inspector met this IMEI

    @contextmanager
    def found(
        self,
        hear: Callable[[Event], None],
        trying: Callable[[str], None],
        prepare: Callable[[GsmModem], Identity],
    ) -> Iterator[tuple[GsmModem, str]]:
        """The modem, up and ready, with the port it is at; closed afterwards.

        trying(port) is told before each port; prepare(modem) makes it ready. Raises DeviceMissing,
        WrongModem, or what prepare raises.
        """
        missing: HwError | None = None
        port = self.spec.modem.port
        seen, self.seen_at = self.seen_at, None
        places = [*([seen] if seen else []), port]
        for candidate in chain(places, namesakes(port) if self.imei else ()):
            if candidate not in places and self._ports.owner(candidate) not in (None, self.imei):
                continue
            with self._ports.taken(candidate) as free:
                if not free:
                    continue
                try:
                    modem = self._opened(candidate, hear, trying, prepare)
                except (DeviceMissing, WrongModem) as error:
                    missing = missing or error
                    continue
                except HwError:
                    if candidate in places:
                        raise
                    continue
                try:
                    yield modem, candidate
                finally:
                    modem.close()
                return
        if isinstance(missing, WrongModem) and not self.spec.modem.imei:
            # Nothing in the settings insists on the old modem: the next look takes the new one.
            self.imei = ""
        raise missing or DeviceMissing(f"the port {port} is in use by another modem")

    def _opened(
        self,
        port: str,
        hear: Callable[[Event], None],
        trying: Callable[[str], None],
        prepare: Callable[[GsmModem], Identity],
    ) -> GsmModem:
        modem = GsmModem.open(
            port,
            line=self.spec.line,
            name=self.spec.name,
            on_event=hear,
            send_timeout=self._patience.send,
            prompt_timeout=self._patience.prompt,
        )
        try:
            trying(port)
            if port != self.spec.modem.port and self.imei:  # not at home: ask before anything is changed
                self._check(port, modem.who())
            identity = prepare(modem)
            self._check(port, identity.imei)
        except BaseException:
            modem.close()
            raise
        self.imei = identity.imei or self.imei
        return modem

    def _check(self, port: str, imei: str | None) -> None:
        if self.imei and imei and imei != self.imei:
            self._ports.note(port, imei)
            raise WrongModem(f"the modem at {port} has another IMEI than {self.spec.name}")

    def bring_up(self, modem: GsmModem) -> Identity:
        """Start a modem that was opened, or that restarted by itself."""
        pin = self.spec.modem.sim_pin
        record = _Record(self._pins, self.spec.id, pin)
        try:
            identity = modem.start(pin or None, record, baud=self.spec.modem.baud_rate)
        except PinRefused as error:
            self._pins.remember_refused_pin(card_of(error.iccid, self.spec.id), pin)
            raise
        record.confirmed(identity.iccid)
        return identity


class _Record:
    """``hw.gsm.start.PinRecord`` of one PIN."""

    def __init__(self, pins: PinMemory, modem: str, pin: str) -> None:
        self._pins = pins
        self._modem = modem
        self._pin = pin

    def kept_back(self, iccid: str | None, tries: int | None) -> str:
        card = card_of(iccid, self._modem)
        if self._pins.pin_was_refused(card, self._pin):
            return "This PIN was refused before; it is not given again."
        cost_nothing = tries is not None and tries >= ALL_TRIES
        if self._pins.pin_was_unanswered(card, self._pin) and not cost_nothing:
            return "This PIN was given before and not answered, which may have cost a try: it is kept back."
        return ""

    def unanswered(self, iccid: str | None) -> None:
        self._pins.remember_unanswered_pin(card_of(iccid, self._modem), self._pin)

    def confirmed(self, iccid: str | None) -> None:
        """The card is open, so it took the PIN, if it was given one."""
        for card in {card_of(iccid, self._modem), card_of(None, self._modem)}:
            if self._pin and self._pins.pin_was_unanswered(card, self._pin):
                self._pins.forget_unanswered_pin(card, self._pin)
