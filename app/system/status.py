"""How the machine is: load, temperature, memory, storage, since when; read from /proc and /sys."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figures:
    """One look. cpu: 0 to 1 since the look before, or None at the first; temperature in °C or None.

    memory, swap and storage in bytes; uptime in seconds; undervoltage: the board says its supply is weak.
    """

    cpu: float | None
    temperature: float | None
    memory_total: int
    memory_available: int
    storage_total: int
    storage_free: int
    uptime: float
    undervoltage: bool
    swap_total: int = 0
    swap_free: int = 0


class Status:
    """Looks at the machine. root: where /proc and /sys are; home: whose disk counts."""

    def __init__(self, home: Path, root: Path = Path("/")) -> None:
        self._home = home
        self._root = root
        self._before: tuple[int, int] | None = None

    def look(self) -> Figures:
        """The figures now; what the machine does not tell is None or 0."""
        memory = self._memory()
        total, free = self._storage()
        return Figures(
            cpu=self._cpu(),
            temperature=self._temperature(),
            memory_total=memory.get("MemTotal", 0),
            memory_available=memory.get("MemAvailable", 0),
            storage_total=total,
            storage_free=free,
            uptime=_number(self._text("proc/uptime").split(" ")[0]) or 0.0,
            undervoltage=self._undervoltage(),
            swap_total=memory.get("SwapTotal", 0),
            swap_free=memory.get("SwapFree", 0),
        )

    def _cpu(self) -> float | None:
        words = self._text("proc/stat").split("\n", 1)[0].split()[1:9]
        if len(words) < 5:
            return None
        ticks = [int(word) for word in words]
        idle, total = ticks[3] + ticks[4], sum(ticks)  # proc_stat(5): idle and iowait
        before, self._before = self._before, (idle, total)
        if before is None or total <= before[1]:
            return None
        return max(0.0, 1.0 - (idle - before[0]) / (total - before[1]))

    def _temperature(self) -> float | None:
        value = _number(self._text("sys/class/thermal/thermal_zone0/temp"))
        return value / 1000 if value is not None else None

    def _memory(self) -> dict[str, int]:
        found = {}
        for line in self._text("proc/meminfo").splitlines():
            name, _, rest = line.partition(":")
            words = rest.split()
            if words and words[0].isdigit():
                found[name] = int(words[0]) * 1024
        return found

    def _storage(self) -> tuple[int, int]:
        try:
            disk = os.statvfs(self._home)
        except OSError:
            return 0, 0
        return disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize

    def _undervoltage(self) -> bool:
        # The Pi's kernel shows the firmware's flag as a sensor (drivers/hwmon/raspberrypi-hwmon.c).
        for sensor in (self._root / "sys/class/hwmon").glob("hwmon*/in0_lcrit_alarm"):
            if self._text(str(sensor.relative_to(self._root))).strip() == "1":
                return True
        return False

    def _text(self, place: str) -> str:
        try:
            return (self._root / place).read_text("utf-8", "replace")
        except OSError:
            return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
