"""The cable by NetworkManager's interface: a real D-Bus daemon, a mock that notes what it is told."""

from __future__ import annotations

from app.settings.network import Ethernet
from app.system.dbus import SystemBus, Typed
from app.system.network import apply, profile
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


FIXED = Ethernet(
    method="fixed", ip_address="10.0.0.2", prefix=16, gateway="10.0.0.1", dns1="10.0.0.1", dns2="9.9.9.9"
)


def test_a_cable_on_which_the_same_is_in_force_is_left_alone(network_manager: NetworkManager) -> None:
    network_manager.keep("/kept/1")
    cable = network_manager.card("eth0", 1, driver="smsc95xx")
    for again, ethernet in enumerate((Ethernet(), FIXED, Ethernet(dns1="9.9.9.9")), 1):
        assert apply(SystemBus(), ethernet) == ["eth0"]
        assert apply(SystemBus(), ethernet) == ["eth0"]
        assert network_manager.told() == [["/kept/1", cable]] * again


def test_addresses_come_to_every_cable_and_a_fixed_one_is_at_one_place(
    network_manager: NetworkManager,
) -> None:
    network_manager.keep("/kept/1")
    for name in ("eth0", "eth1"):
        network_manager.card(name, 1, driver="r8152")
    assert apply(SystemBus(), Ethernet()) == ["eth0", "eth1"]
    assert profile(Ethernet())["connection"]["multi-connect"] == Typed("i", 3)
    assert apply(SystemBus(), FIXED) == ["eth0"]
    assert "multi-connect" not in profile(FIXED)["connection"]
