"""Sections wlan, dhcp, ethernet and firewall: how the device is reached, and from where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from app.settings.checks import (
    Host,
    Ipv4,
    Ipv4OrNone,
    Ipv4Range,
    IsoCountry,
    Netmask,
    NetmaskOrNone,
    Port,
    Prefix,
    Ssid,
    WifiPasswordOrNone,
    disagreement,
    netmask,
    prefix_of,
)
from app.settings.option import option
from app.settings.problems import Finding, Problem, Wrong
from app.settings.section import About, Section
from app.settings.snapshot import Settings

#: 2.4 GHz, and the channels of 5 GHz that need no watch for radar (ETSI EN 301 893).
CHANNELS = {n: str(n) for n in (*range(1, 14), 36, 40, 44, 48, 149, 153, 157, 161)}

DEVICE = "192.168.0.11"
NETWORK = (("prefix", "netmask"),)


def _with_prefix(raw: Any) -> Any:
    """A netmask alone says how long the prefix is; one that is none is told by its own check."""
    if not isinstance(raw, dict) or "prefix" in raw or not raw.get("netmask"):
        return raw
    with suppress(Wrong):
        return {**raw, "prefix": prefix_of(netmask(str(raw["netmask"]).strip()))}
    return raw


class Wlan(Section):
    """The access point."""

    about: ClassVar[About] = About(
        name="wlan", title="Access point", reset="RESET_WLAN", help="The device's own Wi-Fi."
    )

    ssid: Ssid = option("OTP-Pi", "SSID", help="The name of the network; this device came with its own.")
    password: WifiPasswordOrNone = option(
        "", "Password", secret=True, help="8 to 63 characters. Without one there is no access point."
    )
    key_management: Literal["wpa2", "wpa2-wpa3", "wpa3"] = option(
        "wpa2",
        "Key management",
        choices={"wpa2": "WPA2", "wpa2-wpa3": "WPA2 and WPA3", "wpa3": "WPA3 only"},
        help="WPA3 keeps out older telephones.",
    )
    country: IsoCountry = option("ID", "Country", help="Two letters; decides what the radio may do.")
    channel: int = option(6, "Channel", choices=CHANNELS)
    twins = NETWORK
    ip_address: Ipv4 = option(DEVICE, "IP address")
    prefix: Prefix = option(24, "Prefix")
    netmask: NetmaskOrNone = option("", "Netmask", help="The same as the prefix; may be left empty.")
    gateway: Ipv4OrNone = option("", "Gateway", help="A way out through the Wi-Fi; usually empty.")
    dns: Ipv4OrNone = option(
        "",
        "DNS",
        help="Whom to ask for other names than the device's; empty: every name leads to the device.",
    )

    _netmask_alone = model_validator(mode="before")(_with_prefix)

    def conflicts(self) -> Iterable[Finding]:
        if why := disagreement(self.prefix, self.netmask):
            yield Finding(("netmask", "prefix"), why)
        yield from _address_of_a_host(self.ip_address, self.prefix)
        yield from _gateway_in_reach(self.ip_address, self.prefix, self.gateway)

    @property
    def network(self) -> IPv4Network:
        """Where those are who joined."""
        return IPv4Interface(f"{self.ip_address}/{self.prefix}").network


class Dhcp(Section):
    """Addresses for whoever joins the access point."""

    about: ClassVar[About] = About(name="dhcp", title="DHCP", reset="RESET_DHCP")

    domain_name: Host = option("otppi.lan", "Domain name")
    domain_name_servers: tuple[Ipv4, ...] = option((), "Domain name servers", longest=3, help="Further ones.")
    router_address: Ipv4 = option(DEVICE, "Router address")
    netmask: Netmask = option("255.255.255.0", "Netmask", help="Of the network that the router is in.")
    subnet_mask: Netmask = option("255.255.255.0", "Subnet mask", help="What telephones are told.")
    domain_name_servers_address: Ipv4 = option(DEVICE, "Domain name server's address")
    default_lease_time: int = option(3600, "Default lease time", unit="s", minimum=60, maximum=2_592_000)
    maximum_lease_time: int = option(7200, "Maximum lease time", unit="s", minimum=60, maximum=2_592_000)
    ranges: tuple[Ipv4Range, ...] = option(("192.168.0.40-192.168.0.254",), "Ranges", longest=16)

    @property
    def network(self) -> IPv4Network:
        """The subnet that the router and the netmask make."""
        return IPv4Interface(f"{self.router_address}/{self.netmask}").network

    def spans(self) -> list[tuple[IPv4Address, IPv4Address]]:
        """The ranges as first and last address."""
        return [_ends(text) for text in self.ranges]

    def conflicts(self) -> Iterable[Finding]:
        if self.subnet_mask != self.netmask:
            yield Finding(
                ("subnet_mask", "netmask"),
                f"subnet mask {self.subnet_mask} and netmask {self.netmask} differ: both must agree",
            )
        if self.maximum_lease_time < self.default_lease_time:
            yield Finding(
                ("maximum_lease_time", "default_lease_time"),
                f"{self.maximum_lease_time} s is shorter than the default lease time",
            )
        if not self.ranges:
            yield Finding(("ranges",), "there is no range: nobody would get an address")
        yield from self._ranges_out_of_place()

    def _ranges_out_of_place(self) -> Iterable[Finding]:
        network, router = self.network, IPv4Address(self.router_address)
        known: list[tuple[IPv4Address, IPv4Address]] = []
        for text, (first, last) in zip(self.ranges, self.spans(), strict=True):
            fields = ("ranges", "router_address", "netmask")
            if first not in network or last not in network:
                yield Finding(fields, f"{text} does not lie in the router's network {network}")
            elif first == network.network_address or last == network.broadcast_address:
                yield Finding(fields, f"{text} holds the address of the network itself or its broadcast")
            elif first <= router <= last:
                yield Finding(fields, f"{text} holds the router's own address {router}")
            if any(first <= end and begin <= last for begin, end in known):
                yield Finding(("ranges",), f"{text} overlaps another range")
            known.append((first, last))


class Ethernet(Section):
    """The cable."""

    about: ClassVar[About] = About(name="ethernet", title="Ethernet", reset="RESET_ETHERNET")

    method: Literal["automatic", "fixed"] = option(
        "automatic", "Method", choices={"automatic": "Automatic (DHCP)", "fixed": "Fixed address"}
    )
    twins = NETWORK
    ip_address: Ipv4OrNone = option("", "IP address")
    prefix: Prefix = option(24, "Prefix")
    netmask: NetmaskOrNone = option("", "Netmask", help="The same as the prefix; may be left empty.")
    gateway: Ipv4OrNone = option("", "Gateway")
    dns1: Ipv4OrNone = option("", "DNS 1")
    dns2: Ipv4OrNone = option("", "DNS 2")

    _netmask_alone = model_validator(mode="before")(_with_prefix)

    def conflicts(self) -> Iterable[Finding]:
        if why := disagreement(self.prefix, self.netmask):
            yield Finding(("netmask", "prefix"), why)
        if self.method == "fixed" and not self.ip_address:
            yield Finding(("ip_address", "method"), "must be given when the method is fixed")
        if self.method == "fixed" and self.ip_address:
            yield from _address_of_a_host(self.ip_address, self.prefix)
            yield from _gateway_in_reach(self.ip_address, self.prefix, self.gateway)


class FirewallRule(Section):
    """One port that is opened to everybody, or shut to everybody but the access point."""

    about: ClassVar[About] = About(
        name="firewall",
        title="Firewall",
        reset="RESET_FIREWALL",
        many=True,
        key="name",
        help="Without a rule, admin and API are open on cable and access point, and nothing is to the mobile "
        "network. Admin, API and DHCP stay open on the access point, admin stays shut to the mobile network.",
    )

    name: str = option(..., "Name", longest=64)
    port: Port = option(..., "Port")
    protocol: Literal["tcp", "udp"] = option("tcp", "Protocol", choices={"tcp": "TCP", "udp": "UDP"})
    state: Literal["open", "closed"] = option("open", "State", choices={"open": "Open", "closed": "Closed"})

    @classmethod
    def clashes(cls, items: Mapping[str, Any]) -> Iterable[Finding]:
        owner: dict[tuple[int, str], str] = {}
        for item, rule in items.items():
            first = owner.setdefault((rule.port, rule.protocol), item)
            if first != item:
                sentence = f"{rule.port}/{rule.protocol} already has the rule {first}"
                yield Finding(("port", "protocol"), sentence, item)


def own_address_in_a_range(settings: Settings) -> Iterable[Problem]:
    """The access point must not lend its own address to a telephone."""
    own = IPv4Address(settings.one(Wlan).ip_address)
    dhcp = settings.one(Dhcp)
    for text, (first, last) in zip(dhcp.ranges, dhcp.spans(), strict=True):
        if first <= own <= last:
            yield Problem("dhcp", "", "ranges", f"{text} holds the access point's own address {own}")


def dhcp_elsewhere(wlan: Wlan, dhcp: Dhcp) -> str:
    """Why no addresses can be handed out on this access point, "" when they can."""
    network = IPv4Interface(f"{wlan.ip_address}/{wlan.prefix}").network
    if dhcp.network == network:
        return ""
    return f"DHCP serves {dhcp.network}, but the access point is in {network}: nobody would get an address"


def nobody_gets_an_address(settings: Settings) -> Iterable[Problem]:
    """A caution: whoever moves the access point and DHCP does so one after the other."""
    if why := dhcp_elsewhere(settings.one(Wlan), settings.one(Dhcp)):
        yield Problem("wlan", "", "ip_address", why)
        yield Problem("dhcp", "", "router_address", why)


def _ends(text: str) -> tuple[IPv4Address, IPv4Address]:
    first, _, last = text.partition("-")
    return IPv4Address(first), IPv4Address(last)


def _address_of_a_host(address: str, prefix: int) -> Iterable[Finding]:
    network = IPv4Interface(f"{address}/{prefix}").network
    if not 1 <= prefix <= 30:
        yield Finding(("prefix",), f"{prefix} leaves no room for other machines: 1 to 30")
    elif IPv4Address(address) in (network.network_address, network.broadcast_address):
        yield Finding(("ip_address", "prefix"), f"{address} is the network {network} itself or its broadcast")


def _gateway_in_reach(address: str, prefix: int, gateway: str) -> Iterable[Finding]:
    network = IPv4Interface(f"{address}/{prefix}").network
    if gateway and (gateway == address or IPv4Address(gateway) not in network):
        yield Finding(("gateway", "ip_address", "prefix"), f"{gateway} is no other machine of {network}")
