"""Two slots in turn, by U-Boot and RAUC: a good update stays, one that does not start goes back by itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.boot.emulator import boards
from tests.boot.emulator.card import Card, tool
from tests.boot.emulator.console import Console
from tests.boot.emulator.machine import Machine, patience
from tests.study.conftest import figure, measured
from tests.study.device import is_named, is_well, name, uboot_chose

BUNDLES = ("good", "panics", "mute")


@pytest.fixture
def updates(study: Path, room: Path) -> Sequence[str]:
    """A disk with the bundles on it, as a stick would bring them."""
    folder, disk = room / "bundles", room / "bundles.img"
    folder.mkdir()
    for bundle in BUNDLES:
        (folder / f"{bundle}.raucb").hardlink_to(study / f"{bundle}.raucb")
        figure(f"bundle {bundle}", f"{(study / f'{bundle}.raucb').stat().st_size / 2**20:.0f} MiB")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-L", "updates", "-d", folder, disk, "2G")
    return [
        *("-drive", f"file={disk},format=raw,if=none,id=updates,readonly=on"),
        *("-device", "virtio-blk-pci,drive=updates"),
    ]


def test_a_good_update_stays_and_a_bad_one_goes_back_by_itself(
    card: Card, room: Path, updates: Sequence[str]
) -> None:
    disk = ["-drive", f"file={card.overlay(room)},format=qcow2,if=none,id=card"]
    device = boards.virt_by_uboot(room, disk, extra=updates)
    try:
        assert uboot_chose(device, patience(30)) == ("A", 2, 3)
        device.wait_until_up(patience(90))
        runs(device, slot="A", version=1)
        name(device.console, 5)

        install(device.console, "good")
        with measured("restart into the update until 'running' and marked good"):
            restart(device)
            assert uboot_chose(device, patience(60)) == ("B", 3, 2)
            device.wait_until_up(patience(90))
        runs(device, slot="B", version=2)
        assert is_named(device.console, 5)

        install(device.console, "panics")
        with measured("an update whose kernel panics: restart, three tries, back and 'running'"):
            restart(device)
            for left in (2, 1, 0):
                assert uboot_chose(device, patience(60)) == ("A", left, 3)
            assert uboot_chose(device, patience(60)) == ("B", 0, 2)
            device.wait_until_up(patience(90))
        runs(device, slot="B", version=2)
        assert is_named(device.console, 5)

        install(device.console, "mute")
        with measured("an update whose gateway never answers: restart, three tries, back and 'running'"):
            restart(device)
            for left in (2, 1, 0):
                assert uboot_chose(device, patience(240)) == ("A", left, 3)
            assert uboot_chose(device, patience(240)) == ("B", 0, 2)
            device.wait_until_up(patience(90))
        runs(device, slot="B", version=2)
        assert is_named(device.console, 5)
        device.shut_down()
    finally:
        device.cut_power()


def runs(device: Machine, slot: str, version: int) -> None:
    """The slot is the one that was started, is well and has its tries back."""
    is_well(device)
    assert device.console.run("cat /etc/otppi-slot") == str(version)
    status = json.loads(device.console.run("rauc status --output-format=json", patience(10)))
    (booted,) = [one for one in slots(status) if one["state"] == "booted"]
    assert (status["booted"], booted["bootname"], booted["boot_status"]) == (slot, slot, "good")
    assert status["boot_primary"] == booted["name"]
    assert device.console.run(f"fw_printenv -n BOOT_{slot}_LEFT") == "3"


def slots(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **slot} for entry in status["slots"] for name, slot in entry.items()]


def install(console: Console, bundle: str) -> None:
    """RAUC checks the signature and writes the slot that does not run."""
    console.run("mkdir -p /run/updates; mountpoint -q /run/updates || mount -o ro LABEL=updates /run/updates")
    with measured(f"installing the bundle {bundle}"):
        console.run(f"rauc install /run/updates/{bundle}.raucb", patience(150))


def restart(device: Machine) -> None:
    device.qmp.ask("set-action", reboot="reset")
    device.console.type("systemctl reboot")
