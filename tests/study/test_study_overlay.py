"""A root that is never written: changes live in memory, what has to last on a partition of its own."""

import hashlib
from pathlib import Path

from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.console import Console
from tests.boot.emulator.machine import patience
from tests.boot.emulator.powercut import forgetful_card
from tests.study.conftest import figure, measured
from tests.study.device import is_named, is_well, name

BOOT, SLOT_A, SLOT_B, DATA = range(4)


def test_nothing_is_written_to_the_root_and_settings_last(card: Card, room: Path) -> None:
    with forgetful_card(card, room) as disk:
        device = boards.virt_by_uboot(room, disk.insert())
        try:
            with measured("from power to 'running', the first time"):
                device.wait_until_up(patience(90))
            is_well(device)
            the_root_is_an_overlay(device.console)
            machine = device.console.run("cat /etc/machine-id")
            assert len(machine) == 32
            device.console.run("echo here >/etc/vanishes; echo here >/usr/vanishes; sync")
            name(device.console, 1)
            figure(
                "memory the overlay takes",
                device.console.run("findmnt -nbo USED /media/root-rw | numfmt --to=iec"),
            )

            with measured("restart"):
                device.restart(patience(90))
            is_well(device)
            the_root_is_an_overlay(device.console)
            assert (
                device.console.run("ls /etc/vanishes /usr/vanishes 2>&1", check=False).count("No such file")
                == 2
            )
            assert device.console.run("cat /etc/machine-id") == machine
            assert is_named(device.console, 1)

            name(device.console, 2)
            device.console.run("echo unflushed >/data/scribble")
            disk.cut_power()
            device.switch_off()
        finally:
            device.cut_power()

        after = boards.virt_by_uboot(room, disk.insert())
        try:
            with measured("from power to 'running', after the power cut"):
                after.wait_until_up(patience(90))
            is_well(after)
            assert is_named(after.console, 2)
            assert after.console.run("cat /etc/machine-id") == machine
            assert not after.console.succeeds("test -s /data/scribble"), "the card did not lose anything"
            # The starts before are still in the journal: it has outlived them under the same machine id.
            assert len(after.console.run("journalctl --list-boots --no-pager --quiet").splitlines()) >= 2
            after.shut_down()
        finally:
            after.cut_power()
        assert digest(Card(room / "forgetful.img"), SLOT_A) == digest(card, SLOT_A), "the root was written to"


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
