"""The DS3231 clock chip: as the kernel's driver tells, and over I2C where the kernel has not bound it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ADDRESS = 0x68
STATUS = 0x0F  # DS3231 datasheet 19-5170 rev 10, "Status Register": bit 7 is OSF, the oscillator was stopped
TEMPERATURE = 0x11  # two's complement degrees, then quarters in the two highest bits of 0x12
OSF = 0x80


class I2c(Protocol):
    """What is used of smbus2.SMBus."""

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class RtcState:
    """The chip. stopped: its time is worth nothing; temperature in °C or None; `sentence` for people."""

    present: bool
    stopped: bool
    temperature: float | None
    sentence: str


class Rtc:
    """Looks for the chip each time it is asked: it may be plugged onto a device that runs.

    root: where /sys and /dev are; open_bus: opens an I2C bus by its number (for tests, and smbus2 else).
    """

    def __init__(
        self, root: Path = Path("/"), open_bus: Callable[[int], I2c] | None = None, bus: int = 1
    ) -> None:
        self._root = root
        self._open = open_bus or _smbus
        self._bus = bus

    def read(self) -> RtcState:
        """How the chip is; never raises."""
        for clock in sorted((self._root / "sys/class/rtc").glob("rtc*")):
            name = _text(clock / "name").split(" ")[0]
            if name:
                return self._bound(clock, name)
        return self._unbound()

    def _bound(self, clock: Path, name: str) -> RtcState:
        # The kernel refuses to tell a time that the chip itself does not vouch for (OSF).
        stopped = not _text(clock / "since_epoch")
        temperature = None
        for reading in sorted(clock.glob("device/hwmon/hwmon*/temp1_input")):
            text = _text(reading)
            temperature = int(text) / 1000 if text.lstrip("-").isdigit() else None
        why = "stood still: set the clock, look at its battery" if stopped else "keeps the time"
        return RtcState(True, stopped, temperature, f"the clock chip ({name}) {why}")

    def _unbound(self) -> RtcState:
        if not (self._root / f"dev/i2c-{self._bus}").exists():
            return RtcState(False, False, None, "this machine has no clock chip")
        try:
            bus = self._open(self._bus)
        except (OSError, ImportError) as error:
            return RtcState(False, False, None, f"the I2C bus cannot be read: {error}")
        try:
            (status,) = bus.read_i2c_block_data(ADDRESS, STATUS, 1)
            degrees, quarters = bus.read_i2c_block_data(ADDRESS, TEMPERATURE, 2)
        except (OSError, ValueError):
            return RtcState(False, False, None, "no clock chip answers on the I2C bus")
        finally:
            bus.close()
        temperature = (degrees - 256 if degrees > 127 else degrees) + (quarters >> 6) / 4
        stopped = bool(status & OSF)
        state = "stood still" if stopped else "runs"
        return RtcState(True, stopped, temperature, f"the clock chip {state}, but the system does not use it")


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _smbus(number: int) -> I2c:
    from smbus2 import SMBus

    bus: I2c = SMBus(number)
    return bus
