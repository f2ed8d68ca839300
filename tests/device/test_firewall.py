"""The firewall's rules, word for word."""

from __future__ import annotations

from app.settings.network import FirewallRule
from app.system import firewall

NEW = """\
# Written from the settings of OTP-Pi; a change here is lost.
table inet otppi {}
delete table inet otppi
table inet otppi {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ct state invalid drop
    icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, packet-too-big, \
time-exceeded, destination-unreachable, parameter-problem, echo-request } accept
    icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept

    iifname "wlan0" udp dport { 53, 67, 5353 } accept
    iifname "wlan0" tcp dport { 53, 80, 8443, 8888, 8899, 10443 } accept
    iifgroup 808 tcp dport { 8443, 8888 } drop
    iifname "ppp*" tcp dport { 8443, 8888 } drop
    iifname "ww*" tcp dport { 8443, 8888 } drop
    iifname "usb*" tcp dport { 8443, 8888 } drop
    iifgroup 808 drop
    iifname "ppp*" drop
    iifname "ww*" drop
    iifname "usb*" drop
    tcp dport { 8443, 8888, 8899, 10443 } accept
    udp dport 5353 accept
  }

  chain forward {
    type filter hook forward priority filter; policy drop;
  }

  chain portal {
    type nat hook prerouting priority dstnat;
    iifname "wlan0" tcp dport 80 redirect to :8888
  }
}
"""


def test_the_rules_of_a_new_device() -> None:
    assert firewall.ruleset([], [8899, 10443]) == NEW


def test_rules_come_after_what_protects_the_house_and_before_what_is_usual() -> None:
    rules = [
        FirewallRule(name="a", port=9100, state="open"),
        FirewallRule(name="b", port=8899, state="closed"),
        FirewallRule(name="c", port=53, protocol="udp", state="closed"),
    ]
    lines = [line.strip() for line in firewall.ruleset(rules, [8899]).splitlines()]
    at = lines.index
    first, last = at('iifname "usb*" tcp dport { 8443, 8888 } drop'), at("iifgroup 808 drop")
    assert lines[first + 1 : last] == ["udp dport 53 drop", "tcp dport 8899 drop", "tcp dport 9100 accept"]
    assert at('iifname "wlan0" udp dport { 53, 67, 5353 } accept') < first


def test_an_api_on_port_80_is_not_led_to_the_pages() -> None:
    assert "redirect" not in firewall.ruleset([], [80, 443])


def test_a_local_door_is_shut_to_the_mobile_network_and_can_be_closed() -> None:
    lines = [line.strip() for line in firewall.ruleset([], [8899], local=[25]).splitlines()]
    at = lines.index
    assert at('iifname "usb*" drop') < at("tcp dport { 25, 8443, 8888, 8899 } accept")
    rule = FirewallRule(name="no mail", port=25, state="closed")
    lines = [line.strip() for line in firewall.ruleset([rule], [8899], local=[25]).splitlines()]
    assert lines.index("tcp dport 25 drop") < lines.index("tcp dport { 25, 8443, 8888, 8899 } accept")
