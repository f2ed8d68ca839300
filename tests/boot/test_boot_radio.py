"""The image's own hostapd on a simulated radio: what the access point is made of works on this kernel."""

from collections.abc import Iterator

import pytest

from tests.boot.emulator.machine import Machine
from tests.boot.emulator.radio import Station, two_radios

HOSTAPD = r"interface=wlan0\ndriver=nl80211\nssid=Trial\nhw_mode=g\nchannel=6\ncountry_code=DE\n"
WPA = r"wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase=right-password\n"
DHCPD = r"authoritative;\nsubnet 10.9.8.0 netmask 255.255.255.0 { range 10.9.8.20 10.9.8.20; }\n"


@pytest.fixture(scope="module")
def station(virt: Machine) -> Iterator[Station]:
    guest = virt.console
    near = two_radios(guest)
    guest.run(f"printf '{HOSTAPD}{WPA}' >/run/trial-ap.conf; printf '{DHCPD}' >/run/trial-dhcpd.conf")
    guest.run("ip addr add 10.9.8.1/24 dev wlan0 && touch /run/trial.leases")
    guest.run("systemd-run --quiet --unit trial-ap hostapd /run/trial-ap.conf")
    guest.eventually("ip -o link show wlan0 | grep -q 'state UP'")
    leases = "dhcpd -f -4 -cf /run/trial-dhcpd.conf -lf /run/trial.leases --no-pid wlan0"
    guest.run(f"systemd-run --quiet --unit trial-dhcpd {leases}")
    yield near
    guest.run("systemctl stop trial-dhcpd trial-ap; ip netns delete station; modprobe -r mac80211_hwsim")


def test_networkmanager_leaves_the_radio_alone(virt: Machine, station: Station) -> None:
    assert "wlan0:unmanaged" in virt.console.run("nmcli -t -f DEVICE,STATE device").split("\n")


def test_a_station_with_the_right_password_gets_an_address(station: Station) -> None:
    assert station.join("Trial", "right-password")
    assert station.lease() == "10.9.8.20/24"


def test_a_wrong_password_is_refused(station: Station) -> None:
    assert not station.join("Trial", "wrong-password")
