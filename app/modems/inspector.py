"""Looks what is plugged in: known modems are taken up again, unknown ones offered, useless sticks named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.events import Announce, ModemFound, StickUnusable
from app.modems.fields import fields_of
from app.modems.fleet import Fleet
from app.modems.rounds import Rounds
from hw.errors import HwError
from hw.gsm.probe import Found, probe_stick
from hw.serialports import SerialPort
from hw.sticks import Stick, sticks

log = logging.getLogger(__name__)

TRIES = 5  # looks at a stick that does not answer: some need half a minute after they were plugged in
STOP = 10.0
IDLE = 3600.0  # the periodic check may be off; events wake at once all the same


@dataclass(frozen=True, slots=True)
class Offer:
    """A modem that no settings know. fields: by the names of the section modems, ready to be saved."""

    socket: str
    port: str
    fields: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Notice:
    """A stick that can carry nothing as it is."""

    socket: str
    what: str
    advice: str


class Inspector:
    """A thread named ``inspector``; ``poke`` from udev's thread, ``every`` seconds (0: never).

    look() gives what is plugged in, ask(ports) who is behind the ttys of a stick.
    """

    def __init__(
        self,
        fleet: Fleet,
        announce: Announce,
        clock: Clock,
        look: Callable[[], Sequence[Stick]] = sticks,
        ask: Callable[[Sequence[SerialPort]], Found | None] = probe_stick,
    ) -> None:
        self.every = 5.0
        self._fleet = fleet
        self._announce = announce
        self._clock = clock
        self._look = look
        self._ask = ask
        self._seen: dict[str, Stick] = {}
        self._mute: dict[str, int] = {}  # how often a stick did not answer
        self._offers: dict[str, tuple[str | None, Offer]] = {}
        self._notices: dict[str, Notice] = {}
        self._rounds = Rounds("inspector", self.inspect, lambda: self.every or IDLE)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop(STOP)

    def poke(self) -> None:
        """Something was plugged in or pulled: look now. From any thread."""
        self._rounds.wake()

    def offers(self) -> list[Offer]:
        return [offer for _, offer in list(self._offers.values())]

    def notices(self) -> list[Notice]:
        return list(self._notices.values())

    def inspect(self) -> None:
        """One look at everything that is plugged in."""
        plugged = {stick.socket: stick for stick in self._look()}
        for socket in list(self._seen):
            if socket not in plugged or plugged[socket] != self._seen[socket]:
                self._forget(socket)
        for socket, stick in plugged.items():
            if socket not in self._seen:
                self._meet(stick)
        for socket, (imei, offer) in list(self._offers.items()):
            taken = self._fleet.ports.in_use(offer.port) or self._fleet.names_port(offer.port)
            if taken or (imei and self._fleet.knows(imei)):  # somebody put it into the settings
                del self._offers[socket]

    def _meet(self, stick: Stick) -> None:
        if stick.mode != "modem":
            self._seen[stick.socket] = stick
            self._notices[stick.socket] = Notice(stick.socket, stick.name, stick.advice)
            log.warning("USB %s is a %s: %s", stick.socket, stick.name, stick.advice)
            self._announce(StickUnusable(stick.socket, stick.name, stick.advice))
            return
        paths = [port.path for port in stick.ports]
        if any(self._fleet.ports.in_use(path) for path in paths):
            self._seen[stick.socket] = stick
            return
        found = self._asked(stick)
        if found is None:
            self._mute[stick.socket] = self._mute.get(stick.socket, 0) + 1
            if self._mute[stick.socket] >= TRIES:
                self._seen[stick.socket] = stick
            return
        self._seen[stick.socket] = stick
        if found.imei and self._fleet.seen_at(found.imei, found.port):
            log.info("a known modem is back at %s", found.port)
            return
        if any(self._fleet.names_port(path) for path in paths):
            return  # the settings name the port without an IMEI: its worker takes what is there
        fields: dict[str, str | int] = {"port": found.port, "baud_rate": found.baud, **fields_of(found)}
        offer = Offer(stick.socket, found.port, fields)
        self._offers[stick.socket] = (found.imei, offer)
        name = " ".join(word for word in (found.manufacturer, found.model) if word) or "modem"
        log.info("a new modem is at %s: %s", found.port, name)
        self._announce(ModemFound(found.port, name, stick.socket))

    def _asked(self, stick: Stick) -> Found | None:
        """Ask while nobody else may open the stick's ports."""
        with ExitStack() as held:
            if not all(held.enter_context(self._fleet.ports.taken(port.path)) for port in stick.ports):
                return None
            try:
                return self._ask(stick.ports)
            except HwError as error:
                log.debug("stick %s: %s", stick.socket, error)
                return None

    def _forget(self, socket: str) -> None:
        self._seen.pop(socket, None)
        self._mute.pop(socket, None)
        self._offers.pop(socket, None)
        self._notices.pop(socket, None)
