"""Mail exchangers, asked of a real name server in the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from app.mail.account import Tls
from app.mail.direct import MailExchangers
from app.mail.session import AccountFault, LetterFault

ZONE = {
    "example.com.": ["20 backup.example.com.", "10 mx.example.com."],
    "null.example.": ["0 ."],
    "bare.example.": [],
    "xn--bcher-kva.example.": ["5 mx.example.net."],
}


class NameServer:
    """Answers MX questions over UDP from ``ZONE``; says nothing at all about silent.example."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                octets, client = self._socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            name = query.question[0].name.to_text()
            if name == "silent.example.":
                continue
            answer = dns.message.make_response(query)
            if name not in ZONE:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif ZONE[name]:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *ZONE[name]))
            self._socket.sendto(answer.to_wire(), client)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def exchangers() -> Iterator[MailExchangers]:
    server = NameServer()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = server.port
    yield MailExchangers(resolver, port=2525, seconds=2.0)
    server.close()


def test_the_best_exchanger_first(exchangers: MailExchangers) -> None:
    found = exchangers("example.com")
    assert [one.place for one in found] == ["mx.example.com:2525", "backup.example.com:2525"]
    assert found[0].name == "direct to mx.example.com"
    assert found[0].tls is Tls.IF_OFFERED


def test_a_domain_without_exchangers_is_its_own(exchangers: MailExchangers) -> None:
    assert [one.host for one in exchangers("bare.example")] == ["bare.example"]


def test_an_international_domain(exchangers: MailExchangers) -> None:
    assert [one.host for one in exchangers("bücher.example")] == ["mx.example.net"]


def test_a_domain_that_takes_no_mail(exchangers: MailExchangers) -> None:
    with pytest.raises(LetterFault, match=r"the domain null\.example takes no mail"):
        exchangers("null.example")


def test_a_domain_that_does_not_exist(exchangers: MailExchangers) -> None:
    with pytest.raises(LetterFault, match=r"the domain nowhere\.example does not exist"):
        exchangers("nowhere.example")


def test_a_name_server_that_says_nothing(exchangers: MailExchangers) -> None:
    with pytest.raises(AccountFault, match=r"the mail server of silent\.example was not found"):
        exchangers("silent.example")
