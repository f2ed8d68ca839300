"""Who is at the other end of a connection, by the address that the system tells."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def parsed(address: str) -> IPv4Address | IPv6Address | None:
    """The address without its zone; that of an IPv4 client on an IPv6 socket (RFC 4291 §2.5.5.2) as IPv4.

    None for what is no address.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_here(address: str) -> bool:
    """Whether it is this device itself."""
    found = parsed(address)
    return found is not None and found.is_loopback
