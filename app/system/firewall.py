"""The firewall: one nftables table, a pure function of the settings."""

from __future__ import annotations

from collections.abc import Iterable

from app.settings.network import FirewallRule
from app.system.accesspoint import INTERFACE

TABLE = "otppi"
ADMIN = (8888, 8443)

#: The group that udev puts the network card of a modem or a telephone into, whatever the card is called
#: (61-otppi-modems.rules); a number that iproute2 has no name for.
MOBILE_GROUP = 808
#: What comes from mobile internet, for nft: by the group, and by name those that udev knows no driver of.
UPLINKS = (f"iifgroup {MOBILE_GROUP}", 'iifname "ppp*"', 'iifname "ww*"', 'iifname "usb*"')


def ruleset(
    rules: Iterable[FirewallRule],
    api: Iterable[int],
    admin: Iterable[int] = ADMIN,
    local: Iterable[int] = (),
) -> str:
    """What `nft --file` takes: replaces the whole table in one transaction.

    Default deny inward. From the access point, DHCP, names, admin and API are always open; to the mobile
    uplink admin is always shut, and the rest unless a rule opens it. api, admin: TCP ports; local: further
    ones that are open to access point and cable unless a rule closes them.
    """
    listed = sorted(rules, key=lambda rule: (rule.port, rule.protocol))
    api_ports, admin_ports = sorted(set(api)), sorted(set(admin))
    house = sorted({*api_ports, *admin_ports})
    inward = [
        "type filter hook input priority filter; policy drop;",
        'iifname "lo" accept',
        "ct state established,related accept",
        "ct state invalid drop",
        # A network without these does not work: neighbours, path MTU (RFC 4890), an address by DHCP.
        "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, packet-too-big, "
        "time-exceeded, destination-unreachable, parameter-problem, echo-request } accept",
        "icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept",
        "udp sport 67 udp dport 68 accept",
        "udp sport 547 udp dport 546 accept",
        "",
        f'iifname "{INTERFACE}" udp dport {{ 53, 67, 5353 }} accept',
        f'iifname "{INTERFACE}" tcp dport {_ports([53, 80, *house])} accept',
        *(f"{uplink} tcp dport {_ports(admin_ports)} drop" for uplink in UPLINKS),
        *(f"{rule.protocol} dport {rule.port} drop" for rule in listed if rule.state == "closed"),
        *(f"{rule.protocol} dport {rule.port} accept" for rule in listed if rule.state == "open"),
        *(f"{uplink} drop" for uplink in UPLINKS),
        f"tcp dport {_ports([*house, *local])} accept",
        "udp dport 5353 accept",
    ]
    portal = []
    if 80 not in house and admin_ports:
        # A telephone asks "is there internet?" on port 80; the pages answer, and it offers to open them.
        portal = [
            "",
            "chain portal {",
            "  type nat hook prerouting priority dstnat;",
            f'  iifname "{INTERFACE}" tcp dport 80 redirect to :{ADMIN[0]}',
            "}",
        ]
    lines = [
        "# Written from the settings of OTP-Pi; a change here is lost.",
        f"table inet {TABLE} {{}}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        "  chain input {",
        *(f"    {line}" if line else "" for line in inward),
        "  }",
        "",
        "  chain forward {",
        "    type filter hook forward priority filter; policy drop;",
        "  }",
        *(f"  {line}" if line else "" for line in portal),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _ports(numbers: Iterable[int]) -> str:
    return "{ " + ", ".join(str(number) for number in sorted(set(numbers))) + " }"
