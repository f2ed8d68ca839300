"""A flash disk that is plugged in while the device runs: the kernel's event, udev, our rule, the unit.

The kernel here has no USB gadgets; a loop device that udev is told to be a USB one comes and goes instead.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine import WORK, Machine, machine, until
from tests.system.stick import ALLOWED, INI, VERIFY

STANDS_FOR_USB = 'SUBSYSTEM=="block", KERNEL=="loop[0-9]*", ENV{ID_BUS}="usb"\n'


@pytest.fixture(scope="module")
def listening() -> Iterator[Machine]:
    """A device whose udev hears the kernel; containers usually do without."""

    def prepare(root: Path) -> None:
        (root / "etc/udev/rules.d").mkdir(parents=True, exist_ok=True)
        (root / "etc/udev/rules.d/59-usb.rules").write_text(STANDS_FOR_USB)

    with machine(prepare=prepare, arguments=ALLOWED) as device:
        device.booted()
        device("mount -o remount,rw /sys")
        device(
            "udevadm verify /usr/lib/udev/rules.d/60-otppi.rules /usr/lib/udev/rules.d/61-otppi-modems.rules"
        )
        device("systemctl start systemd-udevd")
        yield device


@pytest.fixture
def image() -> Iterator[Path]:
    folder = WORK / "hotplug"
    (folder / "d/otppi").mkdir(parents=True)
    (folder / f"d/{INI}").write_text(f"RESET_DHCP = true\n{VERIFY}")
    path = folder / "stick.img"
    subprocess.run(["truncate", "-s", "16M", path], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-d", folder / "d", path], check=True)
    yield path


def test_a_stick_that_is_plugged_in_is_read_at_once(listening: Machine, image: Path) -> None:
    listening.set("dhcp", "default_lease_time=600")
    free = subprocess.run(["losetup", "--find"], check=True, capture_output=True, text=True).stdout.strip()
    number = os.stat(free).st_rdev
    # The kernel makes the node on a device; a container's /dev is its own.
    listening(f"test -e {free} || mknod {free} b {os.major(number)} {os.minor(number)}")
    subprocess.run(["losetup", free, image], check=True)
    try:
        gone = "test -e /var/lib/otppi/settings/dhcp.json"
        until(lambda: listening(gone, check=False).status == 1, "the section is as new")
        listening.settled(f"otppi-reset@{Path(free).name}.service", "inactive")
        assert "otppi-stick" not in listening("cat /proc/mounts")
    finally:
        subprocess.run(["losetup", "--detach", free], check=True)
    told = subprocess.run(
        ["debugfs", "-R", "cat reset-report.txt", image], check=True, capture_output=True, text=True
    )
    assert "DHCP: reset" in told.stdout


def test_the_same_stick_again_is_not_another_reset(listening: Machine, image: Path) -> None:
    """Its time says that the file is another one: so it is done; left in place it is not."""
    listening.set("dhcp", "default_lease_time=600")
    done = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    free = done.stdout.strip()
    number = os.stat(free).st_rdev
    listening(f"test -e {free} || mknod {free} b {os.major(number)} {os.minor(number)}")
    try:
        gone = "test -e /var/lib/otppi/settings/dhcp.json"
        until(lambda: listening(gone, check=False).status == 1, "the section is as new")
        listening.settled(f"otppi-reset@{Path(free).name}.service", "inactive")
        listening.set("dhcp", "default_lease_time=600")
        (Path("/sys/class/block") / Path(free).name / "uevent").write_text("change")
        said = "Done before: the file has not changed since"
        until(
            lambda: said in listening("journalctl --boot --no-pager --output=cat"), "it was looked at again"
        )
        assert listening(gone, check=False).status == 0
    finally:
        subprocess.run(["losetup", "--detach", free], check=True)
