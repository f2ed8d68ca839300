"""A machine of the tests: Debian 13 booted by systemd-nspawn over memory, entered through its namespaces.

Made anew from a prepared layer in about a second; several may live at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app import __version__

TREE = Path(__file__).resolve().parents[2]
ROOT = Path(os.environ.get("OTPPI_BUILD", TREE / "build")) / "root-amd64"
WORK = Path(os.environ.get("OTPPI_SYSTEM_TEST", "/nonexistent"))
CGROUP = Path(os.environ.get("OTPPI_SYSTEM_TEST_CGROUP", "/nonexistent"))

#: Four times what a quiet machine needs, and more.
PATIENCE = 60.0


class Said(str):
    """What a command printed; `status` is its exit status."""

    status: int


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Ask until the answer is true, and give it; fails with `what` after `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.1)


def package(version: str = "") -> Path:
    """The Debian package of this tree, of another version where asked for."""
    if version:
        subprocess.run([TREE / "scripts/build-deb", version], check=True, capture_output=True)
        return TREE / "dist" / f"otp-pi_{version}_all.deb"
    return TREE / "dist" / f"otp-pi_{__version__}_all.deb"


class Layers:
    """The root file systems: Debian alone, with the package as a device, and as somebody's machine."""

    def __init__(self) -> None:
        self._made: dict[str, Path] = {}

    def plain(self) -> list[Path]:
        return [ROOT]

    def device(self) -> list[Path]:
        """As the image makes it: the overlay, then the package, then the preset."""
        return [self._once("device", self._make_device), ROOT]

    def gateway(self) -> list[Path]:
        """As `apt install` leaves a Debian machine: the package and nothing else."""
        return [self._once("gateway", self._install), ROOT]

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        if name not in self._made:
            folder = WORK / f"layer-{name}"
            with mounted(folder, [ROOT]) as root:
                make(root)
            self._made[name] = folder / "upper"
        return self._made[name]

    def _make_device(self, root: Path) -> None:
        subprocess.run(
            "tar -c --owner=0 --group=0 --mode=u+rwX,go=rX -C rootfs-overlay etc |"
            f" tar -x --no-overwrite-dir -C {root}",
            shell=True, check=True, cwd=TREE,
        )  # fmt: skip
        self._install(root)
        preset = TREE / "rootfs-overlay/usr/lib/systemd/system-preset/10-otppi.preset"
        for line in preset.read_text().splitlines():
            verb, _, unit = line.partition(" ")
            if verb in ("enable", "disable"):
                # One that is not installed in this root is nothing to switch.
                subprocess.run(["chroot", root, "systemctl", "--quiet", verb, unit], capture_output=True)

    def _install(self, root: Path) -> None:
        shutil.copy(package(), root / "root/otp-pi.deb")
        # A container has neither swap nor a network of its own at first: these units would fail in it.
        for unit in (
            "systemd-zram-setup@zram0.service",
            "isc-dhcp-server.service",
            "isc-dhcp-server6.service",
        ):
            mask = root / "etc/systemd/system" / unit
            mask.unlink(missing_ok=True)
            mask.symlink_to("/dev/null")
        (root / "etc/machine-id").write_text("")
        done = subprocess.run(
            ["chroot", root, "dpkg", "--install", "/root/otp-pi.deb"], capture_output=True, text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def mounted(folder: Path, lower: Sequence[Path]) -> Iterator[Path]:
    """An overlay over `lower` (topmost first) whose changes land in folder/upper."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    layers = ":".join(str(layer) for layer in lower)
    options = f"lowerdir={layers},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "none", folder / "root"], check=True)
    try:
        yield folder / "root"
    finally:
        subprocess.run(["umount", "--lazy", folder / "root"], check=True)


class Machine:
    """One booted machine. `root` is its file system as seen from outside."""

    def __init__(self, root: Path, arguments: Sequence[str] = ()) -> None:
        self.root = root
        self.started = time.monotonic()
        self.console: list[str] = []
        # Not by a process's number: those come again, and what an earlier run left is still there.
        self._group = CGROUP / f"machine-{time.time_ns()}"
        self._group.mkdir()
        self._nspawn = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", f"--directory={root}", "--boot", "--keep-unit", "--register=no",
                "--private-network", "--console=pipe", "--hostname=otp-pi", "--resolv-conf=off",
                "--timezone=off", *arguments,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            preexec_fn=self._own_group,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        self.leader = until(self._leader, "the machine has a first process", 20)

    def _own_group(self) -> None:
        (self._group / "cgroup.procs").write_text("0")

    def _listen(self) -> None:
        assert self._nspawn.stdout is not None
        for line in self._nspawn.stdout:
            self.console.append(line.rstrip())

    def _leader(self) -> int:
        assert self._nspawn.poll() is None, "\n".join(self.console[-20:])
        for candidate in _children(self._nspawn.pid):
            for child in (candidate, *_children(candidate)):
                try:
                    if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                        return child
                except OSError:
                    continue
        return 0

    def __call__(self, command: str, check: bool = True, **more: Any) -> Said:
        """Run a shell command in the machine as root."""
        done = subprocess.run(
            self.words(["bash", "-c", command]), capture_output=True, text=True, errors="replace",
            timeout=180,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb"}, **more,
        )  # fmt: skip
        said = Said((done.stdout + done.stderr).strip())
        said.status = done.returncode
        assert not check or done.returncode == 0, f"{command}\n→ {done.returncode}: {said}"
        return said

    def words(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", *command]

    def booted(self, patience: float = PATIENCE) -> str:
        """Wait until the boot has ended; the state that systemd then says."""
        states = ("running", "degraded")
        until(lambda: self("systemctl is-system-running", check=False) in states, "the boot ended", patience)
        self.seconds = time.monotonic() - self.started
        return self("systemctl is-system-running", check=False)

    def show(self, unit: str, name: str) -> str:
        return self(f"systemctl show --property={name} --value {unit}")

    def settled(self, unit: str, state: str = "active", patience: float = PATIENCE) -> None:
        """Wait until a unit is in a state."""
        try:
            until(
                lambda: self(f"systemctl is-active {unit}", check=False) == state,
                f"{unit} is {state}",
                patience,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.journal(unit)}") from None

    def journal(self, unit: str = "", lines: int = 60) -> str:
        of = f"--unit={unit}" if unit else ""
        return self(f"journalctl --boot --no-pager --output=cat {of} | tail -n {lines}", check=False)

    def set(self, place: str, *pairs: str) -> Said:
        """Change settings as the pages' functions do it, by the command line."""
        words = " ".join(f"'{pair}'" for pair in pairs)
        return self(f"runuser -u otppi -- /usr/sbin/otppi set {place} {words}")

    def get(self, path: str, port: int = 8899) -> Any:
        return json.loads(self(f"curl --silent --show-error --max-time 10 http://127.0.0.1:{port}{path}"))

    def exit_status(self) -> int:
        """How systemd-nspawn ended, for a machine that switched itself off."""
        return self._nspawn.wait(30)

    def stop(self) -> None:
        if self._nspawn.poll() is None:
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(15)
            except subprocess.TimeoutExpired:
                os.kill(self.leader, signal.SIGKILL)
                self._nspawn.wait(15)
        for group, _, _ in os.walk(self._group, topdown=False):
            with suppress(OSError):  # what has not quite ended keeps its group
                os.rmdir(group)


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


_layers = Layers()
_count = 0


@contextmanager
def machine(
    kind: str = "device",
    prepare: Callable[[Path], None] | None = None,
    arguments: Sequence[str] = (),
    keep: Path | None = None,
) -> Iterator[Machine]:
    """A machine of a kind ("plain", "gateway", "device").

    prepare: changes its file system before it boots; keep: a folder whose changes outlive this boot.
    """
    global _count
    _count += 1
    folder = keep or WORK / f"machine-{_count}"
    lower = {"plain": _layers.plain, "gateway": _layers.gateway, "device": _layers.device}[kind]()
    with mounted(folder, lower) as root:
        if prepare is not None:
            prepare(root)
        one = Machine(root, arguments)
        try:
            yield one
        except BaseException:
            sys.stderr.write(f"The end of the machine's journal:\n{one.journal()}\n")
            raise
        finally:
            one.stop()
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with machine() as shell:
        sys.stderr.write(f"{shell.booted()} after {shell.seconds:.1f} s\n")
        subprocess.run(shell.words(["bash"]))
