"""Every error a vendor documents, from its answer to the sentence on the page and in the history, in both
languages.

The codes are those of the vendors' own pages: developers.cloudflare.com/api (errors of zones and DNS
records), www.noip.com/integrate/response, www.dynu.com/DynamicDNS/IP-Update-Protocol,
www.dynu.com/Support/API (exceptions), freedns.afraid.org (what its update addresses say).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.ddns import cloudflare, nic
from app.ddns.address import PublicAddresses
from app.ddns.http import Http
from app.ddns.office import DdnsOffice
from app.ddns.updater import Keeping
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.section import Section
from app.settings.snapshot import Settings
from app.store.database import Database
from app.store.ddns import DdnsHistory
from app.web.admin.language import translated
from tests.ddns.servers import VendorServer, answering
from tests.web.admin import sentences

STOPS = ". Nothing is sent until the settings change."
BERHENTI = ". Tidak ada yang dikirim sampai pengaturan berubah."


def refusal(status: int, code: int, message: str = "As documented") -> tuple[int, Any]:
    return status, {"success": False, "errors": [{"code": code, "message": message}], "result": None}


def exception(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"statusCode": status, "type": kind, "message": message}


# Answer → the sentence in English, and in Indonesian; a sentence that stops ends with STOPS.
CLOUDFLARE = [
    (refusal(400, 1049), "Cloudflare says that the zone is not a registered domain"),
    (refusal(400, 1061), "the zone exists at Cloudflare already, in another account: check the account id"),
    (refusal(403, 1068), "Cloudflare does not let this account use the zone"),
    (refusal(400, 1097), "Cloudflare cannot take the zone: it is banned or reserved"),
    (
        refusal(400, 1118),
        "the account at Cloudflare has too many zones that wait for their name servers",
    ),
    (refusal(400, 6003), "Cloudflare refused the request's headers: check token, key and e-mail"),
    (refusal(400, 6100), "Cloudflare takes the e-mail for none: check it"),
    (refusal(400, 6103), "Cloudflare takes the API key for none: check it, or use a token"),
    (refusal(400, 6111), "Cloudflare takes the token for none: copy it again"),
    (refusal(404, 7003), "Cloudflare does not know the zone: check zone, account id and endpoint"),
    (refusal(400, 9000), "Cloudflare takes the record name for none: correct it"),
    (refusal(400, 9005), "Cloudflare takes the address for none of the record's type"),
    (refusal(400, 9021), "Cloudflare refused the TTL: 60 to 86400 s, or 1"),
    (refusal(400, 9103), "Cloudflare does not know this e-mail with this API key: check both"),
    (refusal(400, 9106), "Cloudflare misses a token, or the e-mail with its API key"),
    (
        refusal(403, 9109),
        "Cloudflare does not accept the token: it ended, was withdrawn, or is for other addresses",
    ),
    (
        refusal(403, 10000),
        "Cloudflare refused the token or key: it needs Zone:Read and DNS:Edit for the zone",
    ),
    (
        refusal(400, 81053),
        "another record of that name is in the way at Cloudflare: an A, AAAA or CNAME record",
    ),
    (refusal(400, 81054), "a CNAME record of that name is in the way at Cloudflare: remove it there"),
    (refusal(400, 81056), "the zone at Cloudflare holds as many records as it may"),
    (refusal(400, 98765, "Brand new"), "Cloudflare refused the record: Brand new (98765)"),
    (refusal(401, 98765, "Brand new"), "Cloudflare refused the token or key: Brand new (98765)"),
]
CLOUDFLARE_LATER = [
    (refusal(429, 971), "Cloudflare was asked too often"),
    (refusal(429, 10429), "Cloudflare was asked too often"),
    (refusal(500, 1000, "Internal"), "Cloudflare has a fault: Internal (1000)"),
    ((502, "<h1>Bad gateway</h1>"), "Cloudflare has a fault: Bad gateway"),
]
NIC = [
    ("badauth", "{vendor} refused the user name or the password: correct them"),
    (
        "nohost",
        "the name home.example.com is not in the account at {vendor}: make it there, or correct it here",
    ),
    ("abuse", "{vendor} blocked the account or the name for too many updates: ask {vendor} to free it"),
]
ONLY_NOIP = [
    ("badagent", "No-IP no longer serves this program: give company name and maintainer e-mail"),
    ("!donator", "No-IP keeps this for paying customers"),
]
ONLY_DYNU = [
    ("notfqdn", "Dynu takes home.example.com for no full domain name: correct zone and record name"),
    ("numhost", "Dynu refused several names at once, or one that leads to several addresses"),
    ("unknown", "Dynu did not understand the request: check the endpoint"),
    ("badsys", "Dynu did not understand the request: check the endpoint"),
    ("!donor", "Dynu keeps this for paying customers"),
]
NIC_LATER = [
    ("911", "{vendor} has a fault or is being maintained"),
    ((429, "slow down"), "{vendor} was asked too often"),
    ((503, "down"), "{vendor} has a fault (HTTP 503)"),
    ("something new", "{vendor} gave an answer that is not understood: something new"),
]
ONLY_DYNU_LATER = [
    ("dnserr", "the name servers of Dynu have a fault"),
    ("servererror", "Dynu has a fault"),
]
DYNU_V2 = [
    (
        exception(401, "Authentication Exception", "Failed."),
        "Dynu refused the API key: Failed.",
    ),
    (exception(403, "Authorization Exception", "Not yours."), "Dynu refused the API key: Not yours."),
    (
        exception(404, "NotFound Exception", "Invalid."),
        "the domain example.com is not in the account at Dynu: add it there, or let it be made",
    ),
    (exception(400, "Argument Exception", "Invalid."), "Dynu refused the record: Invalid."),
    (exception(422, "Validation Exception", "Invalid."), "Dynu refused the record: Invalid."),
    (exception(501, "Parse Exception", "Invalid."), "Dynu refused the record: Invalid."),
]
DYNU_V2_LATER = [
    (exception(429, "Quota Exception", "Slower."), "Dynu was asked too often"),
    (exception(500, "Server Exception", "Oops."), "Dynu has a fault: Oops."),
    (exception(502, "Server Exception", "Oops."), "Dynu has a fault: Oops."),
]
AFRAID = [
    ("ERROR: Could not authenticate.", "Afraid refused the user name or the password: correct them"),
    (
        "ERROR: Unable to locate this record",
        "Afraid does not know this record or token: copy the token again from its page",
    ),
    (
        "ERROR: Invalid update URL (2)",
        "Afraid does not know this record or token: copy the token again from its page",
    ),
]
AFRAID_LATER = [
    ((429, "Too many requests"), "Afraid was asked too often"),
    ((503, "down"), "Afraid has a fault (HTTP 503)"),
    ("ERROR: Something new", "Afraid gave an answer that is not understood: ERROR: Something new"),
]


def cases() -> Iterator[tuple[str, Any, str, str]]:
    """Vendor, its answer, the state that follows, the sentence."""
    tables = [
        ("cloudflare", "Cloudflare", CLOUDFLARE, CLOUDFLARE_LATER),
        ("noip", "No-IP", NIC + ONLY_NOIP, NIC_LATER),
        ("dynu-nic", "Dynu", NIC + ONLY_DYNU, NIC_LATER + ONLY_DYNU_LATER),
        ("dynu", "Dynu", DYNU_V2, DYNU_V2_LATER),
        ("afraid", "Afraid", AFRAID, AFRAID_LATER),
    ]
    for vendor, name, stops, laters in tables:
        for answer, sentence in stops:
            yield vendor, answer, "stop", sentence.replace("{vendor}", name).rstrip(".") + STOPS
        for answer, sentence in laters:
            yield vendor, answer, "later", sentence.replace("{vendor}", name)


def settings(server: VendorServer, vendor: str) -> Settings:
    values: dict[str, Section] = {
        "vendor_cloudflare": Cloudflare(endpoint=server.url, token="t0k3n", active=True),
        "vendor_noip": NoIp(endpoint=server.url, username="u", password="p4ss", active=True),
        "vendor_dynu": Dynu(endpoint=server.url, api_key="k3y", active=True),
        "vendor_afraid": Afraid(endpoint=server.url, username="u", password="p4ss", active=True),
        "public_address": PublicAddress(),
        "acme": Acme(),
    }
    if vendor == "dynu-nic":
        values["vendor_dynu"] = Dynu(
            api_version="nic", endpoint=server.url, username="u", password="p4ss", active=True
        )
    provider = vendor.partition("-")[0]
    record = DdnsRecord(name="home", zone="example.com", record_name="home", provider=provider)
    return Settings({**values, "ddns": {"home": record}})


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database(tmp_path_factory.mktemp("sentences") / "state.db")
    yield made
    made.close()


def outcome(office: DdnsOffice) -> Keeping:
    end = time.monotonic() + 30
    while (found := office.keepings()[0]).state == "waiting":
        assert time.monotonic() < end
        time.sleep(0.005)
    return found


@pytest.mark.parametrize(("vendor", "answer", "state", "sentence"), list(cases()))
def test_every_documented_error_leads_to_a_sentence_on_the_page(
    vendor: str, answer: Any, state: str, sentence: str, database: Database, tmp_path: Path
) -> None:
    with answering(answer, answer) as server:
        office = DdnsOffice(
            settings(server, vendor), DdnsHistory(database), tmp_path, SystemClock(), lambda *_: None,
            find=lambda _: PublicAddresses(Http(), (), (), lambda: "9.9.9.9", lambda: None),
        )  # fmt: skip
        office.start()
        try:
            found = outcome(office)
        finally:
            office.stop()
        newest = office.history("home")[0]
    assert (found.state, found.words) == (state, sentence)
    assert (newest.state, newest.words) == (state, sentence)
    assert (found.next_look is None) is (state == "stop")
    said = translated("id", sentence)
    assert said != sentence and said.endswith(BERHENTI) is (state == "stop")
    assert " the " not in said and "Nothing" not in said


def test_no_code_of_ours_is_left_out() -> None:
    """The tables above name every code the sources know, so that a new one needs its sentence here."""
    walked = {answer[1]["errors"][0]["code"] for answer, _ in CLOUDFLARE + CLOUDFLARE_LATER[:3]}
    assert set(cloudflare.STOP) | set(cloudflare.LATER) <= walked
    words = {answer for answer, _ in NIC + ONLY_NOIP + ONLY_DYNU + NIC_LATER + ONLY_DYNU_LATER}
    assert set(nic.STOP) | set(nic.LATER) <= words


SAYERS = {"Stop", "Later", "Refused", "Unreachable", "AddressUnknown"}


def test_every_error_of_dynamic_dns_has_a_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "SAYERS", SAYERS)
    found = [one for one in sentences.of_calls("ddns") if any(map(str.isalpha, one.replace("{}", "")))]
    assert len(found) >= 30  # else it reads the sources no longer
    for sentence in found:
        filled = sentence.replace("{}", "7")
        assert translated("id", filled) != filled, sentence


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "Cloudflare made a.example; the zone waits until its registrar names a.test, b.test",
            "Cloudflare membuat a.example; zona menunggu sampai registrarnya mencantumkan a.test, b.test",
        ),
        (
            "the account at No-IP is not active. Nothing is sent until the settings change.",
            "akun di No-IP tidak aktif. Tidak ada yang dikirim sampai pengaturan berubah.",
        ),
        (
            "no certificate: the authority did not decide in time",
            "tidak ada sertifikat: otoritas tidak memutuskan pada waktunya",
        ),
        ("valid until 2026-12-01", "berlaku sampai 2026-12-01"),
        ("Cloudflare set a.example", "Cloudflare menetapkan a.example"),
        ("Cloudflare had the address already", "Cloudflare sudah memiliki alamat itu"),
        ("No-IP set a.example", "No-IP menetapkan a.example"),
        ("Dynu had the address already", "Dynu sudah memiliki alamat itu"),
        ("Dynu made a.example", "Dynu membuat a.example"),
        ("Afraid set a.example", "Afraid menetapkan a.example"),
        ("the address is the same as before", "alamatnya sama seperti sebelumnya"),
        ("the first look is about to come", "pemeriksaan pertama akan segera dilakukan"),
    ],
)
def test_a_sentence_made_of_two_is_said_as_a_whole(sentence: str, said: str) -> None:
    assert translated("id", sentence) == said
