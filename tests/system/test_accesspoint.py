"""Who joins the access point gets an address and names; the radio is a virtual cable called wlan0."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.system.machine import Machine, until


@pytest.fixture(scope="module")
def air(booted: Machine) -> Iterator[Machine]:
    """wlan0 with a telephone at its other end, in a name space of its own."""
    booted("ip netns add phone; ip link add wlan0 type veth peer name phone0 netns phone")
    booted("ip -n phone link set lo up; ip -n phone link set phone0 up")
    booted("systemctl start otppi-wlan otppi-dhcpd otppi-dns")
    booted.settled("otppi-dhcpd.service")
    booted.settled("otppi-dns.service")
    yield booted
    booted("systemctl stop otppi-dhcpd otppi-dns otppi-wlan; ip link del wlan0; ip netns del phone")


def lease(air: Machine) -> dict[str, str]:
    """Ask for an address as a telephone does; what it was told, by udhcpc's names."""
    air("printf '#!/bin/sh\\nset > /tmp/lease.$1\\n' > /tmp/keep; chmod +x /tmp/keep; rm -f /tmp/lease.*")
    air(
        "ip netns exec phone udhcpc -i phone0 -f -n -q -t 10 -T 1 -s /tmp/keep "
        "-O search -O domain -O dns -O lease -O router -O subnet -O serverid"
    )
    found = dict(re.findall(r"^(\w+)='(.*)'$", air("cat /tmp/lease.bound"), re.MULTILINE))
    air(f"ip -n phone address flush dev phone0; ip -n phone address add {found['ip']}/24 dev phone0")
    return found


def applied(air: Machine, part: str, *pairs: str) -> None:
    """Change a section and wait until the daemon runs with it."""
    before = air.show("otppi-dhcpd.service", "InvocationID")
    air.set(part, *pairs)
    until(lambda: air.show("otppi-dhcpd.service", "InvocationID") != before, f"dhcpd follows {pairs}")
    air.settled("otppi-dhcpd.service")


def test_the_interface_has_its_address(air: Machine) -> None:
    assert "192.168.0.11/24" in air("ip -4 address show dev wlan0")


def test_a_telephone_gets_a_lease_with_everything_the_section_says(air: Machine) -> None:
    told = lease(air)
    assert 40 <= int(told["ip"].split(".")[3]) <= 254
    assert told["ip"].startswith("192.168.0.")
    assert told["subnet"] == "255.255.255.0"
    assert told["router"] == "192.168.0.11"
    assert told["dns"] == "192.168.0.11"
    assert told["domain"] == "otppi.lan"
    assert told["search"] == "otppi.lan"
    assert 3590 <= int(told["lease"]) <= 3600


def test_every_option_of_the_section_reaches_the_telephone(air: Machine) -> None:
    applied(
        air, "dhcp", "domain_name=branch.lan", "domain_name_servers=9.9.9.9", "router_address=192.168.0.1",
        "netmask=255.255.255.0", "subnet_mask=255.255.255.0", "domain_name_servers_address=192.168.0.2",
        "default_lease_time=600", "maximum_lease_time=900",
        "ranges=192.168.0.100-192.168.0.100,192.168.0.103-192.168.0.104",
    )  # fmt: skip
    told = lease(air)
    assert told["ip"] in ("192.168.0.100", "192.168.0.103", "192.168.0.104")
    assert told["router"] == "192.168.0.1"
    assert told["dns"] == "192.168.0.2 9.9.9.9"
    assert told["domain"] == told["search"] == "branch.lan"
    assert 590 <= int(told["lease"]) <= 600
    assert "max-lease-time 900;" in air("cat /run/otppi-system/dhcpd.conf")
    # … and comes back after a restart of everything.
    air("systemctl restart otppi-configure otppi otppi-dhcpd")
    air.settled("otppi-dhcpd.service")
    assert int(lease(air)["lease"]) <= 600
    air("rm /var/lib/otppi/settings/dhcp.json")
    until(lambda: "3600" in air("grep default-lease /run/otppi-system/dhcpd.conf"), "the default is back")


def test_settings_the_daemon_cannot_serve_leave_what_runs_alone(air: Machine) -> None:
    air.set("wlan", "ip_address=10.9.0.1")
    why = "nobody would get an address"
    until(lambda: why in air("cat /run/otppi-system/outcome.json"), "the mismatch is told")
    until(lambda: "10.9.0.1/24" in air("ip -4 address show dev wlan0"), "the address is another one")
    air("rm /var/lib/otppi/settings/wlan.json")
    until(lambda: "192.168.0.11/24" in air("ip -4 address show dev wlan0"), "the address is back")
    air.settled("otppi-dhcpd.service")


def test_names_lead_to_the_device(air: Machine) -> None:
    lease(air)
    ask = (
        "import socket,struct,sys\n"
        "def ask(name):\n"
        "    body=b''.join(bytes([len(p)])+p.encode() for p in name.split('.'))+b'\\0\\0\\1\\0\\1'\n"
        "    s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5)\n"
        "    s.sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0'+body,('192.168.0.11',53))\n"
        "    return '.'.join(str(b) for b in s.recv(512)[-4:])\n"
        "print(*[ask(n) for n in sys.argv[1:]])\n"
    )
    air(f"cat > /tmp/ask.py <<'END'\n{ask}END")
    names = "otppi.lan otp-pi.local connectivitycheck.gstatic.com captive.apple.com"
    said = air(f"ip netns exec phone python3 /tmp/ask.py {names}")
    assert said == "192.168.0.11 192.168.0.11 192.168.0.11 192.168.0.11"


def test_the_radio_is_left_alone_by_networkmanager(air: Machine) -> None:
    assert "wlan0:unmanaged" in air("nmcli --terse --fields DEVICE,STATE device")


def test_hostapd_reads_what_we_write(air: Machine) -> None:
    """Every choice of the section, given to hostapd itself; only the radio is missing here."""
    for choice, channel in (("wpa2", 1), ("wpa2-wpa3", 13), ("wpa3", 36), ("wpa3", 149)):
        air.set("wlan", f"key_management={choice}", f"channel={channel}", "country=DE", "ssid=Büro \\\\ #1")
        assert "wlan: in force" in air("otppi configure wlan")
    text = air("cat /run/otppi-system/hostapd.conf")
    assert "channel=149\n" in text
    assert "wpa_key_mgmt=SAE\n" in text
    air("rm /var/lib/otppi/settings/wlan.json; otppi configure wlan")


def test_a_password_that_is_taken_away_switches_the_access_point_off(air: Machine) -> None:
    air.set("wlan", "password=")
    said = air("otppi configure wlan", check=False)
    assert said.status == 3
    assert said.endswith("the access point has no password: it stays off")
    assert air("test -e /run/otppi-system/hostapd.conf", check=False).status == 1
    air("rm /var/lib/otppi/settings/wlan.json; otppi configure wlan")
    air("test -e /run/otppi-system/hostapd.conf")
