"""The cable by NetworkManager's interface: a real D-Bus daemon, a mock that notes what it is told."""

from __future__ import annotations

from app.settings.network import Ethernet
from app.system.dbus import SystemBus
from app.system.network import apply
from tests.device.networkmanager import NetworkManager


def test_the_cable_is_set_and_a_stick_that_is_a_network_card_keeps_its_own_connection(
    network_manager: NetworkManager,
) -> None:
    network_manager.keep("/kept/1")
    network_manager.card("usb0", 1, driver="cdc_ether")
    cable = network_manager.card("eth0", 1, driver="smsc95xx")
    network_manager.card("enx0c5b8f279a64", 1, driver="rndis_host")
    assert apply(SystemBus(), Ethernet()) == ["eth0"]
    assert network_manager.told() == [["/kept/1", cable]]
