"""Power that goes away in the middle, and a kernel that stops."""

from pathlib import Path

from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.machine import patience
from tests.boot.emulator.powercut import forgetful_card


def test_after_a_power_cut_what_was_flushed_is_there_and_the_device_starts(card: Card, room: Path) -> None:
    with forgetful_card(card, room) as disk:
        before = boards.virt(card, room, disk=disk.insert())
        try:
            before.wait_until_up(patience(60))
            before.console.run("echo whole >/var/kept && sync /var/kept && sync")
            before.console.run("head -c 20000 /dev/urandom >/var/unflushed")
        finally:
            disk.cut_power()
            before.cut_power()
        after = boards.virt(card, room, disk=disk.insert())
        try:
            after.wait_until_up(patience(60))
            assert after.state == "running"
            assert after.console.run("cat /var/kept") == "whole"
            assert not after.console.succeeds("test -s /var/unflushed"), "the card did not lose anything"
        finally:
            after.cut_power()


def test_the_watchdog_bites_when_the_kernel_stops(card: Card, room: Path) -> None:
    machine = boards.virt(card, room)
    try:
        machine.wait_until_up(patience(60))
        assert machine.console.run("cat /sys/class/watchdog/watchdog0/state") == "active"
        machine.console.run("sysctl kernel.panic=0 kernel.sysrq=1")
        machine.console.type("echo c >/proc/sysrq-trigger")
        machine.qmp.wait_for("WATCHDOG", timeout=patience(60))
    finally:
        machine.cut_power()
