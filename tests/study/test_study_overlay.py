"""A root that is never written: changes live in memory, what has to last on a partition of its own."""

import hashlib
from pathlib import Path

from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.console import Console
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.powercut import forgetful_card
from tests.boot.emulator.waiting import patience
from tests.study.conftest import figure, measured
from tests.study.device import is_named, is_well, name

SLOT_A = 1
MEMORY = "findmnt -nbo USED /media/root-rw | numfmt --to=iec"


def test_a_power_cut_takes_the_changes_and_leaves_what_has_to_last(card: Card, room: Path) -> None:
    with forgetful_card(card, room) as disk:
        device = boards.virt_by_uboot(room, disk.insert())
        try:
            with measured("from power to 'running', the first time"):
                device.wait_until_up(patience(90))
            identity = is_used(device)
            figure("memory the overlay takes", device.console.run(MEMORY))
            device.console.run("echo unflushed >/data/scribble")
            disk.cut_power()
            device.switch_off()
        finally:
            device.cut_power()

        after = boards.virt_by_uboot(room, disk.insert())
        try:
            with measured("from power to 'running', after the power cut"):
                after.wait_until_up(patience(90))
            has_kept_what_lasts(after, identity)
            assert not after.console.succeeds("test -s /data/scribble"), "the card did not lose anything"
        finally:
            after.cut_power()
        assert digest(Card(room / "forgetful.img"), SLOT_A) == digest(card, SLOT_A), "the root was written to"


def test_a_restart_takes_the_changes_and_leaves_what_has_to_last(card: Card, room: Path) -> None:
    disk = ["-drive", f"file={card.overlay(room)},format=qcow2,if=none,id=card"]
    device = boards.virt_by_uboot(room, disk)
    try:
        device.wait_until_up(patience(90))
        identity = is_used(device)
        with measured("restart until 'running'"):
            device.restart(patience(90))
        has_kept_what_lasts(device, identity)
        # The start before is still in the journal.
        assert device.console.run("journalctl --list-boots --no-pager --quiet").count("\n") >= 1
    finally:
        device.cut_power()


def is_used(device: Machine) -> str:
    """A device that is well is given a name and files in its root; its machine id."""
    console = device.console
    is_well(device)
    the_root_is_an_overlay(console)
    console.run("echo here >/etc/vanishes; echo here >/usr/vanishes; sync")
    name(console, 1)
    identity = console.run("cat /etc/machine-id")
    assert len(identity) == 32
    return identity


def has_kept_what_lasts(device: Machine, identity: str) -> None:
    console = device.console
    is_well(device)
    the_root_is_an_overlay(console)
    assert console.run("ls /etc/vanishes /usr/vanishes", check=False).count("No such file") == 2
    assert console.run("cat /etc/machine-id") == identity
    assert is_named(console, 1)


def the_root_is_an_overlay(console: Console) -> None:
    assert console.run("findmnt -no FSTYPE /") == "overlay"
    assert "ro" in console.run("findmnt -no OPTIONS /media/root-ro").split(",")
    assert console.run("findmnt -no FSTYPE /var/lib/otppi") == "ext4"


def digest(card: Card, partition: int) -> str:
    """A hash of every byte of a partition."""
    where = card.partitions()[partition]
    found = hashlib.sha256()
    with card.image.open("rb") as image:
        image.seek(where.start)
        for _ in range(where.size // 2**20):
            found.update(image.read(2**20))
    return found.hexdigest()
