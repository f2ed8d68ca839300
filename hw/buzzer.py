"""A passive buzzer on a GPIO pin: plays notes, and lets the pin go in between."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

from hw.errors import DeviceMissing, PortBusy, PortLost


class Note(NamedTuple):
    """A tone of so many hertz, or silence at 0, for so many seconds."""

    hertz: float
    seconds: float


Melody = Sequence[Note]

# A4 and two octaves around it: what a small passive buzzer is loud at, 110 to 1760 Hz.
MIDDLE, OCTAVES = 440.0, 2


class Tone(Protocol):
    """What is used of gpiozero's TonalBuzzer."""

    def play(self, tone: object) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Buzzer:
    """Plays on `pin` (BCM numbering). open_tone: what drives the pin, gpiozero's TonalBuzzer unless given."""

    def __init__(self, pin: int, open_tone: Callable[[int], Tone] | None = None) -> None:
        self.pin = pin
        self._open = open_tone or _tonal_buzzer

    def play(self, melody: Melody, stopping: threading.Event) -> bool:
        """Play to the end, or until `stopping`; whether it was heard to the end.

        Raises DeviceMissing on a machine without GPIO, PortBusy when somebody else has the pin, PortLost when
        it fails while it plays.
        """
        tone = self._open(self.pin)
        try:
            with closing(tone):
                return _played(tone, melody, stopping)
        except Exception as error:  # each pin library has errors of its own, without a common root
            raise PortLost(f"GPIO {self.pin} failed: {error}") from error


def _played(tone: Tone, melody: Melody, stopping: threading.Event) -> bool:
    try:
        for note in melody:
            if note.hertz:
                tone.play(_tone_of(note.hertz))
            else:
                tone.stop()
            if stopping.wait(note.seconds):
                return False
        return True
    finally:
        tone.stop()


def _tone_of(hertz: float) -> object:
    try:
        from gpiozero.tones import Tone as Pitch
    except ImportError:
        return hertz
    return Pitch.from_frequency(hertz)


def _tonal_buzzer(pin: int) -> Tone:
    try:
        from gpiozero import TonalBuzzer
        from gpiozero.exc import BadPinFactory, GPIOPinInUse, PinFactoryFallback, PinUnknownPi
        from gpiozero.tones import Tone as Pitch
    except ImportError as error:
        raise DeviceMissing("the buzzer cannot be used: python3-gpiozero is not installed") from error
    try:
        # Which pin libraries it does not find is nothing to warn about.
        warnings.simplefilter("ignore", PinFactoryFallback)
        tone: Tone = TonalBuzzer(pin, mid_tone=Pitch.from_frequency(MIDDLE), octaves=OCTAVES)
    except (BadPinFactory, PinUnknownPi) as error:
        raise DeviceMissing("this machine has no GPIO for a buzzer") from error
    except GPIOPinInUse as error:
        raise PortBusy(f"GPIO {pin} is in use by something else") from error
    except Exception as error:  # each pin library has errors of its own, without a common root
        raise PortBusy(f"GPIO {pin} cannot be used: {error}") from error
    return tone
