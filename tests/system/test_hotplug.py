"""A flash disk that is plugged in while the device runs: the kernel's event, udev, our rule, the unit.

The kernel here has no USB gadgets; a loop device that udev is told to be a USB one comes and goes instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine import Machine, machine, until
from tests.system.stick import ALLOWED, INI, VERIFY

#: linux/loop.h
LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81
RULES = ("60-otppi", "61-otppi-modems", "70-otppi-stick")


class Socket:
    """A USB socket of a device: what is plugged in there appears as one and the same disk."""

    def __init__(self, device: Machine, disk: str) -> None:
        self.device = device
        self.disk = disk
        self.full = False
        self._before = ""

    def plug_in(self, image: Path) -> None:
        self._before = self.device("journalctl --lines=0 --show-cursor").rpartition("-- cursor: ")[2]
        subprocess.run(["losetup", self.disk, image], check=True)
        self.full = True

    def pull(self) -> None:
        if self.full:
            subprocess.run(["losetup", "--detach", self.disk], check=True)
            self.full = False

    def _said(self, unit: str) -> str:
        """By the unit for this disk, since it was plugged in."""
        since = f"--after-cursor='{self._before}' --unit={unit}@{Path(self.disk).name}.service"
        return self.device(f"journalctl --no-pager --output=cat {since}", check=False)

    def await_journal(self, words: str) -> None:
        try:
            until(lambda: words in self._said("otppi-reset-reader"), f"the reader says {words!r}")
        except AssertionError as error:
            told = self.device(f"udevadm info {self.disk}", check=False)
            raise AssertionError(f"{error}\n{told}\n{self.device.journal()}") from None
        until(lambda: "Finished " in self._said("otppi-reset"), "the unit has ended")


@pytest.fixture
def socket() -> Iterator[Socket]:
    """On a device whose udev hears the kernel; containers usually do without."""
    # A loop device of its own: the first free one could be somebody else's by the time it is used.
    number = 1000 + os.getpid() % 1000
    disk = f"/dev/loop{number}"
    loops = os.open("/dev/loop-control", os.O_RDWR)
    fcntl.ioctl(loops, LOOP_CTL_ADD, number)

    def prepare(root: Path) -> None:
        (root / "etc/udev/rules.d").mkdir(parents=True, exist_ok=True)
        stands_for_usb = f'SUBSYSTEM=="block", KERNEL=="{Path(disk).name}", ENV{{ID_BUS}}="usb"\n'
        (root / "etc/udev/rules.d/59-usb.rules").write_text(stands_for_usb)

    with machine(prepare=prepare, arguments=ALLOWED) as device:
        device.booted()
        device("udevadm verify " + " ".join(f"/usr/lib/udev/rules.d/{name}.rules" for name in RULES))
        # On a device the kernel makes the node; and its first process looks once whether there are devices.
        node = os.stat(disk).st_rdev
        device(f"test -e {disk} || mknod {disk} b {os.major(node)} {os.minor(node)}")
        device("mount -o remount,rw /sys && systemctl start systemd-udevd && systemctl daemon-reexec")
        device("sleep 2")  # the old manager is gone; the new one answers when it has looked at all devices
        until(lambda: device("systemctl is-active systemd-udevd", check=False) == "active", "udev runs")
        one = Socket(device, disk)
        try:
            yield one
        finally:
            one.pull()
    with contextlib.suppress(OSError):  # somebody still looks at it: it is nobody's all the same
        fcntl.ioctl(loops, LOOP_CTL_REMOVE, number)
    os.close(loops)


def test_a_stick_that_is_plugged_in_is_read_at_once(socket: Socket, tmp_path: Path) -> None:
    (tmp_path / "d/otppi").mkdir(parents=True)
    (tmp_path / f"d/{INI}").write_text(f"RESET_DHCP = true\n{VERIFY}")
    image = tmp_path / "stick.img"
    subprocess.run(["truncate", "-s", "16M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-d", tmp_path / "d", image], check=True)
    gone = "test ! -e /var/lib/otppi/settings/dhcp.json"

    socket.device.set("dhcp", "default_lease_time=600")
    socket.plug_in(image)
    socket.await_journal("DHCP: reset")
    assert socket.device(gone, check=False).status == 0
    assert "otppi-stick" not in socket.device("cat /proc/mounts")
    socket.pull()
    told = subprocess.run(["debugfs", "-R", "cat reset-report.txt", image], check=True, capture_output=True)
    assert b"DHCP: reset" in told.stdout, socket.device.journal(
        f"otppi-reset@{Path(socket.disk).name}.service"
    )

    # The same stick again is no other request.
    socket.device.set("dhcp", "default_lease_time=600")
    socket.plug_in(image)
    socket.await_journal("Done before: the file has not changed since")
    assert socket.device(gone, check=False).status == 1
