"""The eight places of the admin, and in which of them a section of the settings is found."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings.section import Section
from app.settings.sections import SECTIONS


@dataclass(frozen=True)
class Place:
    name: str
    title: str
    path: str


PLACES = (
    Place("home", "Home", "/"),
    Place("messages", "Messages", "/messages"),
    Place("otp", "OTP", "/otp"),
    Place("modems", "Modems", "/modems"),
    Place("routing", "Routing", "/routing"),
    Place("connect", "Connect", "/connect"),
    Place("network", "Network", "/network"),
    Place("system", "System", "/system"),
)

# A section that is not named here is found under System.
_FOUND = {
    "api": "connect",
    "api_users": "connect",
    "inbox": "messages",
    "inbox_rules": "messages",
    "modems": "modems",
    "canary": "modems",
    "balance": "modems",
    "metrics": "connect",
    "sms": "routing",
    "blocking": "routing",
}
_FOUND_BY_BEGINNING = {
    "subscriber_": "connect",
    "vendor_": "network",
    "ddns": "network",
    "wlan": "network",
    "dhcp": "network",
    "ethernet": "network",
    "firewall": "network",
    "keystore": "network",
    "acme": "network",
    "public_address": "network",
    "address": "network",
}


def place_of(section: type[Section]) -> str:
    name = section.about.name
    if name in _FOUND:
        return _FOUND[name]
    return next((place for start, place in _FOUND_BY_BEGINNING.items() if name.startswith(start)), "system")


def sections_of(place: str) -> list[type[Section]]:
    """The sections whose pages a place lists, in the order of their declaration."""
    return [section for section in SECTIONS if place_of(section) == place]
