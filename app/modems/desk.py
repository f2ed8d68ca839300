"""What the pages ask of the modems: how each is doing, who answers at a port, the parts of a text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from app.core.errors import BadRequest, NoDevice
from app.modems.errands import result_of
from app.modems.fields import fields_of
from app.modems.fleet import Fleet
from app.modems.standing import Standing
from hw.errors import AtTimeout, HwError
from hw.gsm.errors import PduError
from hw.gsm.modem import GsmModem
from hw.gsm.probe import Found, detect_baud, probe
from hw.gsm.segment import lay_out
from hw.ports import Line
from hw.serialports import serial_ports

PATIENCE = 20.0  # seconds for a modem's thread to come to an errand
BETWEEN_LOOKS = 0.1


class Desk:
    """Answers in plain words and figures; hardware errors become core errors here."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def cards(self) -> Sequence[Mapping[str, Any]]:
        """One record a modem, in the order of their ids; signal in percent, or None where unknown."""
        resting = self._fleet.resting()
        return [
            {
                "id": item,
                "name": spec.name,
                "active": spec.modem.active,
                "state": standing.state,
                "why": standing.why,
                "port": standing.port or spec.modem.port,
                "operator": standing.operator or spec.modem.operator,
                "signal": _percent(standing.signal.rssi),
                "rssi": standing.signal.rssi,
                "condition": standing.signal.condition,
                "iccid": (standing.identity and standing.identity.iccid) or spec.modem.iccid,
                "model": (standing.identity and standing.identity.model) or spec.modem.model,
                "prefixes": spec.modem.recipient_prefix,
                "default": spec.modem.default_modem,
                "queued": queued,
                "sent": standing.sent,
                "failed": standing.failed,
                "unknown": standing.unknown,
                "resting": item in resting,
                "limit": spec.per_minute,
                "internet_access": spec.modem.internet_access,
                "internet": _internet(standing),
                "told": fields_of(standing.identity) if standing.identity is not None else {},
            }
            for item, (spec, standing, queued) in self._fleet.standings().items()
        ]

    def ports(self) -> Sequence[tuple[str, str]]:
        """Each serial port and what is plugged in there, as far as USB tells."""
        return [
            (port.path, " ".join(word for word in (port.manufacturer, port.product) if word))
            for port in serial_ports()
        ]

    def detect(self, port: str) -> Mapping[str, str]:
        """Who answers at a port, by the names of the settings' fields. Raises GatewayError."""
        for spec, standing, _ in self._fleet.standings().values():
            if port in (standing.port, spec.modem.port) and standing.identity is not None:
                return {"baud_rate": str(spec.modem.baud_rate), **fields_of(standing.identity)}
        try:
            with self._alone_at(port):
                found = _found_at(port)
        except HwError as error:
            raise NoDevice(str(error)) from error
        return {"baud_rate": str(found.baud), **fields_of(found)}

    def connect(self, item: str) -> None:
        """Have a modem work again that was disconnected. Raises BadRequest."""
        self._fleet.connect(item)

    def disconnect(self, item: str) -> None:
        """Close a modem's port until it is connected or the service starts anew. Raises BadRequest."""
        self._fleet.disconnect(item)

    def services(self) -> Mapping[str, bool | None]:
        """Whether any modem for ``sms``, and any for ``internet``, is at work; None where there is none."""
        found: dict[str, bool | None] = {"sms": None, "internet": None}
        for card in self.cards():
            if card["active"]:
                kind = "internet" if card["internet_access"] else "sms"
                found[kind] = bool(found[kind]) or not card["resting"]
        return found

    def switch(self, kind: str, on: bool) -> None:
        """Connect, or disconnect, all modems for ``sms`` or for ``internet``."""
        for card in self.cards():
            mine = card["active"] and card["internet_access"] == (kind == "internet")
            if mine and card["resting"] == on:
                (self.connect if on else self.disconnect)(card["id"])

    @contextmanager
    def _alone_at(self, port: str) -> Iterator[None]:
        """Wait for whoever is asking there now: the inspector does when something was just plugged in."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with self._fleet.ports.taken(port) as free:
                if free:
                    yield
                    return
            if time.monotonic() > deadline:
                raise NoDevice(f"{port} is in use by another modem")
            time.sleep(BETWEEN_LOOKS)

    def test(self, item: str) -> Mapping[str, str]:
        """Ask a modem how it is: what it answered, by question. Raises GatewayError."""
        return result_of(self._fleet, item, _asked, PATIENCE)

    def measure(self, text: str) -> Mapping[str, Any]:
        """Parts, alphabet, characters used of the last part and its room. Raises BadRequest."""
        try:
            layout = lay_out(text)
        except (PduError, UnicodeEncodeError) as error:
            raise BadRequest(str(error)) from error
        used = layout.units(layout.parts[-1])
        return {
            "parts": len(layout.parts),
            "alphabet": "GSM-7" if layout.alphabet == "gsm7" else "Unicode (UCS-2)",
            "used": used,
            "room": layout.capacity,
        }


def _asked(modem: GsmModem) -> Mapping[str, str]:
    signal, operator = modem.signal(), modem.operator()
    answers = {"AT": " ".join(modem.ask("AT")) or "OK", "ATI": " ".join(modem.ask("ATI"))[:200]}
    strength = "unknown" if signal.rssi is None else f"{signal.rssi} dBm, {signal.condition}"
    return {**answers, "AT+CSQ": strength, "AT+COPS?": operator.name or "-"}


def _found_at(port: str) -> Found:
    """Who answers, at the usual rate or at whichever a modem on a UART keeps to."""
    try:
        return probe(port)
    except AtTimeout:
        rate = detect_baud(port)
        if rate is None:
            raise
        return probe(port, Line(rate))


def _internet(standing: Standing) -> Mapping[str, Any] | None:
    return None if standing.internet is None else asdict(standing.internet)


def _percent(rssi: int | None) -> int | None:
    """-113 dBm is nothing, -51 dBm all there is (3GPP TS 27.007 §8.5)."""
    return None if rssi is None else min(max(round((rssi + 113) / 62 * 100), 0), 100)
