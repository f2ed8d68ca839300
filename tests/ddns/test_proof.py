"""Whether a proof stands in the DNS is asked of every name server of the zone, each by itself."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from app.ddns.acme import shown_by_name_servers
from tests.nameserver import NameServer, Zone

NAME = "_acme-challenge.home.example.com"
ZONE: Zone = {
    ("example.com.", "NS"): ["ns1.example.com.", "ns2.example.com."],
    ("ns1.example.com.", "A"): ["127.0.0.1"],
    ("ns2.example.com.", "A"): ["127.0.0.2"],
}


@pytest.fixture
def servers() -> Iterator[tuple[NameServer, NameServer]]:
    first = NameServer(ZONE)
    second = NameServer(ZONE, "127.0.0.2", first.port)
    yield first, second
    first.close()
    second.close()


def showing(*texts: str) -> Zone:
    return {**ZONE, (f"{NAME}.", "TXT"): texts}


def shown(servers: tuple[NameServer, NameServer], zone: str = "example.com") -> bool:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], servers[0].port
    return shown_by_name_servers(zone, NAME, "pr00f", resolver)


def test_a_proof_counts_when_the_last_name_server_shows_it(servers: tuple[NameServer, NameServer]) -> None:
    first, second = servers
    assert not shown(servers)
    first.zone = showing('"pr00f"')
    assert not shown(servers)
    second.zone = showing('"of another certificate"')
    assert not shown(servers)
    # One text in two pieces (RFC 1035 §3.3.14).
    second.zone = showing('"of another certificate"', '"pr" "00f"')
    assert shown(servers)


def test_a_zone_that_nobody_knows_shows_nothing(servers: tuple[NameServer, NameServer]) -> None:
    assert not shown(servers, "elsewhere.example")
