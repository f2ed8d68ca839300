"""Network settings that cannot be served, and daemons that do not stay up: each is told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.system.browser import Browser
from tests.system.machine import Machine, machine, until


def verdict(device: Machine, daemon: str, file: str, spoil: str) -> str:
    """What a daemon's check says to a copy of its file, changed by sed, as the service's units would ask."""
    device(f"sed {shlex.quote(spoil)} /run/otppi-system/{file} > /tmp/{file}")
    ask = (
        "from pathlib import Path; from app.system import checkers, configure; "
        f"print(checkers.{daemon}(Path('/tmp/{file}'), configure.run_command))"
    )
    return device(f'cd /usr/lib/otppi && python3 -c "{ask}"; rm /tmp/{file}')


@pytest.mark.parametrize(
    ("daemon", "file", "spoil", "says"),
    [
        (
            "hostapd",
            "hostapd.conf",
            "s/^wpa_key_mgmt=.*/wpa_key_mgmt=NONSENSE/",
            "invalid key_mgmt 'NONSENSE'",
        ),
        ("hostapd", "hostapd.conf", "s/^wpa_passphrase=.*/wpa_passphrase=short/", "passphrase length 5"),
        ("dhcpd", "dhcpd.conf", "s/;$//", "semicolon expected"),
        ("dnsmasq", "dnsmasq.conf", "s/^no-poll/no-nonsense/", "bad option"),
        ("nft", "firewall.nft", "s/policy drop/policy nonsense/", "syntax error"),
    ],
)
def test_each_daemon_says_itself_what_is_wrong(
    device: Machine, daemon: str, file: str, spoil: str, says: str
) -> None:
    assert verdict(device, daemon, file, "") == ""
    said = verdict(device, daemon, file, spoil)
    assert said.startswith(f"{daemon} would not take the settings: ")
    assert says in said


@pytest.fixture
def own() -> Iterator[Machine]:
    with machine() as one:
        one.booted()
        one.settled("otppi.service")
        yield one


def test_no_radio_and_a_daemon_that_does_not_stay_up_are_told(own: Machine) -> None:
    browser, no_radio = Browser(own), "this machine has no Wi-Fi: there is no access point"
    until(lambda: no_radio in browser.get("/network"), "the page says that there is no radio")
    own("printf '#!/bin/sh\\nexit 1\\n' > /usr/sbin/dhcpd")
    own("ip link add wlan0 type veth peer name far; systemctl start otppi-wlan otppi-dhcpd")
    why = "dhcpd does not stay up; the log of otppi-dhcpd.service tells why"
    until(lambda: why in browser.get("/network"), "the page says that nobody hands out addresses")
    assert no_radio not in browser.get("/network")
    assert own.journal("otppi.service").count(why) == 1
    own("printf '#!/bin/sh\\nexec sleep infinity\\n' > /usr/sbin/dhcpd")
    until(lambda: why not in browser.get("/network"), "it stays up again", 90)


def test_what_the_boot_could_not_put_in_force_is_told_after_a_restart(own: Machine) -> None:
    own.set("wlan", "ip_address=10.9.0.1")
    why = "nobody would get an address"
    until(lambda: why in own("cat /run/otppi-system/outcome.json"), "it is not in force")
    own("systemctl restart otppi")
    own.settled("otppi.service")
    until(lambda: why in own.journal("otppi.service", 30), "the next life says so too", 20)
