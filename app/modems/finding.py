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


class PinMemory(Protocol):
    """PINs that a SIM refused; they are never tried again, also after a restart."""

    def pin_was_refused(self, iccid: str, pin: str) -> bool: ...

    def remember_refused_pin(self, iccid: str, pin: str) -> None: ...


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
        try:
            baud = self.spec.modem.baud_rate
            return modem.start(
                pin or None, lambda iccid: self._pins.pin_was_refused(iccid or "", pin), baud=baud
            )
        except PinRefused as error:
            self._pins.remember_refused_pin(error.iccid or "", pin)
            raise
