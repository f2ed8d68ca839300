"""A telephone near the booted device, with the card in hand: joins, gets an address, opens the pages."""

import json
from collections.abc import Iterator

import pytest

from tests.boot.emulator.machine import Machine, patience
from tests.boot.emulator.radio import Station, two_radios


@pytest.fixture(scope="module")
def card_in_hand(virt: Machine) -> dict[str, str]:
    """What first boot wrote; the same stands on the boot partition as text and as a sheet to print."""
    card: dict[str, str] = json.loads(virt.console.eventually("cat /var/lib/otppi/card.json", patience(30)))
    return card


@pytest.fixture(scope="module")
def telephone(virt: Machine) -> Iterator[Station]:
    station = two_radios(virt.console)
    virt.console.eventually("systemctl is-active otppi-ap otppi-dhcpd otppi-dns", patience(60))
    yield station
    virt.console.run("ip netns delete station; modprobe -r mac80211_hwsim")


def test_the_card_is_on_the_boot_partition(virt: Machine, card_in_hand: dict[str, str]) -> None:
    words = virt.console.run("cat /boot/firmware/*.txt")
    assert card_in_hand["ssid"] in words
    assert card_in_hand["password"] in words
    assert card_in_hand["setup_code"] in words


def test_networkmanager_leaves_the_radio_alone(virt: Machine, telephone: Station) -> None:
    assert "wlan0:unmanaged" in virt.console.run("nmcli -t -f DEVICE,STATE device").split("\n")


def test_a_wrong_password_is_refused(telephone: Station, card_in_hand: dict[str, str]) -> None:
    assert not telephone.join(card_in_hand["ssid"], "not-the-password")


def test_with_the_password_of_the_card_it_gets_an_address(
    telephone: Station, card_in_hand: dict[str, str]
) -> None:
    assert telephone.join(card_in_hand["ssid"], card_in_hand["password"])
    address, length = telephone.lease().split("/")
    assert address.startswith("192.168.0.") and length == "24"


def test_it_opens_the_pages_by_address_and_by_name(telephone: Station) -> None:
    by_address = telephone.fetch("http://192.168.0.11:8888/")
    assert "OTP-Pi" in by_address
    assert "OTP-Pi" in telephone.fetch("http://otppi.lan:8888/", "192.168.0.11")
