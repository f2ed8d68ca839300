"""Two slots in turn, by U-Boot and RAUC: a good update stays, one that does not work goes back by itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot.conftest import folder_of_a_machine
from tests.boot.emulator import boards
from tests.boot.emulator.card import Card
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.waiting import patience
from tests.study.conftest import measured
from tests.study.device import is_named, is_well, name, uboot_chose

OTHER = {"A": "B", "B": "A"}


@pytest.fixture(scope="module")
def device(card: Card, study: Path) -> Iterator[Machine]:
    """A device that runs version 1 in slot A, has nothing in B, and updates on a disk that is plugged in."""
    with folder_of_a_machine() as folder:
        disk = ["-drive", f"file={card.overlay(folder)},format=qcow2,if=none,id=card"]
        stick = ["-drive", f"file={study / 'updates.img'},format=raw,if=none,id=updates,readonly=on"]
        stick += ["-device", "virtio-blk-pci,drive=updates"]
        machine = boards.virt_by_uboot(folder, disk, extra=stick)
        try:
            assert uboot_chose(machine, patience(30)) == ("A", 2)
            machine.wait_until_up(patience(90))
            runs(machine, slot="A", version=1)
            name(machine.console, 5)
            yield machine
        finally:
            machine.cut_power()


def test_a_good_update_is_started_and_stays(device: Machine) -> None:
    here, there = slots(device)
    install(device, "good")
    with measured("restart into the update until it is 'running' and marked good"):
        restart(device)
        assert uboot_chose(device, patience(60)) == (there, 2)
        device.wait_until_up(patience(90))
    runs(device, slot=there, version=2)
    assert is_named(device.console, 5)
    assert slots(device) == (there, here)


def test_an_update_whose_kernel_panics_goes_back_by_itself(device: Machine) -> None:
    here, there = slots(device)
    version = int(device.console.run("cat /etc/otppi-slot"))
    install(device, "panics")
    with measured("kernel panics: restart, three tries, the old version 'running'"):
        restart(device)
        for left in (2, 1, 0):
            assert uboot_chose(device, patience(60)) == (there, left)
        assert uboot_chose(device, patience(60)) == (here, 2)
        device.wait_until_up(patience(90))
    runs(device, slot=here, version=version)
    assert is_named(device.console, 5)


def test_an_update_whose_gateway_never_answers_goes_back_by_itself(device: Machine) -> None:
    """With one try instead of three, to save time: how tries are counted is shown above."""
    here, there = slots(device)
    version = int(device.console.run("cat /etc/otppi-slot"))
    install(device, "mute")
    device.console.run(f"fw_setenv BOOT_{there}_LEFT 1")
    with measured("gateway never answers: restart, one try, the old version 'running'"):
        restart(device)
        assert uboot_chose(device, patience(60)) == (there, 0)
        assert uboot_chose(device, patience(240)) == (here, 2)
        device.wait_until_up(patience(90))
    runs(device, slot=here, version=version)
    assert is_named(device.console, 5)


def test_an_update_signed_by_somebody_else_is_refused(device: Machine) -> None:
    find_updates(device)
    before = device.console.run("fw_printenv")
    said = device.console.run("rauc install /run/updates/foreign.raucb", patience(30), check=False)
    assert "signature" in said.lower(), said
    assert device.console.run("fw_printenv") == before


def slots(device: Machine) -> tuple[str, str]:
    """The slot that runs and the one an update would be written to."""
    here = device.console.run("grep -oP 'rauc.slot=\\K.' /proc/cmdline")
    return here, OTHER[here]


def runs(device: Machine, slot: str, version: int) -> None:
    """The slot is the one that was started, is well and has its tries back."""
    is_well(device)
    assert device.console.run("cat /etc/otppi-slot") == str(version)
    status = json.loads(device.console.run("rauc status --output-format=json", patience(10)))
    (booted,) = [
        (name, one) for entry in status["slots"] for name, one in entry.items() if one["state"] == "booted"
    ]
    assert (status["booted"], booted[1]["bootname"], booted[1]["boot_status"]) == (slot, slot, "good")
    assert status["boot_primary"] == booted[0]
    assert device.console.run(f"fw_printenv -n BOOT_{slot}_LEFT") == "3"


def install(device: Machine, bundle: str) -> None:
    """RAUC checks the signature and writes the slot that does not run."""
    find_updates(device)
    with measured(f"installing the bundle {bundle}"):
        device.console.run(f"rauc install /run/updates/{bundle}.raucb", patience(150))


def find_updates(device: Machine) -> None:
    mounted = "mountpoint -q /run/updates || mount -o ro LABEL=updates /run/updates"
    device.console.run(f"mkdir -p /run/updates; {mounted}")


def restart(device: Machine) -> None:
    device.qmp.ask("set-action", reboot="reset")
    device.console.type("systemctl reboot")
