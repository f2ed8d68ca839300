"""What goes wrong with a simulated modem, and when: scripts that tests and benchmarks write."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

When = Literal["command", "prompt", "body"]
Action = Literal["refuse", "silence", "late", "wedge", "unplug", "no-ok"]


@dataclass
class Fault:
    """Do action at the next times occasions, after skipping some.

    when: an AT command arrives, a prompt is due (AT+CMGS), or a body ended with Ctrl-Z.
    action: refuse with final; silence; late by seconds; wedge (swallow everything until ESC);
    unplug the modem; no-ok (the answer's final OK gets lost).
    command: only commands that begin so. number: only messages to this receiver.
    sent: whether a message whose body was met with silence reaches the air all the same.
    """

    when: When
    action: Action
    final: str = "ERROR"
    seconds: float = 0.0
    skip: int = 0
    times: int = 1
    command: str = ""
    number: str = ""
    sent: bool = True

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Fault:
        """A fault out of a control line. Raises TypeError or ValueError with what is wrong."""
        fault = cls(**value)
        if fault.when not in ("command", "prompt", "body"):
            raise ValueError(f"a fault has no time {fault.when!r}")
        if fault.action not in ("refuse", "silence", "late", "wedge", "unplug", "no-ok"):
            raise ValueError(f"a fault has no action {fault.action!r}")
        return fault


class FaultBook:
    """The scripts that are still to happen, in the order they were written. Thread-safe."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._guard = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._guard:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._guard:
            self._faults.clear()

    def take(self, when: When, *, command: str = "", number: str = "") -> Fault | None:
        """The fault for this occasion, if there is one; it counts down."""
        with self._guard:
            for fault in self._faults:
                if fault.when != when or (fault.number and fault.number != number):
                    continue
                if not command.upper().startswith(fault.command.upper()):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None
