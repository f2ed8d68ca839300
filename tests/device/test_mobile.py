"""Mobile internet by NetworkManager's interface: a real D-Bus daemon, a mock that notes what it is told."""

from __future__ import annotations

import pytest

from app.system.dbus import SystemBus, SystemRefused
from app.system.mobile import MobileLink
from tests.device.networkmanager import NetworkManager


def test_a_stick_that_is_an_ethernet_card_is_connected_watched_and_left(
    network_manager: NetworkManager,
) -> None:
    path = network_manager.card("usb0", 1)
    link = MobileLink(SystemBus())
    assert link.state("usb0") == "down"
    link.connect("usb0", "internet", "wap", "secret", 700)
    assert network_manager.told() == [
        [
            {
                "connection": {
                    "id": "OTP-Pi mobile usb0",
                    "type": "802-3-ethernet",
                    "autoconnect": False,
                },
                "ipv4": {"method": "auto", "route-metric": 700},
                "ipv6": {"method": "auto", "route-metric": 700},
                "802-3-ethernet": {},
            },
            path,
            {"persist": "volatile"},
        ]
    ]
    assert link.state("usb0") == "coming"
    network_manager.turn(path, "State", 100)
    assert link.state("usb0") == "up"
    link.disconnect("usb0")
    assert link.state("usb0") == "down"


def test_a_stick_that_is_driven_as_a_modem_gets_apn_user_and_password(
    network_manager: NetworkManager,
) -> None:
    network_manager.card("cdc-wdm0", 8)
    MobileLink(SystemBus()).connect("cdc-wdm0", "internet", "wap", "secret", 50)
    ((wanted, _, _),) = network_manager.told()
    assert wanted["connection"]["type"] == "gsm"
    assert wanted["gsm"] == {"apn": "internet", "username": "wap", "password": "secret"}
    assert wanted["ipv4"]["route-metric"] == 50


def test_a_card_that_network_manager_does_not_know_is_named(network_manager: NetworkManager) -> None:
    link = MobileLink(SystemBus())
    with pytest.raises(SystemRefused, match="does not know the network card wwan7"):
        link.connect("wwan7", "internet", "", "", 700)
    link.disconnect("wwan7")  # nothing to leave: fine
