"""The access point's files, word for word as the daemons get them."""

from __future__ import annotations

import pytest

from app.settings.network import Dhcp, Wlan, dhcp_elsewhere
from app.system import accesspoint

HOSTAPD = """\
# Written from the settings of OTP-Pi; a change here is lost.
interface=wlan0
driver=nl80211
ssid2=4f54502d50692d30413146
utf8_ssid=1
country_code=ID
ieee80211d=1
hw_mode=g
channel=6
ieee80211n=1
wmm_enabled=1
ap_isolate=1
auth_algs=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
ieee80211w=0
wpa_passphrase=correct horse
"""

HOSTAPD_5_GHZ_BOTH = """\
# Written from the settings of OTP-Pi; a change here is lost.
interface=wlan0
driver=nl80211
ssid2=42c3bc726f
utf8_ssid=1
country_code=DE
ieee80211d=1
hw_mode=a
channel=36
ieee80211n=1
ieee80211ac=1
wmm_enabled=1
ap_isolate=1
auth_algs=1
wpa=2
wpa_key_mgmt=WPA-PSK SAE
rsn_pairwise=CCMP
ieee80211w=1
sae_require_mfp=1
wpa_passphrase=correct horse
"""

DHCPD = """\
# Written from the settings of OTP-Pi; a change here is lost.
authoritative;
ddns-update-style none;
option domain-name "otppi.lan";
default-lease-time 3600;
max-lease-time 7200;

subnet 192.168.0.0 netmask 255.255.255.0 {
  option routers 192.168.0.11;
  option subnet-mask 255.255.255.0;
  option domain-search "otppi.lan";
  option domain-name-servers 192.168.0.11;
  range 192.168.0.40 192.168.0.254;
}
"""

DHCPD_OTHERWISE = """\
# Written from the settings of OTP-Pi; a change here is lost.
authoritative;
ddns-update-style none;
option domain-name "branch.lan";
option domain-name-servers 9.9.9.9, 1.1.1.1;
default-lease-time 600;
max-lease-time 900;

subnet 10.20.16.0 netmask 255.255.240.0 {
  option routers 10.20.17.1;
  option subnet-mask 255.255.240.0;
  option domain-search "branch.lan";
  option domain-name-servers 10.20.17.2, 9.9.9.9, 1.1.1.1;
  range 10.20.18.0 10.20.18.255;
  range 10.20.20.5 10.20.20.5;
}
"""

DNSMASQ = """\
# Written from the settings of OTP-Pi; a change here is lost.
interface=wlan0
except-interface=lo
bind-dynamic
no-resolv
no-hosts
no-poll
user=dnsmasq
log-facility=-
local-ttl=30
address=/otppi.lan/192.168.0.11
address=/otp-pi.local/192.168.0.11
address=/#/192.168.0.11
"""


def test_hostapd_on_a_new_device() -> None:
    assert accesspoint.hostapd(Wlan(ssid="OTP-Pi-0A1F", password="correct horse")) == HOSTAPD


def test_hostapd_on_five_gigahertz_for_old_and_new_telephones() -> None:
    wlan = Wlan(
        ssid="Büro", password="correct horse", key_management="wpa2-wpa3", country="DE", channel=36
    )  # fmt: skip
    assert accesspoint.hostapd(wlan) == HOSTAPD_5_GHZ_BOTH


def test_wpa3_alone_requires_protected_management_frames() -> None:
    text = accesspoint.hostapd(Wlan(password="correct horse", key_management="wpa3"))
    assert "wpa_key_mgmt=SAE\n" in text
    assert "ieee80211w=2\n" in text


def test_without_a_password_there_is_no_access_point() -> None:
    assert accesspoint.hostapd(Wlan()) == ""


@pytest.mark.parametrize("name", ["a\rb", "x\ny", "\u2028"])
def test_a_name_cannot_begin_another_line(name: str) -> None:
    with pytest.raises(ValueError):
        Wlan(ssid=name)


def test_a_name_with_any_printable_sign_stays_one_line() -> None:
    text = accesspoint.hostapd(Wlan(ssid='#"\\ =wpa=0', password="correct horse"))
    assert [line for line in text.splitlines() if line.startswith("ssid2")] == ["ssid2=23225c203d7770613d30"]


def test_dhcpd_on_a_new_device() -> None:
    assert accesspoint.dhcpd(Dhcp()) == DHCPD


def test_dhcpd_with_every_option_changed() -> None:
    dhcp = Dhcp(
        domain_name="branch.lan",
        domain_name_servers=("9.9.9.9", "1.1.1.1"),
        router_address="10.20.17.1",
        netmask="255.255.240.0",
        subnet_mask="255.255.240.0",
        domain_name_servers_address="10.20.17.2",
        default_lease_time=600,
        maximum_lease_time=900,
        ranges=("10.20.18.0-10.20.18.255", "10.20.20.5-10.20.20.5"),
    )
    assert list(dhcp.conflicts()) == []
    assert accesspoint.dhcpd(dhcp) == DHCPD_OTHERWISE


def test_every_name_leads_to_a_new_device() -> None:
    assert accesspoint.dnsmasq(Wlan(), Dhcp()) == DNSMASQ


def test_with_a_server_to_ask_only_the_devices_names_do() -> None:
    text = accesspoint.dnsmasq(Wlan(dns="9.9.9.9"), Dhcp(domain_name="branch.lan"))
    assert "server=9.9.9.9\n" in text
    assert "/#/" not in text
    assert "address=/branch.lan/192.168.0.11\n" in text


def test_the_address_with_and_without_a_gateway() -> None:
    head = "# Written from the settings of OTP-Pi; a change here is lost.\n"
    assert accesspoint.environment(Wlan()) == head + "ADDRESS=192.168.0.11/24\nCOUNTRY=ID\n"
    wlan = Wlan(ip_address="10.0.0.2", prefix=16, gateway="10.0.9.1", country="de")
    assert accesspoint.environment(wlan) == head + "ADDRESS=10.0.0.2/16\nCOUNTRY=DE\nGATEWAY=10.0.9.1\n"


def test_a_subnet_that_the_access_point_is_not_in_is_told() -> None:
    assert dhcp_elsewhere(Wlan(), Dhcp()) == ""
    said = dhcp_elsewhere(Wlan(ip_address="10.0.0.1"), Dhcp())
    assert (
        said
        == "DHCP serves 192.168.0.0/24, but the access point is in 10.0.0.0/24: nobody would get an address"
    )


def conflicts(**fields: object) -> list[str]:
    return [finding.sentence for finding in Dhcp.model_validate(fields).conflicts()]


def test_ranges_lie_in_the_subnet_and_leave_out_the_router() -> None:
    assert conflicts(ranges="192.168.1.40-192.168.1.50") == [
        "192.168.1.40-192.168.1.50 does not lie in the router's network 192.168.0.0/24"
    ]
    assert conflicts(ranges="192.168.0.5-192.168.0.20") == [
        "192.168.0.5-192.168.0.20 holds the router's own address 192.168.0.11"
    ]
    assert conflicts(ranges="192.168.0.200-192.168.0.255") == [
        "192.168.0.200-192.168.0.255 holds the address of the network itself or its broadcast"
    ]
    assert conflicts(ranges="192.168.0.40-192.168.0.50,192.168.0.50-192.168.0.60") == [
        "192.168.0.50-192.168.0.60 overlaps another range"
    ]
    assert conflicts(netmask="255.255.0.0") == [
        "subnet mask 255.255.255.0 and netmask 255.255.0.0 differ: both must agree"
    ]
    assert conflicts(maximum_lease_time=60) == ["60 s is shorter than the default lease time"]
