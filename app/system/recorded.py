"""Stands for the system on a desk: notes what would have been done, and gives likely answers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

from app.core.clock import Clock
from app.system.dbus import Bus, Place, SystemRefused, Typed
from hw.buzzer import Melody

log = logging.getLogger(__name__)

KEPT = 200


class RecordedBus(Bus):
    """The system bus of `make run`: `notes` holds what the device would have done, newest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.notes: deque[str] = deque(maxlen=KEPT)
        self._properties: dict[str, Any] = {
            "Timezone": "Etc/UTC",
            "NTP": True,
            "ActiveState": "inactive",
            "SubState": "dead",
        }
        self._properties |= {"CanNTP": True, "NTPSynchronized": True, "Job": [0, "/"], "NRestarts": 0}

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        if member == "GetConnectionByUuid":
            raise SystemRefused("there is none", "org.freedesktop.NetworkManager.Settings.InvalidConnection")
        if member in ("GetDevices", "LoadUnit"):
            return [[]] if member == "GetDevices" else ["/unit"]
        words = ", ".join(repr(_bare(argument)) for argument in arguments)
        self.note(f"{place.interface.rpartition('.')[2]}.{member}({words})")
        if member == "SetTimezone":
            self._properties["Timezone"] = arguments[0]
        if member == "SetNTP":
            self._properties["NTP"] = arguments[0]
        return ["/recorded"]

    def get(self, place: Place, name: str) -> Any:
        return self._properties.get(name, "")

    def note(self, sentence: str) -> None:
        """Keep what would have been done."""
        log.info("on the device: %s", sentence)
        self.notes.append(sentence)


class RecordedSound:
    """The buzzer of `make run`: says what would be heard."""

    def __init__(self, bus: RecordedBus, pin: int) -> None:
        self._bus = bus
        self._pin = pin

    def play(self, melody: Melody, stopping: threading.Event) -> bool:
        tones = " ".join(f"{note.hertz:.0f}" for note in melody if note.hertz)
        self._bus.note(f"the buzzer on GPIO {self._pin} plays {tones} Hz")
        return not stopping.wait(sum(note.seconds for note in melody))


def _bare(value: Any) -> Any:
    if isinstance(value, Typed):
        return _bare(value.value)
    if isinstance(value, dict):
        return {key: _bare(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    return value
