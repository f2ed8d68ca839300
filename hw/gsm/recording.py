"""A recorded session with a modem: read from pyserial's ``spy://``, cleaned, played again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from queue import SimpleQueue

#: ``000000.012 TX   0000  41 54 0D   AT.`` (pyserial, serial/urlhandler/protocol_spy.py)
_SPY = re.compile(r"^\d+\.\d+ (?P<way>[TR]X)\s+[0-9A-F]{4}\s+(?P<hex>(?:[0-9A-F]{2}\s+)+)")
_IMEI = re.compile(rb"(?<!\d)\d{14,16}(?!\d)")
_ICCID = re.compile(rb"(?<![0-9A-F])(?:89|98)[0-9A-F]{16,20}(?![0-9A-F])")
_CARD = b"8962100000000000017"
_NUMBER = re.compile(rb'"\+?\d{7,15}"')


@dataclass(frozen=True)
class Exchange:
    """One thing that was said to the modem, and everything that came back before the next."""

    sent: bytes
    received: bytes


def read_spy(lines: Iterable[str]) -> list[Exchange]:
    """The dialogue of a spy log, in order; control lines and the like are passed over."""
    found: list[Exchange] = []
    sent, received = b"", b""
    for line in lines:
        match = _SPY.match(line)
        if match is None:
            continue
        octets = bytes.fromhex(match["hex"])
        if match["way"] == "TX":
            if received:
                found.append(Exchange(sent, received))
                sent, received = b"", b""
            sent += octets
        else:
            received += octets
    if sent or received:
        found.append(Exchange(sent, received))
    return found


def cleaned(dialogue: Iterable[Exchange]) -> list[Exchange]:
    """Without numbers that name a person, a card or a device: what stays is of the same shape and valid."""
    return [Exchange(_clean(one.sent), _clean(one.received)) for one in dialogue]


def _clean(octets: bytes) -> bytes:
    octets = re.sub(rb"(AT\+C(?:PIN|PWD|LCK)=)[^\r]*", rb"\1(left out)", octets)
    octets = _ICCID.sub(lambda match: _CARD.ljust(len(match[0]), b"0")[: len(match[0])], octets)
    octets = _IMEI.sub(lambda match: b"4901542032375180"[: len(match[0])], octets)
    return _NUMBER.sub(lambda match: b'"+' + b"6281100000000000"[: len(match[0]) - 3] + b'"', octets)


def as_json(dialogue: Iterable[Exchange]) -> list[dict[str, str]]:
    """For a file: octets as Latin-1 text, so that each is one character."""
    return [
        {"sent": one.sent.decode("latin-1"), "received": one.received.decode("latin-1")} for one in dialogue
    ]


def from_json(entries: Iterable[dict[str, str]]) -> list[Exchange]:
    """The dialogue of such a file."""
    return [
        Exchange(entry["sent"].encode("latin-1"), entry["received"].encode("latin-1")) for entry in entries
    ]


class Replay:
    """A port (``hw.ports.Port``) that answers as a modem once did; what it was never asked, it refuses.

    The same command is answered as often as it was, in that order; then by its last answer.
    """

    def __init__(self, dialogue: Iterable[Exchange], url: str = "replay://") -> None:
        self.url = url
        self.unknown: list[str] = []
        self._answers: dict[bytes, list[bytes]] = {}
        for one in dialogue:
            self._answers.setdefault(one.sent.strip(b"\x1b"), []).append(one.received)
        self._out: SimpleQueue[bytes] = SimpleQueue()
        self._line = b""

    def read(self) -> bytes:
        return self._out.get()

    def write(self, data: bytes) -> None:
        self._line += data
        if not self._line.endswith((b"\r", b"\x1a", b"\x1b")):
            return
        line, self._line = self._line.strip(b"\x1b"), b""
        known = self._answers.get(line)
        if known is None:
            if line.strip():
                self.unknown.append(line.decode("latin-1").strip())
                self._out.put(b"\r\nERROR\r\n")
            return
        self._out.put(known.pop(0) if len(known) > 1 else known[0])

    def close(self) -> None:
        self._out.put(b"")
