"""The ends a GsmModem is tested on: sim://, a pseudo-terminal, and a real modem when there is one."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from hw.gsm.events import Event
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import SubmitPdu, encode_submit
from hw.sim.modem import SimModem

#: Long enough for a busy machine; nothing waits this long when all is well.
PATIENCE = 20.0
#: Short enough to sit out in a test: the silence that a modem is allowed.
SOON = 0.8

NUMBER = "+6281200000001"

E_ = TypeVar("E_")


@dataclass
class Bench:
    """A port to open, the modem behind it (None: a real one), and what the opened modem tells."""

    url: str
    sim: SimModem | None
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)
    opened: list[GsmModem] = field(default_factory=list)

    @property
    def modem_behind(self) -> SimModem:
        """The simulated modem, for scripts; tests that need one are skipped on a real modem."""
        if self.sim is None:
            pytest.skip("a real modem cannot be scripted")
        return self.sim

    def open(self, **settings: Any) -> GsmModem:
        """A modem that is not started yet; closed at the end of the test."""
        settings = {"send_timeout": PATIENCE, "prompt_timeout": PATIENCE} | settings
        modem = GsmModem.open(self.url, on_event=self.events.put, name="bench", **settings)
        self.opened.append(modem)
        return modem

    def started(self, **settings: Any) -> GsmModem:
        """A modem that is ready for messages."""
        modem = self.open(**settings)
        modem.start()
        return modem

    def event(self, kind: type[E_]) -> E_:
        """The next event of a kind; others before it are passed over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(event, kind):
                return event


def message(text: str, number: str = NUMBER, **settings: Any) -> list[SubmitPdu]:
    """A message ready to send."""
    return encode_submit(number, text, **settings)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another thread will bring about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
