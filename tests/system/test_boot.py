"""The device boots, quickly and whole, and its service can do no harm."""

from __future__ import annotations

import re

import pytest

from tests.system.machine import TREE, Machine, Said, machine

FOLDER = TREE / "rootfs-overlay/usr/lib/systemd/system"
#: Every unit of ours; of a template, one instance.
UNITS = [path.name.replace("@.", "@wlan.") for path in sorted(FOLDER.iterdir())]


def test_it_runs_within_seconds_and_nothing_failed(device: Machine) -> None:
    assert device.state == "running", device("systemctl --failed --no-legend; systemctl list-jobs")
    assert device("systemctl --failed --no-legend") == ""
    assert device.seconds < 30


def test_no_unit_waits_for_itself(device: Machine) -> None:
    journal = device("journalctl --boot --no-pager --output=cat")
    assert "ordering cycle" not in journal
    assert len(UNITS) > 10
    assert device(f"systemd-analyze verify {' '.join(UNITS)}") == ""


def test_every_unit_of_ours_is_enabled_that_must_be(device: Machine) -> None:
    for unit in ("otppi.service", "otppi-firstboot.service", "otppi-configure.service",
                 "otppi-firewall.service", "otppi-reset.service", "otppi-accesspoint.target"):  # fmt: skip
        assert device(f"systemctl is-enabled {unit}") == "enabled"


@pytest.mark.parametrize(
    ("unit", "limit"),
    # What makes calls must be root with a network; it is held as well as that allows.
    [("otppi.service", 3), ("otppi-reset-reader@.service", 3), ("otppi-dialup@.service", 5)],
)
def test_what_works_for_others_is_well_guarded(device: Machine, unit: str, limit: float) -> None:
    said = device(f"systemd-analyze security --no-pager {unit} | tail -1")
    found = re.search(r"([\d.]+) \w+", said)
    assert found is not None, said
    assert float(found[1]) < limit


@pytest.mark.parametrize(
    "place", ["/etc/x", "/usr/lib/otppi/x", "/var/lib/x", "/root/x", "/boot/x", "/run/x"]
)
def test_the_service_cannot_write_outside_its_folders(device: Machine, place: str) -> None:
    said = in_the_service(device, f"touch {place}")
    assert said.status != 0
    assert "Read-only file system" in said or "Permission denied" in said


def test_the_service_can_write_into_its_folders(device: Machine) -> None:
    said = in_the_service(device, "touch /var/lib/otppi/x /run/otppi/x")
    assert said.status == 0, said


def test_the_service_reaches_what_udev_hands_over_in_sys_and_nothing_else_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As udev does it for the `authorized` file of a stick, which the kernel here has none of.

    In a container ProtectKernelTunables= leaves /sys as it is, so ReadOnlyPaths= stands for it, and a unit of
    that alone for the service.
    """
    file = "/sys/devices/virtual/mem/null/uevent"
    monkeypatch.setenv("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes")  # as on a device
    with machine() as device:
        device.booted()
        fences = f"-p ReadOnlyPaths=/sys -p ReadWritePaths='{device.show('otppi.service', 'ReadWritePaths')}'"
        writes = f"systemd-run --quiet --wait -p User=otppi -p SupplementaryGroups=dialout {fences} test -w"
        try:
            assert device(f"{writes} {file}", check=False).status == 1
            device(f"chgrp dialout {file} && chmod 0660 {file}")
            assert device(f"{writes} {file}", check=False).status == 0
        finally:
            device(f"chgrp root {file} && chmod 0644 {file}")
        as_root = f"systemd-run --quiet --wait {fences} test -w /sys/kernel/mm/transparent_hugepage/enabled"
        assert device(as_root, check=False).status == 1


def test_the_service_cannot_become_root(device: Machine) -> None:
    process = device.show("otppi.service", "MainPID")
    status = device(f"cat /proc/{process}/status")
    assert re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1] == device("id -u otppi")  # type: ignore[index]
    assert re.search(r"^NoNewPrivs:\s+1", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0000000000000400", status, re.MULTILINE)  # CAP_NET_BIND_SERVICE alone


def test_the_service_is_told_no_to_what_is_not_its_business(device: Machine) -> None:
    for unit in ("ssh.service", "otppi-reset@sda1.service", "otppi-apply@nonsense.service"):
        said = in_the_service(
            device,
            "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
            f"org.freedesktop.systemd1.Manager StartUnit ss {unit} replace",
        )
        assert said.status != 0
        assert "Access denied" in said or "authentication required" in said.lower(), said


def test_first_boot_made_a_card_with_secrets_of_this_device(device: Machine) -> None:
    text = device("otppi card")
    assert re.search(r"^Wi-Fi +OTP-Pi-[0-9A-F]{4}$", text, re.MULTILINE)
    assert re.search(r"^Set-up code +\d{4}-\d{4}$", text, re.MULTILINE)
    password = re.search(r"^Password +(\S{12})$", text, re.MULTILINE)
    assert password is not None
    assert f"wpa_passphrase={password[1]}" in device("cat /run/otppi-system/hostapd.conf")
    assert password[1] not in device("journalctl --boot --no-pager --output=cat")
    assert device("stat -c '%U %a' /var/lib/otppi/card.json") == "otppi 600"
    assert device("ls /etc/ssh/ssh_host_ed25519_key")


def in_the_service(device: Machine, command: str) -> Said:
    """Run a command with the service's own file system, user and rights."""
    process = device.show("otppi.service", "MainPID")
    rights = "--reuid otppi --regid otppi --clear-groups --no-new-privs --bounding-set -all"
    return device(f"nsenter -t {process} -m -- setpriv {rights} -- {command}", check=False)
