"""Whether a proof stands in the DNS is asked of every name server of the zone, each by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from app.ddns.acme import shown_by_name_servers

NAME = "_acme-challenge.home.example.com"
ZONE = {
    ("example.com.", "NS"): ["ns1.example.com.", "ns2.example.com."],
    ("ns1.example.com.", "A"): ["127.0.0.1"],
    ("ns2.example.com.", "A"): ["127.0.0.2"],
}


class NameServer:
    """Answers over UDP from ``ZONE``, and with its own texts for the proof's name."""

    def __init__(self, address: str, port: int = 0) -> None:
        self.texts: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                octets, client = self._socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
            found = self.texts if (name, kind) == (f"{NAME}.", "TXT") else ZONE.get((name, kind), [])
            answer = dns.message.make_response(query)
            if found:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), client)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def servers() -> Iterator[tuple[NameServer, NameServer]]:
    first = NameServer("127.0.0.1")
    second = NameServer("127.0.0.2", first.port)
    yield first, second
    first.close()
    second.close()


def shown(servers: tuple[NameServer, NameServer], zone: str = "example.com") -> bool:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], servers[0].port
    return shown_by_name_servers(zone, NAME, "pr00f", resolver)


def test_a_proof_counts_when_the_last_name_server_shows_it(servers: tuple[NameServer, NameServer]) -> None:
    first, second = servers
    assert not shown(servers)
    first.texts = ['"pr00f"']
    assert not shown(servers)
    second.texts = ['"of another certificate"']
    assert not shown(servers)
    second.texts.append('"pr" "00f"')  # one text in two pieces (RFC 1035 §3.3.14)
    assert shown(servers)


def test_a_zone_that_nobody_knows_shows_nothing(servers: tuple[NameServer, NameServer]) -> None:
    assert not shown(servers, "elsewhere.example")
