"""One emulated device: switched on, typed at, plugged into, switched off."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.boot.emulator.card import TOOL
from tests.boot.emulator.console import Console
from tests.boot.emulator.qmp import Qmp


class Machine:
    """A QEMU process; board and disk are arguments, made by emulator.boards."""

    def __init__(self, folder: Path, arguments: Sequence[str], serial: Sequence[str]) -> None:
        """folder: for sockets and logs, its path short enough for a unix socket (107 bytes).
        serial: QEMU's arguments that lead the guest's console to {console}."""
        self.folder = folder
        self.started = time.monotonic()
        self.state = "off"  # then as systemd calls it: running, degraded…
        place = {"console": str(folder / "console")}
        self._output = (folder / "qemu.log").open("wb")
        self._process = subprocess.Popen(
            [TOOL, "qemu-system-aarch64", *arguments]
            + [word.format(**place) for word in serial]
            + ["-qmp", f"unix:{folder / 'qmp'},server=on,wait=off"]
            + ["-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", "-no-reboot"],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        try:
            self.console = Console(folder / "console", self._alive, folder / "console.log")
            self.qmp = Qmp(folder / "qmp")
        except BaseException:
            self.cut_power()
            raise

    @property
    def has_power(self) -> bool:
        return self._process.poll() is None

    @property
    def age(self) -> float:
        """Seconds since it was switched on."""
        return time.monotonic() - self.started

    def wait_until_up(self, timeout: float) -> None:
        """Waits until systemd has finished starting, well or not (state tells)."""
        self.console.find_shell(timeout)
        self.state = self.console.run("systemctl is-system-running --wait", timeout, check=False).split("\n")[
            -1
        ]

    def remember(self, name: str) -> None:
        """Keeps everything as it is now under a name, for `go_back_to`; nothing may be plugged in."""
        self._monitor(f"savevm {name}")

    def go_back_to(self, name: str) -> None:
        """Everything is again as it was when it was remembered, in a second instead of a start."""
        self._monitor(f"loadvm {name}")
        self.qmp.ask("cont")
        self.console.forget()

    def rest(self) -> None:
        """Stands still until `go_back_to`: an idle guest costs its host much of a processor."""
        self.qmp.ask("stop")

    def _monitor(self, line: str) -> None:
        said = self.qmp.monitor(line, timeout=patience(60))
        if said.strip():
            raise RuntimeError(f"{line}: {said.strip()}")

    def restart(self, timeout: float, by: Callable[[], object] | None = None) -> None:
        """Has the guest restart itself and waits until it is up again. by: how, the shell unless given."""
        self.qmp.ask("set-action", reboot="reset")
        if by is None:
            self.console.type("systemctl reboot")
        else:
            by()
        self.qmp.wait_for("RESET", timeout)
        self.wait_until_up(timeout)

    def prefer(self, preferred: bool) -> None:
        """Before everything else on this host, or like everything else: for the seconds of measuring a pace.

        A nice value would count among the programs of this session only (autogroups, sched(7)).
        """
        policy, level = (os.SCHED_RR, 1) if preferred else (os.SCHED_OTHER, 0)
        for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(level))

    def pin(self, number: int) -> int:
        """The level of a Pi's pin below 32, seen from outside (GPLEV0, BCM2835 ARM Peripherals 6.1)."""
        return self.qmp.word(0x3F200034) >> number & 1

    def shut_down(self, timeout: float = 180.0) -> None:
        """Asks the guest to power off and waits until it has."""
        self.console.type("systemctl poweroff")
        try:
            self._process.wait(timeout)
        finally:
            self.cut_power()

    def switch_off(self) -> None:
        """Ends the emulator as a power cut does: nothing is said to the guest."""
        self._process.kill()
        self._process.wait(30)

    def cut_power(self) -> None:
        """Switches off at once; what the guest had handed to the disk stays."""
        self.switch_off()
        self._output.close()

    def _alive(self) -> None:
        if self._process.poll() is not None:
            words = (self.folder / "qemu.log").read_text(errors="replace")
            raise RuntimeError(f"the emulator ended with {self._process.returncode}: {words[-2000:]}")


def wait_until(true: Callable[[], bool], timeout: float) -> None:
    """Returns once true() is; an AssertionError when it takes longer than timeout seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"not true within {timeout:.0f} s"
        time.sleep(0.1)


def patience(quiet_seconds: float) -> float:
    """A time-out for what takes quiet_seconds on two idle cores; OTPPI_PATIENCE stretches it."""
    return quiet_seconds * 4 * float(os.environ.get("OTPPI_PATIENCE", "1"))
