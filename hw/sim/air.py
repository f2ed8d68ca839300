"""What reached the air: the handsets' inboxes, with every message put together from its parts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hw.gsm.charset import decode_septets, decode_ucs2
from hw.gsm.messages import Content, Submit

#: Messages kept per Air; the oldest are forgotten first, so that a long benchmark does not grow.
KEPT = 20_000


@dataclass(frozen=True)
class Received:
    """A message as the handset shows it. at: wall time of the last part (seconds since 1970)."""

    number: str
    text: str = field(repr=False)
    modem: str
    at: float
    parts: int
    flash: bool
    alphabet: str


class Air:
    """The radio side of all simulated modems of one world. Thread-safe; listeners only enqueue."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._waiting: dict[tuple[str, str, int, int], dict[int, Submit]] = {}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._listeners: list[Callable[[Received], None]] = []
        self.parts = 0
        self.messages = 0
        self.duplicates = 0

    def carry(self, modem: str, part: Submit) -> None:
        """A modem sent one part; the message appears when its last part is here."""
        with self._changed:
            self.parts += 1
            whole = self._complete(modem, part)
            if whole is None:
                return
            message = _read(modem, whole, self._wall())
            self.messages += 1
            key = (message.number, message.text)
            self._seen[key] += 1
            if self._seen[key] > 1:
                self.duplicates += 1
            self._received.append(message)
            del self._received[:-KEPT]
            listeners = list(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener(message)

    def inbox(self, number: str | None = None) -> list[Received]:
        """The messages of one handset, or of all, in the order they came."""
        with self._changed:
            return [message for message in self._received if number in (None, message.number)]

    def times(self, number: str, text: str) -> int:
        """How often a handset received this very text."""
        with self._changed:
            return self._seen[(number, text)]

    def await_messages(self, count: int, timeout: float) -> list[Received]:
        """Wait until count messages have come in all; returns them, or fewer after the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self.messages >= count, timeout)
            return list(self._received)

    def listen(self, listener: Callable[[Received], None]) -> None:
        """Call listener for each message from now on, from whatever thread serves the modem."""
        with self._changed:
            self._listeners.append(listener)

    def clear(self) -> None:
        """Empty inboxes, counters at zero."""
        with self._changed:
            self._received.clear()
            self._waiting.clear()
            self._seen.clear()
            self.parts = self.messages = self.duplicates = 0

    def _complete(self, modem: str, part: Submit) -> list[Submit] | None:
        concat = part.content.part_of
        if concat is None:
            return [part]
        key = (modem, part.address.number, concat.ref, concat.total)
        parts = self._waiting.setdefault(key, {})
        parts[concat.seq] = part
        if len(parts) < concat.total:
            return None
        del self._waiting[key]
        return [parts[seq] for seq in sorted(parts)]


def _read(modem: str, parts: list[Submit], at: float) -> Received:
    content = parts[0].content
    text = _text([part.content for part in parts])
    flash = content.message_class == 0
    return Received(parts[0].address.number, text, modem, at, len(parts), flash, content.alphabet)


def _text(contents: list[Content]) -> str:
    units = b"".join(content.units for content in contents)
    if contents[0].alphabet == "ucs2":
        return decode_ucs2(units)
    if contents[0].alphabet == "gsm7":
        return decode_septets(units, contents[0].tables)
    return units.hex().upper()
