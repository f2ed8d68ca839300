"""Power and upkeep, asked for as the service asks: as its user, over D-Bus, by units of root's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.browser import Browser
from tests.system.machine import WORK, Machine, Said, machine, until
from tests.system.stick import ALLOWED


@pytest.fixture(scope="module")
def own() -> Iterator[Machine]:
    """A device that may be switched off, and that may see loop devices."""
    with machine(arguments=ALLOWED) as device:
        device.booted()
        device.settled("otppi.service")
        yield device


def do(device: Machine, what: str) -> Said:
    """A button of the page."""
    return device(
        'cd /usr/lib/otppi && runuser -u otppi -- python3 -c "'
        "from app.system.dbus import SystemBus; from app.system.power import Power; "
        f'Power(SystemBus()).{what}()"'
    )


def test_clean_up_takes_what_can_be_made_again_and_nothing_else(own: Machine) -> None:
    own.set("general", "device_name=Kept")
    own("echo x > /var/cache/apt/archives/old_1_all.deb; echo x > /var/tmp/old; echo x > /var/tmp/new")
    own("touch --date '60 days ago' /var/tmp/old; journalctl --rotate; journalctl --flush")
    do(own, "clean_up")
    assert own("ls /var/cache/apt/archives/*.deb /var/tmp/old", check=False).status != 0
    assert "device_name=Kept" in own("otppi show general")
    own("test -e /var/tmp/new -a -e /var/lib/otppi/state.db -a -e /var/lib/otppi/card.json")
    assert own.show("otppi-cleanup.service", "Result") == "success"


def test_expand_says_when_there_is_nothing_to_expand(own: Machine) -> None:
    do(own, "expand_storage")
    assert "nothing to expand: / is" in own.journal("otppi-expand.service")


@pytest.fixture
def card() -> Iterator[tuple[Path, str]]:
    """A card of 96 MiB whose second and last partition takes 24: its file, and its loop device."""
    image = WORK / "card.img"
    subprocess.run(["truncate", "-s", "96M", image], check=True)
    table = "label: dos\nsize=8MiB, type=c\nsize=24MiB, type=83\n"
    subprocess.run(["sfdisk", "--quiet", image], input=table, text=True, check=True)
    done = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    loop = done.stdout.strip()
    try:
        # partx reads the table itself: a kernel may know partitions, but no table of this kind.
        subprocess.run(["partx", "--add", loop], check=True)
        subprocess.run(["mkfs.ext4", "-q", f"{loop}p2"], check=True)
        yield image, loop
    finally:
        subprocess.run(["partx", "--delete", loop], check=False)  # whatever it says, the card is let go
        subprocess.run(["losetup", "--detach", loop], check=True)


def may_grow_what_is_mounted(device: Machine) -> bool:
    """CAP_SYS_RESOURCE, 24 in capabilities(7): the kernel asks for it, and a host may withhold it."""
    return bool(int(device("sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status"), 16) >> 24 & 1)


def test_the_file_system_takes_the_whole_card_while_it_is_in_use(
    own: Machine, card: tuple[Path, str]
) -> None:
    """The real tools on a real table: / is the card's last partition, for the script and all it calls."""
    image, loop = card
    for name in (loop, f"{loop}p1", f"{loop}p2"):
        number = os.stat(name).st_rdev
        own(f"rm -f {name}; mknod {name} b {os.major(number)} {os.minor(number)}")
    start = (
        f"mount {loop}p2 /shelf/card && cd /shelf/card && mkdir -p usr proc sys dev run tmp && "
        "ln -sf usr/bin usr/sbin usr/lib usr/lib64 . && "
        "for place in usr proc sys dev; do mount --rbind --make-rslave /$place $place; done"
    )
    expand = "chroot /shelf/card /usr/lib/otppi/libexec/expand-storage 2>&1"
    # Private, and slaves: no service's own view keeps a copy, and what is unmounted here stays elsewhere.
    own("mkdir /shelf && mount -t tmpfs none /shelf && mount --make-private /shelf && mkdir /shelf/card")
    own(f"{start} && echo kept > /shelf/card/file")
    try:
        said = own(expand, check=False)
        if may_grow_what_is_mounted(own):
            assert said.endswith(f"{loop}p2 grew from 24 to 87 MiB")
        else:
            # The kernel's own step is not to be had: the same tool takes it while the card rests. All before
            # and after it is shown all the same.
            assert "resize2fs: Permission denied to resize filesystem" in said
            assert "grew" not in said
            assert int(own(f"blockdev --getsize64 {loop}p2")) == 87 << 20
            own("umount --lazy /shelf/card")
            own(f"fsck.ext4 -fp {loop}p2 && resize2fs {loop}p2 && {start}")
        blocks, size = own("stat --file-system --format '%b %S' /shelf/card").split()
        assert int(blocks) * int(size) > 75 << 20
        assert own("cat /shelf/card/file") == "kept"
        again = own(expand)
        assert again.endswith(f"{loop}p2 grew from 87 to 87 MiB")
    finally:
        own("umount --lazy /shelf/card")
    # The table on the card itself says so too, so the next start finds the same.
    told = subprocess.run(["sfdisk", "--dump", image], check=True, capture_output=True, text=True).stdout
    first, second = (line for line in told.splitlines() if "start=" in line)
    assert "start=        2048, size=       16384" in first
    assert "start=       18432, size=      178176" in second
    subprocess.run(["fsck.ext4", "-fn", f"{loop}p2"], check=True, capture_output=True)


def test_the_service_starts_anew(own: Machine) -> None:
    before = own.show("otppi.service", "InvocationID")
    do(own, "restart_service")
    until(lambda: own.show("otppi.service", "InvocationID") != before, "another life")
    own.settled("otppi.service")


def test_a_restart_from_the_page_is_one_restart_at_once(own: Machine) -> None:
    """The unit never hangs in "deactivating" until systemd kills it: the next process is systemd's own."""
    own.settled("otppi.service")
    browser = Browser(own)
    kept = ("InvocationID", "MainPID", "NRestarts")
    before = {name: own.show("otppi.service", name) for name in kept}
    browser.send("/system/restart", "/system/restart", wanted="200")
    until(lambda: own.show("otppi.service", "InvocationID") != before["InvocationID"], "another life", 20)
    own.settled("otppi.service")
    after = {name: own.show("otppi.service", name) for name in kept}
    assert after["MainPID"] != before["MainPID"]
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1
    Browser(own)  # signs in again: the pages are back
    assert own.show("otppi.service", "InvocationID") == after["InvocationID"]
    assert "timed out" not in own.journal("otppi.service")


def test_the_device_is_switched_off(own: Machine) -> None:
    do(own, "shut_down")
    until(lambda: not Path(f"/proc/{own.leader}").exists(), "it is off", 90)
    assert own.exit_status() == 0  # systemd-nspawn(1), EXIT STATUS: 133 would be a restart
