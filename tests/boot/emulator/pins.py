"""What the guest writes to the Pi's GPIO registers, with the time of each write, as QEMU itself notes it."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.boot.emulator.machine import Machine

# BCM2835 ARM Peripherals, 6.1: GPSET0 and GPCLR0 at 0x1c and 0x28 of the GPIO block, 0x3f200000 on a Pi 3.
_SET, _CLEAR = 0x3F20001C, 0x3F200028
_WRITE = re.compile(
    r"^\d+@(?P<at>\d+\.\d+):memory_region_ops_write "
    r".*?addr (?P<address>0x[0-9a-f]+) value (?P<value>0x[0-9a-f]+) "
)


@dataclass(frozen=True)
class Edge:
    at: float  # seconds of the host's clock
    level: int


class Recorder:
    """Writes of a machine that was started with `arguments`; from `start` on."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "registers.log"
        self.arguments = ["-msg", "timestamp=on", "-D", str(self._log)]
        self._from = 0

    def start(self, machine: Machine) -> None:
        self._from = self._log.stat().st_size if self._log.exists() else 0
        machine.qmp.monitor("trace-event memory_region_ops_write on")

    def stop(self, machine: Machine) -> None:
        machine.qmp.monitor("trace-event memory_region_ops_write off")

    def text(self) -> str:
        """Every write since the start, as QEMU's log has it."""
        with self._log.open(errors="replace") as log:
            log.seek(self._from)
            return log.read()

    def edges(self, pin: int) -> list[Edge]:
        """Every change of the pin's level since the start."""
        found: list[Edge] = []
        for line in self.text().splitlines():
            write = _WRITE.match(line)
            if write is None or int(write["address"], 16) not in (_SET, _CLEAR):
                continue
            level = int(int(write["address"], 16) == _SET)
            if int(write["value"], 16) >> pin & 1 and (not found or found[-1].level != level):
                found.append(Edge(float(write["at"]), level))
        return found


def tones(edges: list[Edge], pause: float = 0.03) -> list[float]:
    """The tones that were heard, in hertz: a run of rises, or the change of their pace, makes one.

    A rise that comes more than `pause` seconds after the one before begins anew.
    """
    rises = [edge.at for edge in edges if edge.level]
    periods = [later - earlier for earlier, later in pairwise(rises)]
    runs: list[list[float]] = [[]]
    for period in periods:
        if period > pause:
            runs.append([])
        else:
            runs[-1].append(period)
    return [1 / median(run) for run in runs if len(run) > 5]
