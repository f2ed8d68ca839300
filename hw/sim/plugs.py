"""Which simulated modem is plugged in behind ``sim://NAME``."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs, urlsplit

from hw.sim.air import Air
from hw.sim.card import numbered
from hw.sim.modem import SimModem


class Plugs:
    """The sockets of one world of simulated modems. Thread-safe.

    A name that nobody plugged in gets a new modem when it is opened; one that was unplugged stays away.
    """

    def __init__(self, air: Air | None = None) -> None:
        self.air = air if air is not None else Air()
        self._guard = threading.Lock()
        self._modems: dict[str, SimModem | None] = {}
        self._made = 0

    def plug_in(self, name: str, modem: SimModem) -> SimModem:
        """Put a modem behind a name."""
        with self._guard:
            self._modems[name] = modem
        return modem

    def unplug(self, name: str) -> SimModem | None:
        """Pull a modem: whoever has it open loses the port; the modem comes back for another socket."""
        with self._guard:
            modem = self._modems.get(name)
            self._modems[name] = None
        if modem is not None:
            modem.unplug()
        return modem

    def at(self, url: str) -> SimModem | None:
        """The modem behind ``sim://NAME?family=huawei&delay_ms=200&pin=1234``; None if it was unplugged.

        The query only matters for a modem that does not exist yet. Raises ValueError if it is wrong.
        """
        parts = urlsplit(url)
        name = parts.netloc or parts.path.strip("/")
        if not name:
            raise ValueError(f"{url} names no modem; write sim://NAME")
        with self._guard:
            if name not in self._modems:
                self._modems[name] = self._made_for(name, parse_qs(parts.query))
            return self._modems[name]

    def modems(self) -> dict[str, SimModem]:
        """All that are plugged in, by name."""
        with self._guard:
            return {name: modem for name, modem in self._modems.items() if modem is not None}

    def _made_for(self, name: str, query: dict[str, list[str]]) -> SimModem:
        card = numbered(self._made)
        card.pin = query.get("pin", [None])[0]
        self._made += 1
        return SimModem(
            name,
            make=query.get("family", ["generic"])[0],
            air=self.air,
            card=card,
            imei=imei_of(self._made - 1),
            delay=float(query.get("delay_ms", ["0"])[0]) / 1000,
        )


def imei_of(index: int) -> str:
    """A different valid IMEI for each index (0 to 9,999), with its check digit (23.003 annex B)."""
    body = f"0010150000{index:04d}"
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


#: The sockets that every ``sim://`` url of this process leads to.
plugs = Plugs()
