"""The options of time and name reach the system's own services, and come back after a restart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.machine import Machine, until


@pytest.fixture(autouse=True)
def as_new(device: Machine) -> Iterator[None]:
    yield
    device("rm -f /var/lib/otppi/settings/general.json /var/lib/otppi/settings/ethernet.json")


def timedate(device: Machine, name: str) -> str:
    return device(f"timedatectl show --property={name} --value")


def await_timesync(device: Machine, wanted: str) -> None:
    """Wait for what timesyncd itself believes; a container must be told that it may have one."""
    device("mkdir -p /run/systemd/system/systemd-timesyncd.service.d")
    device(
        "printf '[Unit]\\nConditionVirtualization=\\nConditionCapability=\\n[Service]\\n' "
        "> /run/systemd/system/systemd-timesyncd.service.d/test.conf; systemctl daemon-reload"
    )
    # The gateway's own order to look at the new file may still be under way, and restart it once more.
    until(lambda: device.show("otppi-apply@time.service", "ActiveState") == "inactive", "the gateway is done")
    device("systemctl restart systemd-timesyncd")
    where = "org.freedesktop.timesync1 /org/freedesktop/timesync1 org.freedesktop.timesync1.Manager"
    ask = f"busctl get-property {where} SystemNTPServers PollIntervalMaxUSec"
    until(lambda: device(ask, check=False) == wanted, f"timesyncd says {wanted!r}")


def test_the_time_zone_of_a_new_device_is_that_of_the_section(device: Machine) -> None:
    until(lambda: timedate(device, "Timezone") == "Asia/Jakarta", "the zone is in force")


def test_a_time_zone_reaches_the_system(device: Machine) -> None:
    device.set("general", "device_time_zone=Europe/Berlin")
    until(lambda: timedate(device, "Timezone") == "Europe/Berlin", "the zone is in force")
    assert device("readlink /etc/localtime").endswith("Europe/Berlin")
    device("timedatectl set-timezone UTC; systemctl restart otppi")
    until(lambda: timedate(device, "Timezone") == "Europe/Berlin", "the zone is back after a restart")


def test_the_time_server_and_its_pace_reach_timesyncd(device: Machine) -> None:
    device.set("general", "ntp_server=ntp.branch.lan", "update_timer=12")
    until(lambda: "ntp.branch.lan" in device("cat /run/systemd/timesyncd.conf.d/50-otppi.conf"), "the file")
    await_timesync(device, 'as 1 "ntp.branch.lan"\nt 43200000000')


def test_a_time_server_can_be_switched_off_and_on(device: Machine) -> None:
    device.set("general", "update_timer=0")
    until(lambda: timedate(device, "NTP") == "no", "no time server")
    device.set("general", "update_timer=6")
    until(lambda: timedate(device, "NTP") == "yes", "a time server again")


def test_the_name_reaches_the_system(device: Machine) -> None:
    device.set("general", "device_name=Branch office")
    until(lambda: device("hostnamectl hostname --pretty") == "Branch office", "the name is in force")


def test_ethernet_by_networkmanager_automatic_then_fixed(device: Machine) -> None:
    device("ip netns add lan; ip link add eth5 type veth peer name far netns lan; ip link set eth5 up")
    device("ip -n lan address add 10.5.0.1/24 dev far; ip -n lan link set far up")
    device(
        "printf 'subnet 10.5.0.0 netmask 255.255.255.0 { range 10.5.0.77; }' > /tmp/lan.conf; touch /tmp/l"
    )
    device("systemd-run --unit=landhcp ip netns exec lan dhcpd -4 -f -cf /tmp/lan.conf -lf /tmp/l far")
    try:
        shown = "nmcli -t -g IP4.ADDRESS,IP4.GATEWAY,IP4.DNS device show eth5"
        device.set("ethernet", "dns1=9.9.9.9")
        until(lambda: "10.5.0.77/24" in device(shown), "an address by DHCP", 90)
        device.set(
            "ethernet", "method=fixed", "ip_address=10.5.0.9", "prefix=24", "netmask=255.255.255.0",
            "gateway=10.5.0.1", "dns1=10.5.0.1", "dns2=9.9.9.9",
        )  # fmt: skip
        wanted = "10.5.0.9/24\n10.5.0.1\n10.5.0.1 | 9.9.9.9"
        until(lambda: device(shown) == wanted, "the fixed address is in force")
        assert "10.5.0.9/24" in device("ip -4 address show dev eth5")
        device("systemctl restart NetworkManager otppi")
        until(lambda: device(shown, check=False) == wanted, "it is back after a restart")
        device("runuser -u otppi -- otppi trial ethernet ip_address=10.5.0.10")
        until(lambda: "10.5.0.10/24" in device(shown), "the trial is in force")
        until(lambda: "10.5.0.9/24" in device(shown), "and went back", 100)
    finally:
        device("systemctl stop landhcp; ip link del eth5; ip netns del lan")


def test_the_clock_is_set_by_timedated_and_the_time_server_comes_back(device: Machine) -> None:
    """A container may not set the clock: timedated is asked, tries, and its answer is a sentence."""
    said = device(
        'cd /usr/lib/otppi && runuser -u otppi -- python3 -c "'
        "import time\n"
        "from app.system.dbus import SystemBus, SystemRefused\n"
        "from app.system.timekeeping import Time\n"
        "from hw.rtc import Rtc\n"
        "clock = Time(SystemBus(), Rtc())\n"
        "try: clock.set(time.time() + 3600)\n"
        "except SystemRefused as error: print(error)\n"
        'print(clock.state(time.time()))"'
    )
    assert "the system refused SetTime" in said
    assert "rtc='this machine has no clock chip'" in said
    assert timedate(device, "NTP") == "yes"
