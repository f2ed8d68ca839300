"""One emulated device: switched on, typed at, plugged into, switched off."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.boot.emulator.card import TOOL
from tests.boot.emulator.console import Console
from tests.boot.emulator.qmp import Qmp
from tests.boot.emulator.waiting import patience


class Machine:
    """A QEMU process; board and disk are arguments, made by emulator.boards."""

    def __init__(self, folder: Path, arguments: Sequence[str], serial: Sequence[str]) -> None:
        """folder: for sockets and logs, its path short enough for a unix socket (107 bytes).
        serial: QEMU's arguments that lead the guest's console to {console}."""
        self.folder = folder
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
            # A thread may end meanwhile, and not every host lets its root do this.
            with suppress(ProcessLookupError, PermissionError):
                os.sched_setscheduler(int(thread.name), policy, os.sched_param(level))

    def freeze(self) -> None:
        """Stops the emulator where it is: the guest sees and says nothing more."""
        self._process.send_signal(signal.SIGSTOP)

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
