"""What the sections email, smtp, ddns and vendor_* say against themselves."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.ddns import Afraid, Cloudflare, DdnsRecord, Dynu, NoIp
from app.settings.mail import EmailAccount, LocalSmtp
from app.settings.section import Around, Section, check

ACCOUNT = {"name": "a", "smtp_host": "mail.example.com", "sender_account": "otp@example.com"}


def problems(section: type[Section], **fields: Any) -> list[str]:
    return [f"{one.field} {one.sentence}" for one in check(section, fields).problems]


def cautions(section: Section) -> list[str]:
    return [finding.sentence for finding in section.cautions(Around())]


def test_a_sign_in_name_that_is_no_address_needs_a_sender() -> None:
    assert problems(EmailAccount, **(ACCOUNT | {"sender_account": "apikey"})) == [
        "from_address must be given: the sender account is not a mail address"
    ]
    other = EmailAccount(**(ACCOUNT | {"sender_account": "apikey", "from_address": "otp@example.com"}))
    assert other.sender == "otp@example.com"


def test_an_account_is_warned_of_what_will_not_work_or_can_be_read() -> None:
    assert cautions(EmailAccount(**ACCOUNT)) == ["a has no password and cannot sign in"]
    ready = ACCOUNT | {"sender_password": "p"}
    assert cautions(EmailAccount(**ready)) == []
    assert cautions(EmailAccount(**ready, start_tls=False)) == [
        "the password and the codes travel in the clear: turn on STARTTLS or TLS"
    ]
    assert cautions(EmailAccount(**ready, port=465)) == ["port 465 usually wants TLS from the start"]
    assert cautions(EmailAccount(**ready, ssl=True)) == [
        "port 587 usually wants STARTTLS instead of TLS from the start"
    ]


def test_the_local_server_is_warned_of_open_doors() -> None:
    wide = LocalSmtp(active=True, allowed_addresses=("0.0.0.0/0",))
    assert cautions(wide) == ["everybody who reaches the device may send mail by it"]
    clear = LocalSmtp(active=True, address="0.0.0.0", require_tls=False)
    assert cautions(clear) == ["passwords of API users can be read on the network"]
    assert cautions(clear.model_copy(update={"active": False})) == []


@pytest.mark.parametrize(
    ("zone", "name", "whole"),
    [
        ("example.com", "@", "example.com"),
        ("example.com", "home", "home.example.com"),
        ("example.com", "a.b", "a.b.example.com"),
        ("Example.com.", "home.example.com", "home.example.com"),
        ("example.com", "example.com", "example.com"),
        ("example.com", "*", "*.example.com"),
        ("Bücher.example", "*", "*.xn--bcher-kva.example"),
        ("straße.example", "kafé.straße.example", "xn--kaf-dma.xn--strae-oqa.example"),
        ("☃.example", "_a.b", "_a.b.xn--n3h.example"),
    ],
)
def test_a_records_whole_name(zone: str, name: str, whole: str) -> None:
    assert DdnsRecord(name="d", zone=zone, record_name=name).fqdn == whole


@pytest.mark.parametrize(
    ("section", "fields", "sentence"),
    [
        (Cloudflare, {}, "token must be given, or the API key and its e-mail"),
        (Cloudflare, {"api_key": "k"}, "token must be given, or the API key and its e-mail"),
        (NoIp, {"username": "u"}, "username must be given with a password"),
        (Dynu, {"username": "u", "password": "p"}, "api_key must be given for API v2"),
        (Dynu, {"api_version": "nic", "api_key": "k"}, "username must be given with a password"),
        (Afraid, {"username": "u"}, "password must be given"),
    ],
)
def test_an_active_vendor_needs_its_credentials(
    section: type[Section], fields: dict[str, str], sentence: str
) -> None:
    assert problems(section, active=True, **fields) == [sentence]
    assert problems(section, **fields) == []


def test_a_certificate_needs_a_vendor_that_can_hold_the_proof() -> None:
    for provider in ("noip", "afraid"):
        assert problems(DdnsRecord, name="d", zone="example.com", provider=provider, certificate=True) == [
            "certificate is possible with Cloudflare and Dynu only: they can hold the proof"
        ]
