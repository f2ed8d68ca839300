"""The buzzer tells what went wrong: once or until it is over, not at night, and never in a message's way."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from app.core.clock import Clock
from app.core.events import BrokerState, Event, MessageDone
from app.core.faults import survived
from app.settings.bell import Bell as BellSettings
from hw.buzzer import Melody, Note
from hw.errors import HwError

log = logging.getLogger(__name__)

PAUSE = 5.0  # seconds between two rounds of a bell that repeats
WAITING = 16  # rings that may wait; more than that says nothing more

_C, _D, _E, _F, _G, _A, _B = 523.3, 587.3, 659.3, 698.5, 784.0, 880.0, 987.8

MELODIES: Mapping[str, Melody] = {
    "fail_send_sms": (Note(_A, 0.15), Note(0, 0.05), Note(_A, 0.15), Note(0, 0.05), Note(_E, 0.4)),
    "amqp_disconnected": (Note(_G, 0.2), Note(_C, 0.3)),
    "mqtt_disconnected": (Note(_G, 0.2), Note(_D, 0.3)),
    "ws_disconnected": (Note(_G, 0.2), Note(_E, 0.3)),
    "redis_disconnected": (Note(_A, 0.2), Note(_C, 0.3)),
    "activemq_disconnected": (Note(_A, 0.2), Note(_D, 0.3)),
    "stomp_disconnected": (Note(_A, 0.2), Note(_F, 0.3)),
    "reset_started": (Note(_C, 0.1), Note(0, 0.1), Note(_C, 0.1)),
    "reset_done": (Note(_C, 0.15), Note(_E, 0.15), Note(_G, 0.15), Note(_C * 2, 0.4)),
    "reset_refused": (Note(_C, 0.6), Note(0, 0.1), Note(_C, 0.6)),
}


class Sound(Protocol):
    """Something that plays; hw.buzzer.Buzzer on the device."""

    def play(self, melody: Melody, stopping: threading.Event) -> bool: ...


class Bell:
    """Listens to events (`hear` only enqueues) and plays in a thread of its own.

    sound: makes what plays from a GPIO pin.
    """

    def __init__(self, sound: Callable[[int], Sound], clock: Clock) -> None:
        self._make = sound
        self._clock = clock
        self._settings = BellSettings()
        self._sound = sound(self._settings.gpio_pin)
        self._queue: queue.Queue[str] = queue.Queue(WAITING)
        self._standing: dict[str, None] = {}  # what repeats, in the order it began
        self._down: dict[str, None] = {}  # brokers' troubles that last, heard or not
        self._hush = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self._told = ""
        self.trouble = ""

    def apply(self, settings: BellSettings) -> None:
        """Take over the section; what no longer repeats is over, and what repeats from now on begins."""
        if settings.gpio_pin != self._settings.gpio_pin:
            self._sound = self._make(settings.gpio_pin)
        before, self._settings = self._settings, settings
        for name in list(self._standing):
            if getattr(settings, name) != "repeat":
                self._standing.pop(name, None)
        for name in list(self._down):  # a broker that stays away is announced only once
            if getattr(settings, name) == "repeat" != getattr(before, name):
                self._begin(name)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._hush.set()
        with suppress(queue.Full):  # a full queue wakes the thread as well
            self._queue.put_nowait("")
        self._thread.join(5)

    def hear(self, event: Event) -> None:
        """One event of the house; from any thread."""
        match event:
            case MessageDone(state="failed"):
                self._begin("fail_send_sms")
            case MessageDone(state="sent"):
                self._end("fail_send_sms")
            case BrokerState(broker=broker, connected=connected, why=why):
                name = f"{broker}_disconnected"
                if name in BellSettings.options:
                    # Left on purpose: switched off by its owner, or to be connected afresh.
                    if connected or why == "left":
                        self._down.pop(name, None)
                        self._end(name)
                    else:
                        self._down[name] = None
                        self._begin(name)

    def play(self, name: str) -> None:
        """Play a melody by its name now, quiet hours or not: a person asks for it."""
        if name not in MELODIES:
            raise KeyError(f"{name} is no melody: {', '.join(MELODIES)}")
        self._enqueue(name)

    def silence(self) -> None:
        """Stop what plays and what repeats; the next trouble is heard again."""
        self._standing.clear()
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        self._hush.set()

    @property
    def ringing(self) -> tuple[str, ...]:
        """What repeats now."""
        return tuple(self._standing)

    def _begin(self, name: str) -> None:
        ring = getattr(self._settings, name)
        if ring == "repeat":
            self._standing.setdefault(name)
        if ring != "none" and not self._quiet():
            self._enqueue(name)

    def _end(self, name: str) -> None:
        self._standing.pop(name, None)

    def _enqueue(self, name: str) -> None:
        try:
            self._queue.put_nowait(name)
        except queue.Full:
            log.debug("%s is not heard: enough waits to be", name)

    def _quiet(self) -> bool:
        start, end = self._settings.quiet_from, self._settings.quiet_until
        if not start or not end or not self._clock.trusted:
            return False
        now = datetime.fromtimestamp(self._clock.wall()).strftime("%H:%M")
        return start <= now < end if start <= end else now >= start or now < end

    def _run(self) -> None:
        while not self._stopping.is_set():
            with survived(log, "a round of the bell"):
                self._round()

    def _round(self) -> None:
        """What waits to be heard, or else, after a pause, what repeats."""
        try:
            self._sing(self._queue.get(timeout=PAUSE))
        except queue.Empty:
            for name in [] if self._quiet() else list(self._standing):
                self._sing(name, standing=True)

    def _sing(self, name: str, standing: bool = False) -> None:
        # First, so that whoever presses Silence from here on is heard.
        self._hush.clear()
        if self._stopping.is_set() or (standing and name not in self._standing):
            return
        try:
            self._sound.play(MELODIES[name], self._hush)
            self.trouble = ""
        except HwError as error:
            self.trouble = str(error)
            if self._told != self.trouble:
                self._told = self.trouble
                log.warning("the bell is not heard: %s", error)
