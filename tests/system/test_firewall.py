"""The firewall, seen from a telephone on the access point, an office on the cable, and the mobile network."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.system.firewall import MOBILE_GROUP
from tests.system.browser import Browser
from tests.system.machine import Machine, until

#: The last is a stick that is a network card: nothing but its group says so.
SIDES = {
    "phone": ("wlan0", "192.168.0"),
    "office": ("eth7", "10.7.0"),
    "mobile": ("ppp0", "10.8.0"),
    "dongle": ("enx0c5b8f279a64", "10.9.0"),
}
MOBILE = ["mobile", "dongle"]
ADMIN, API = 8888, 8899


@pytest.fixture(scope="module")
def sides(booted: Machine) -> Iterator[Machine]:
    """Three name spaces, one behind each kind of interface, and something that answers on the ports asked."""
    for space, (interface, net) in SIDES.items():
        booted(f"ip netns add {space}; ip link add {interface} type veth peer name far netns {space}")
        # NetworkManager would put its own address on a new cable; here the test has one.
        booted(f"nmcli device set {interface} managed no", check=False)
        until(lambda i=interface: f"{i}:unmanaged" in booted("nmcli -t -f DEVICE,STATE device"), "left alone")
        booted(f"ip address add {net}.11/24 dev {interface}; ip link set {interface} up")
        if space == "dongle":
            booted(f"ip link set {interface} group {MOBILE_GROUP}")  # as udev does by its driver
        booted(f"ip -n {space} address add {net}.2/24 dev far; ip -n {space} link set far up")
    # Where the gateway listens itself, its own door is the one that is knocked at.
    listener = (
        "import socket, sys, time\nkept = []\nfor port in sys.argv[1:]:\n  try:\n"
        "    kept.append(socket.create_server(('', int(port))))\n  except OSError: pass\ntime.sleep(1e6)\n"
    )
    booted(f"cat > /tmp/listen.py <<'END'\n{listener}END")
    booted("systemd-run --unit=listeners python3 /tmp/listen.py 8888 9100 22")
    # All that is knocked at listens, so a door that does not open is one that was shut.
    for port in (ADMIN, API, 9100, 22):
        until(lambda port=port: booted(f"nc -z 127.0.0.1 {port}", check=False).status == 0, f"{port} listens")
    for space in SIDES:
        there = f"ip netns exec {space} ping -c 1 -W 2 {SIDES[space][1]}.11"
        until(lambda there=there: booted(there, check=False).status == 0, f"{space} reaches the device")
    yield booted
    booted("systemctl stop listeners")
    for space, (interface, _) in SIDES.items():
        booted(f"ip link del {interface}; ip netns del {space}")


def _knock(space: str, port: int) -> str:
    address = f"{SIDES[space][1]}.11"
    return f"ip netns exec {space} nc -z -w 2 {address} {port}"


def is_open(sides: Machine, space: str, port: int) -> bool:
    return sides(_knock(space, port), check=False).status == 0


def rule(sides: Machine, name: str, *pairs: str) -> None:
    """Set a rule and wait until the kernel has it."""
    sides.set(f"firewall/{name}", *pairs)
    port = next(pair.partition("=")[2] for pair in pairs if pair.startswith("port="))
    verb = "drop" if "state=closed" in pairs else "accept"
    until(
        lambda: f"dport {port} {verb}" in sides("nft list table inet otppi"), f"the rule {name} is in force"
    )


def unrule(sides: Machine, name: str, port: int) -> None:
    sides(f"runuser -u otppi -- otppi delete firewall/{name}")
    until(lambda: f"dport {port} " not in sides("nft list table inet otppi"), f"the rule {name} is gone")


@pytest.mark.parametrize("space", ["phone", "office"])
def test_admin_and_api_are_open_where_people_are(sides: Machine, space: str) -> None:
    assert is_open(sides, space, ADMIN)
    assert is_open(sides, space, API)


@pytest.mark.parametrize("space", ["phone", "office"])
def test_what_nobody_opened_is_shut(sides: Machine, space: str) -> None:
    assert not is_open(sides, space, 9100)
    assert not is_open(sides, space, 22)


@pytest.mark.parametrize("space", MOBILE)
def test_nothing_is_open_to_the_mobile_network(sides: Machine, space: str) -> None:
    assert not any(is_open(sides, space, port) for port in (ADMIN, API, 9100, 22))


def test_a_cable_that_is_called_like_a_stick_is_a_cable(sides: Machine) -> None:
    """By its group alone a stick is told from a USB adapter for the cable, which has such a name too."""
    interface = SIDES["dongle"][0]
    sides(f"ip link set {interface} group default")
    try:
        assert is_open(sides, "dongle", ADMIN)
    finally:
        sides(f"ip link set {interface} group {MOBILE_GROUP}")
    assert not is_open(sides, "dongle", ADMIN)


def test_a_rule_opens_a_port_and_its_removal_shuts_it(sides: Machine) -> None:
    rule(sides, "metrics", "port=9100", "state=open")
    assert is_open(sides, "office", 9100)
    assert all(is_open(sides, space, 9100) for space in MOBILE)
    unrule(sides, "metrics", 9100)
    assert not is_open(sides, "office", 9100)


def test_a_rule_shuts_the_api_to_the_cable_but_never_to_the_access_point(sides: Machine) -> None:
    rule(sides, "api", f"port={API}", "state=closed")
    assert not is_open(sides, "office", API)
    assert is_open(sides, "phone", API)
    unrule(sides, "api", API)
    until(lambda: is_open(sides, "office", API), "the API is open again")


def test_admin_can_be_shut_to_the_cable_but_never_to_the_access_point(sides: Machine) -> None:
    rule(sides, "admin", f"port={ADMIN}", "state=closed")
    assert not is_open(sides, "office", ADMIN)
    assert is_open(sides, "phone", ADMIN)
    unrule(sides, "admin", ADMIN)


def test_admin_stays_shut_to_the_mobile_network_whatever_a_rule_says(sides: Machine) -> None:
    rule(sides, "admin", f"port={ADMIN}", "state=open")
    assert not any(is_open(sides, space, ADMIN) for space in MOBILE)
    unrule(sides, "admin", ADMIN)


def test_dhcp_cannot_be_shut_out_of_the_access_point(sides: Machine) -> None:
    rule(sides, "dhcp", "port=67", "protocol=udp", "state=closed")
    shout = "ip netns exec phone sh -c 'echo hello | nc -u -w 1 192.168.0.11 67'"
    sides("systemd-run --unit=udp67 --collect sh -c 'timeout 20 nc -u -l -p 67 > /tmp/udp67'")
    until(
        lambda: sides(f"{shout}; cat /tmp/udp67", check=False)
        .strip().endswith("hello"),
        "UDP 67 is heard on the access point", 15,
    )  # fmt: skip
    sides("systemctl stop udp67", check=False)
    unrule(sides, "dhcp", 67)


def test_a_port_of_the_api_that_moves_takes_its_door_along(sides: Machine) -> None:
    sides.set("api", "http_port=8085")
    until(lambda: is_open(sides, "office", 8085), "the API is open at its new port")
    sides("rm /var/lib/otppi/settings/api.json")
    until(lambda: is_open(sides, "office", API), "the API is back")
    until(lambda: "8085" not in sides("nft list table inet otppi"), "its old door is shut")


def test_a_probe_for_the_internet_is_led_to_the_pages(sides: Machine) -> None:
    assert is_open(sides, "phone", 80)
    assert not is_open(sides, "office", 80)


def test_the_rules_are_back_after_a_restart(sides: Machine) -> None:
    rule(sides, "metrics", "port=9100", "state=open")
    sides("systemctl restart otppi-configure otppi-firewall")
    assert is_open(sides, "office", 9100)
    unrule(sides, "metrics", 9100)


def test_what_goes_back_after_sixty_seconds(sides: Machine) -> None:
    """From the page: shuts the cable out of the API. Nobody confirms it: after a minute it is open again."""
    browser, new = Browser(sides), "/settings/firewall/new"
    assert browser.send(new, new, name="lockout", port=str(API), state="closed") == "/network/trial"
    began = time.monotonic()
    until(lambda: not is_open(sides, "office", API), "the change is in force", 40)
    while time.monotonic() < began + 45:
        assert "lockout" in sides("otppi show firewall")
        time.sleep(1)
    assert not is_open(sides, "office", API)
    until(lambda: is_open(sides, "office", API), "the change went back", 55)
    assert "lockout" not in sides("otppi show firewall")
    assert "went back to what they were" in sides.journal("otppi.service")


def test_what_is_confirmed_stays(sides: Machine) -> None:
    sides("runuser -u otppi -- otppi trial firewall/metrics port=9100")
    until(lambda: is_open(sides, "office", 9100), "the change is in force")
    assert sides("runuser -u otppi -- otppi confirm") == "confirmed"
    sides("sleep 64")
    assert is_open(sides, "office", 9100)
    unrule(sides, "metrics", 9100)


def test_a_service_that_is_killed_goes_back_with_its_next_start(sides: Machine) -> None:
    sides("runuser -u otppi -- otppi trial firewall/lockout port=8899 state=closed")
    until(lambda: not is_open(sides, "office", API), "the change is in force")
    sides("systemctl kill --signal=KILL otppi.service")
    until(lambda: is_open(sides, "office", API), "the change went back with the next start", 40)
