"""Sticks of every kind: ext4, exFAT and FAT, write-protected, torn off, pulled while somebody reads.

ext4 is mounted from a loop device. This kernel may lack FAT and exFAT: exFAT is then mounted by exfat-fuse,
from the very image; for FAT mount's own helper seam (/sbin/mount.vfat) lays out what mtools reads from it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.system.machine import Machine, machine, until
from tests.system.stick import ALLOWED, INI, VERIFY, Stick, asking, calm, changed_sections


@pytest.fixture(scope="module")
def device() -> Iterator[Machine]:
    """A device of its own, that may see loop devices."""
    with machine(arguments=ALLOWED) as one:
        one.booted()
        yield one


@pytest.fixture
def fuse(device: Machine) -> Iterator[None]:
    """exFAT outside of the kernel, as mount(8) finds it."""
    device("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229")
    device("ln -sf mount.exfat-fuse /usr/sbin/mount.exfat")
    yield
    # After a test that failed half-way, too.
    device("umount --quiet --lazy /mnt; pkill -KILL mount.exfat", check=False)
    device("rm /usr/sbin/mount.exfat")


def exfat(stick: Stick, content: str) -> None:
    """An exFAT image with a request in it, written through the file system itself."""
    device = stick.machine
    subprocess.run(["truncate", "-s", "16M", stick.image], check=True)
    subprocess.run(["mkfs.exfat", stick.image], check=True, capture_output=True)
    stick.plug()
    device(f"mount -t exfat /dev/{stick.name} /mnt && mkdir /mnt/otppi")
    device(f"cat > /mnt/{INI} <<'END'\n{content}END")
    device("umount /mnt && until ! pgrep mount.exfat; do sleep 0.1; done")


@pytest.mark.usefixtures("fuse")
def test_an_exfat_stick_resets(device: Machine, stick: Stick) -> None:
    exfat(stick, f"RESET_DHCP = true\r\n{VERIFY}")
    device.set("dhcp", "default_lease_time=600")
    stick.read()
    assert "dhcp" not in changed_sections(device)
    assert "otppi-stick" not in device("cat /proc/mounts")


@pytest.mark.usefixtures("fuse")
def test_a_stick_pulled_while_it_is_read_harms_nothing(device: Machine, stick: Stick) -> None:
    """The reader waits for octets when the file system is gone for good: what drives it is killed."""
    exfat(stick, f"RESET_DHCP = true\r\n{VERIFY}")
    device.set("dhcp", "default_lease_time=600")
    device("/usr/lib/otppi/libexec/stick mount sdz1; pkill -STOP mount.exfat")
    reader = "otppi-reset-reader@sdz1.service"
    device(f"systemctl start --no-block {reader}")
    # It hangs in the kernel, in open() or read(), uninterruptible or not: proc_pid_wchan(5).
    asleep = f"cat /proc/$(systemctl show --property=MainPID --value {reader})/wchan"
    within = ("fuse", "request_wait_answer")  # the kernel's fs/fuse/dev.c, by its versions' names
    until(lambda: any(name in device(asleep, check=False) for name in within), "it reads")
    device("pkill -KILL mount.exfat")
    until(lambda: device.show(reader, "ActiveState") == "inactive", "the reader has ended")
    said = device(f"journalctl --no-pager --output=cat --unit={reader} | tail -n 20")
    assert "Refused: otppi/reset-config.ini cannot be read" in said
    assert "Traceback" not in said
    device("/usr/lib/otppi/libexec/stick release sdz1; rm -f /run/otppi-reset/sdz1.txt")
    assert device("grep otppi-stick /proc/mounts; ls /run/otppi-stick", check=False) == ""
    assert "dhcp" in changed_sections(device)
    assert device("systemctl is-active otppi") == "active"


def test_a_stick_that_cannot_be_written_resets_all_the_same(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.protect()
    device.set("dhcp", "default_lease_time=600")
    said = stick.read()
    assert "the report could not be written onto it" in said
    assert "dhcp" not in changed_sections(device)
    until(lambda: "3600" in device("grep default-lease /run/otppi-system/dhcpd.conf"), "it is in force")


def test_a_fat_stick_by_the_mount_seam(device: Machine, stick: Stick) -> None:
    """An image made by its own tools; only the kernel's part of the mount is stood in for."""
    device.set("dhcp", "default_lease_time=600")
    subprocess.run(["truncate", "-s", "16M", stick.image], check=True)
    subprocess.run(["mkfs.vfat", stick.image], check=True, capture_output=True)
    request = stick.image.with_suffix(".ini")
    request.write_text(f"RESET_DHCP = true\r\n{VERIFY.strip()}\r\n")
    subprocess.run(["mmd", "-i", stick.image, "::otppi"], check=True)
    subprocess.run(["mcopy", "-i", stick.image, request, "::otppi/reset-config.ini"], check=True)
    taken = stick.image.with_suffix(".taken")
    taken.mkdir()
    subprocess.run(["mcopy", "-s", "-i", stick.image, "::otppi", taken], check=True)
    content = (taken / "otppi/reset-config.ini").read_text()
    stick.plug()
    # mount(8) runs this in place of the kernel's driver, with the options it was given.
    helper = (
        '#!/bin/sh\necho "$@" >> /tmp/mount-arguments\n'
        'case "$*" in *remount*) exit 0 ;; esac\n'
        'mount -t tmpfs -o uid=otppi none "$2" && mkdir "$2/otppi"\n'
        'cp /tmp/request "$2/otppi/reset-config.ini"\n'
        'chown -R otppi "$2"\n'
    )
    device(f"cat > /usr/sbin/mount.vfat <<'END'\n{helper}END\nchmod +x /usr/sbin/mount.vfat")
    device(f"cat > /tmp/request <<'END'\n{content}END")
    device("rm -f /tmp/mount-arguments")
    try:
        stick.read()
    finally:
        device("rm /usr/sbin/mount.vfat")
    given = device("cat /tmp/mount-arguments")
    assert "nosuid" in given and "nodev" in given and "noexec" in given
    assert f"uid={device('id -u otppi')}," in given
    # Its times are of local time, and would not be the same once the device's zone is another.
    assert all("tz=UTC" in line for line in given.splitlines() if "umask=077" in line)
    assert "tz=UTC" in given
    assert "dhcp" not in changed_sections(device)


def test_a_stick_that_is_torn_off_before_it_is_read_harms_nothing(device: Machine, stick: Stick) -> None:
    """The image is torn off under the mounted file system: what is read then fails."""
    device.set("dhcp", "default_lease_time=600")
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    device("/usr/lib/otppi/libexec/stick mount sdz1; echo 3 > /proc/sys/vm/drop_caches", check=False)
    stick.image.write_bytes(b"")
    said = device("cd / && runuser -u otppi -- otppi reset --stick /run/otppi-stick/sdz1", check=False)
    device("umount --lazy /run/otppi-stick/sdz1; rmdir /run/otppi-stick/sdz1", check=False)
    assert "Traceback" not in said
    device("otppi show > /dev/null")
    assert device("systemctl is-active otppi") == "active"


def test_nothing_stays_mounted(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.read()
    assert "otppi-stick" not in device("cat /proc/mounts")
    assert device("ls /run/otppi-stick") == ""


def test_a_stick_is_mounted_so_that_it_can_do_nothing(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(VERIFY))
    device("/usr/lib/otppi/libexec/stick mount sdz1")
    options = device("findmnt --noheadings --output OPTIONS /run/otppi-stick/sdz1")
    device("/usr/lib/otppi/libexec/stick release sdz1")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(options.split(","))


def test_a_look_at_what_is_there_already_leaves_out_whole_disks(device: Machine, stick: Stick) -> None:
    """A disk with partitions has no file system of its own: trying it would leave a failed unit behind."""
    disk = Stick(device, "sdz", stick.image.parent)
    subprocess.run(["truncate", "-s", "16M", disk.image], check=True)
    subprocess.run(["sfdisk", "--quiet", disk.image], input=b"label: dos\n,8M,c\n", check=True)
    disk.plug()
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    device.set("dhcp", "default_lease_time=600")
    # Loop devices hang on no USB: the kernel's list of block devices is stood in for.
    device("mkdir -p /tmp/usb1/sdz/sdz1 /tmp/block; ln -sfn /tmp/usb1/sdz /tmp/usb1/sdz/sdz1 /tmp/block/")
    device("mount --bind /tmp/block /sys/class/block")
    try:
        device("/usr/lib/otppi/libexec/stick scan")
    finally:
        device("umount /sys/class/block")
        disk.unplug()
    assert "dhcp" not in changed_sections(device)
    assert device("journalctl --boot --no-pager --output=cat --unit=otppi-reset@sdz.service") == ""
    calm(device)
