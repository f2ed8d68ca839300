"""What the guest writes to the Pi's GPIO registers, with the time of each write, as QEMU itself notes it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Writes of a machine that was started with `arguments`."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "registers.log"
        self.arguments = ["-msg", "timestamp=on", "-D", str(self._log)]
        self._from = 0

    @contextmanager
    def recording(self, machine: Machine) -> Iterator[None]:
        """Notes every write while the block runs, with the machine before everything else on this host."""
        machine.prefer(True)
        self.begin()
        machine.qmp.monitor("trace-event memory_region_ops_write on")
        try:
            yield
        finally:
            machine.qmp.monitor("trace-event memory_region_ops_write off")
            machine.prefer(False)

    def begin(self) -> None:
        """What was noted so far is not looked at any more."""
        self._from = self._log.stat().st_size if self._log.exists() else 0

    def text(self) -> str:
        """Every write since the beginning, as QEMU's log has it."""
        with self._log.open(errors="replace") as log:
            log.seek(self._from)
            return log.read()

    def edges(self, pin: int) -> list[Edge]:
        """Every change of the pin's level since the beginning."""
        found: list[Edge] = []
        for line in self.text().splitlines():
            write = _WRITE.match(line)
            if write is None or int(write["address"], 16) not in (_SET, _CLEAR):
                continue
            level = int(int(write["address"], 16) == _SET)
            if int(write["value"], 16) >> pin & 1 and (not found or found[-1].level != level):
                found.append(Edge(float(write["at"]), level))
        return found


@dataclass(frozen=True)
class Tone:
    hertz: float
    seconds: float


def tones(edges: list[Edge], pause: float = 0.03) -> list[Tone]:
    """The tones that were heard: a steady pace of rises makes one, over 20 of them at least.

    A new one begins with another pace (more than a tenth away), or after `pause` seconds without a rise.
    """
    rises = [edge.at for edge in edges if edge.level]
    runs: list[list[float]] = [[]]
    for period in (later - earlier for earlier, later in pairwise(rises)):
        if period > pause:
            runs.append([])
        else:
            runs[-1].append(period)
    return [tone for run in runs for tone in _paces(run)]


def _paces(periods: list[float], around: int = 7) -> list[Tone]:
    """The paces in a run without a pause; a running median passes over late rises and keeps steps sharp."""
    smooth = [median(periods[max(0, at - around) : at + around + 1]) for at in range(len(periods))]
    steady: list[list[float]] = [[]]
    for period in smooth:
        if steady[-1] and abs(period / steady[-1][0] - 1) > 0.1:
            steady.append([])
        steady[-1].append(period)
    found: list[Tone] = []
    for stretch in (stretch for stretch in steady if len(stretch) > 20):
        tone = Tone(1 / median(stretch), sum(stretch))
        if found and abs(tone.hertz / found[-1].hertz - 1) < 0.1:
            found[-1] = Tone(found[-1].hertz, found[-1].seconds + tone.seconds)
        else:
            found.append(tone)
    return found
