"""Mail exchangers, asked of a real name server in the test."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from app.mail.account import Tls
from app.mail.direct import MailExchangers
from app.mail.session import AccountFault, LetterFault
from tests.nameserver import NameServer

ZONE = {
    ("example.com.", "MX"): ["20 backup.example.com.", "10 mx.example.com."],
    ("null.example.", "MX"): ["0 ."],
    ("bare.example.", "MX"): [],
    ("xn--bcher-kva.example.", "MX"): ["5 mx.example.net."],
}


@pytest.fixture
def exchangers() -> Iterator[MailExchangers]:
    server = NameServer(ZONE, silent=["silent.example."])
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
