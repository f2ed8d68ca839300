"""What the tests of the study ask a device."""

import json
import re

from tests.boot.emulator.console import Console
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.waiting import patience

AS_GATEWAY = "cd / && runuser -u otppi --"
_TRIES = r"slot ([AB]): A has (\d) tries left, B has (\d)"


def is_well(device: Machine) -> None:
    """Started, nothing failed, the gateway answers."""
    failed = device.console.run("systemctl --failed --no-legend --plain")
    assert (device.state, failed) == ("running", "")
    device.console.eventually("curl -sf http://127.0.0.1:8899/health/live", patience(30))


def name(console: Console, number: int) -> None:
    """A setting that the device has acknowledged."""
    console.run(f"{AS_GATEWAY} otppi set general device_name='branch {number}'", patience(30))


def is_named(console: Console, number: int) -> bool:
    kept = json.loads(console.run("cat /var/lib/otppi/settings/general.json"))
    return bool(kept["device_name"] == f"branch {number}")


def uboot_chose(device: Machine, timeout: float) -> tuple[str, int]:
    """Which slot U-Boot starts next, and how many tries that one has left after this."""
    said: re.Match[str] = device.console.wait_for(_TRIES, timeout)
    return said[1], int(said[2 if said[1] == "A" else 3])
