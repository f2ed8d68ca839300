"""How the machine is doing: CPU, memory, swap, storage, temperature, read from /proc and /sys."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TEMPERATURES = ("sys/class/thermal/thermal_zone0/temp",)


class Machine:
    """Figures by name, each with its unit in the name of its key.

    root: where /proc and /sys are found; storage: the folder whose file system is watched.
    """

    def __init__(self, storage: Path, root: Path = Path("/")) -> None:
        self._storage = storage
        self._root = root
        self._busy = self._total = 0

    def figures(self) -> dict[str, float]:
        """cpu, memory, swap, storage in percent; temperature in °C; own: the service's resident MB.

        What this machine does not tell is left out. cpu: since the last call.
        """
        found: dict[str, float] = {}
        with suppress(OSError, ValueError, IndexError):
            found["cpu"] = self._cpu()
        with suppress(OSError, ValueError, KeyError):
            found |= self._memory()
        with suppress(OSError):
            disk = os.statvfs(self._storage)
            found["storage"] = 100.0 * (disk.f_blocks - disk.f_bavail) / max(disk.f_blocks, 1)
        for place in _TEMPERATURES:
            with suppress(OSError, ValueError):
                found["temperature"] = int((self._root / place).read_text()) / 1000
        with suppress(OSError, ValueError, IndexError):
            pages = int((self._root / "proc/self/statm").read_text().split()[1])
            found["own"] = pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
        return found

    def _cpu(self) -> float:
        line = (self._root / "proc/stat").read_text().split("\n", 1)[0]
        ticks = [int(word) for word in line.split()[1:9]]
        total, busy = sum(ticks), sum(ticks) - ticks[3] - ticks[4]
        share = 100.0 * (busy - self._busy) / max(total - self._total, 1)
        self._busy, self._total = busy, total
        return min(max(share, 0.0), 100.0)

    def _memory(self) -> dict[str, float]:
        fields = {}
        for line in (self._root / "proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            fields[name] = int(rest.split()[0])
        found = {"memory": 100.0 * (1 - fields["MemAvailable"] / fields["MemTotal"])}
        if fields["SwapTotal"]:
            found["swap"] = 100.0 * (1 - fields["SwapFree"] / fields["SwapTotal"])
        return found
