"""What the device's udev is told about modems."""

from __future__ import annotations

from pathlib import Path

from app.system.firewall import ruleset
from app.system.network import STICKS

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rootfs-overlay/usr/lib/udev/rules.d/61-otppi-modems.rules"


def rules() -> list[str]:
    lines = RULES.read_text("utf-8").replace("\\\n", "").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_modem_manager_does_not_touch_our_ports() -> None:
    (rule,) = [line for line in rules() if "ID_MM_PORT_IGNORE" in line]
    assert rule == 'ACTION!="remove", SUBSYSTEM=="tty", SUBSYSTEMS=="usb", ENV{ID_MM_PORT_IGNORE}="1"'


def test_the_network_card_of_a_stick_is_in_the_group_that_the_firewall_shuts_out() -> None:
    by_driver, by_kind = [line for line in rules() if "netdev_group" in line]
    drivers = "|".join(sorted(STICKS))
    assert by_driver.split(", ") == [
        'ACTION!="remove"', 'SUBSYSTEM=="net"', f'  DRIVERS=="{drivers}"', 'ATTR{netdev_group}="808"',
    ]  # fmt: skip
    assert by_kind == ('ACTION!="remove", SUBSYSTEM=="net", ENV{DEVTYPE}=="wwan", ATTR{netdev_group}="808"')
    assert "iifgroup 808 drop" in ruleset([], [8899])


def test_the_gateway_may_have_usb_find_a_stick_anew() -> None:
    (rule,) = [line for line in rules() if "authorized" in line]
    assert 'ENV{DEVTYPE}=="usb_device"' in rule
    assert "chgrp dialout /sys%p/authorized" in rule and "chmod 0660 /sys%p/authorized" in rule


def test_a_hub_may_cut_a_ports_power_for_the_gateway() -> None:
    (node,) = [line for line in rules() if "bDeviceClass" in line]
    assert 'ATTR{bDeviceClass}=="09"' in node and 'GROUP="dialout", MODE="0660"' in node
    (files,) = [line for line in rules() if "port*/disable" in line]
    assert 'DRIVER=="hub"' in files
    assert "chgrp -f dialout /sys%p/*-port*/disable" in files
    assert "chmod -f 0660 /sys%p/*-port*/disable" in files


def test_the_services_fences_leave_it_what_udev_hands_over() -> None:
    unit = (ROOT / "rootfs-overlay/usr/lib/systemd/system/otppi.service").read_text("utf-8").splitlines()
    assert "ReadWritePaths=/sys/devices" in unit
    assert "DeviceAllow=char-189 rw" in unit  # USB's nodes: devices.txt of the kernel


def test_usb_modeswitch_turns_cdrom_sticks_on_the_device() -> None:
    """Its own udev rules do that; the package brings it to every device."""
    control = (ROOT / "packaging/control").read_text("utf-8")
    depends = control.partition("\nDepends: ")[2].partition("\nRecommends:")[0]
    assert " usb-modeswitch," in depends
