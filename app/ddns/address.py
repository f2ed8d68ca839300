"""Under which address the world sees the device: its own where that is public, else what services say."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from app.ddns.http import Http, Unreachable

log = logging.getLogger(__name__)

Uplink = Callable[[], "str | None"]

# Nothing is sent to them: connecting a datagram socket only asks the kernel for the route (RFC 5737, RFC 3849
# are not routed anywhere, but the default route covers them).
_ANYWHERE_4 = ("192.0.2.1", 9)
_ANYWHERE_6 = ("2001:db8::1", 9)

# Linux, include/uapi/linux/if_addr.h: privacy extensions (RFC 8981), not yet usable, no longer preferred.
_TEMPORARY, _TENTATIVE, _DEPRECATED = 0x01, 0x40, 0x20
_GLOBAL_SCOPE = 0x00


class AddressUnknown(Exception):
    """Nobody could tell; the text is a sentence."""


def uplink4() -> str | None:
    """The device's own IPv4 address on the way out, or None without a way."""
    return _source(socket.AF_INET, _ANYWHERE_4)


def uplink6(table: Path = Path("/proc/net/if_inet6")) -> str | None:
    """The device's lasting IPv6 address on the way out.

    The kernel prefers temporary addresses as the source of connections; for others to find the device the
    lasting one of the same interface is right. When the provider changes the prefix, the old address is
    marked as deprecated and the new one takes its place.
    """
    source = _source(socket.AF_INET6, _ANYWHERE_6)
    if source is None:
        return None
    try:
        return lasting6(table.read_text(), ipaddress.IPv6Address(source))
    except OSError:
        return source


def _source(family: socket.AddressFamily, anywhere: tuple[str, int]) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(anywhere)
            address: str = probe.getsockname()[0]
    except OSError:
        return None
    return address


def lasting6(table: str, source: ipaddress.IPv6Address) -> str:
    """Of ``/proc/net/if_inet6`` the lasting global address of the interface that has ``source``."""
    rows = []
    for line in table.splitlines():
        octets, _, _, scope, flags, name = line.split()
        rows.append((ipaddress.IPv6Address(bytes.fromhex(octets)), int(scope, 16), int(flags, 16), name))
    interface = next((row[3] for row in rows if row[0] == source), None)
    for address, kind, marks, owner in rows:
        lasting = not marks & (_TEMPORARY | _TENTATIVE | _DEPRECATED)
        if owner == interface and kind == _GLOBAL_SCOPE and lasting and address.is_global:
            return str(address)
    return str(source)


class PublicAddresses:
    """Asks anew each time; ``services`` of a family are asked in turn until one knows."""

    def __init__(
        self,
        http: Http,
        services4: Sequence[str],
        services6: Sequence[str],
        own4: Uplink = uplink4,
        own6: Uplink = uplink6,
    ) -> None:
        self._http = http
        self._services = {4: tuple(services4), 6: tuple(services6)}
        self._own = {4: own4, 6: own6}

    def find(self, version: int) -> str:
        """The public address of IP version 4 or 6. Raises AddressUnknown."""
        own = self._own[version]()
        if own is not None and _public(own, version):
            return str(ipaddress.ip_address(own))
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        problem = "no look-up service is set"
        for service in self._services[version]:
            try:
                answer = self._http.ask(
                    "GET", service, {"Accept": "text/plain", "User-Agent": "curl/8"}, family=family
                )
            except Unreachable as error:
                problem = str(error)
                continue
            found = answer.text.strip()
            if answer.status == 200 and _public(found, version):
                return str(ipaddress.ip_address(found))
            problem = f"{service} gave no public IPv{version} address"
        raise AddressUnknown(f"the public IPv{version} address is unknown: {problem}")


def _public(text: str, version: int) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == version and address.is_global and not address.is_multicast
