"""Dynu's API v2: requests written out by hand, answers as its documentation has them."""

from __future__ import annotations

from typing import Any

import pytest

from app.ddns.base import Done, Later, Stop
from app.ddns.dynu import DynuVendor
from app.ddns.http import Http
from app.settings.ddns import DdnsRecord, Dynu
from tests.ddns.servers import VendorServer, answering

NODE = DdnsRecord(name="home", provider="dynu", zone="example.com", record_name="home", ttl=120)
ROOT = DdnsRecord(name="home", provider="dynu", zone="example.com", record_name="@", ttl=120)
OF_NODE = {
    "statusCode": 200,
    "id": 9329025,
    "domainName": "example.com",
    "hostname": "home.example.com",
    "node": "home",
}
OF_ROOT = OF_NODE | {"hostname": "example.com", "node": ""}
DOMAIN = {
    "statusCode": 200, "id": 9329025, "name": "example.com", "token": "x", "group": "office",
    "ipv4Address": "203.0.113.7", "ipv6Address": "2001:db8::7", "ttl": 120, "ipv4": True, "ipv6": True,
    "ipv4WildcardAlias": False, "ipv6WildcardAlias": False,
}  # fmt: skip
RECORD = {
    "id": 65886, "domainId": 9329025, "nodeName": "home", "hostname": "home.example.com", "recordType": "A",
    "ttl": 120, "state": True, "ipv4Address": "203.0.113.7",
}  # fmt: skip


def vendor(server: VendorServer) -> DynuVendor:
    account = Dynu(api_version="v2", endpoint=server.url, api_key="k3y", active=True)
    return DynuVendor(account, Http())


def ok(found: Any) -> tuple[int, Any]:
    return 200, found


def failed(status: int, kind: str, message: str) -> tuple[int, Any]:
    return status, {"statusCode": status, "type": kind, "message": message}


def records(*found: Any) -> tuple[int, Any]:
    return ok({"statusCode": 200, "dnsRecords": list(found)})


@pytest.mark.parametrize(
    "answers",
    [
        [ok({"statusCode": "OK"})],
        [ok({"statusCode": None, "id": 1})],
        [ok(OF_NODE | {"id": None})],
        [ok(OF_NODE | {"id": "../9"})],
        [ok({"statusCode": 200})],
        [ok(OF_NODE), ok({"statusCode": 200, "dnsRecords": None})],
        [ok(OF_NODE), ok({"statusCode": 200, "dnsRecords": ["x"]})],
        [ok(OF_NODE), records(RECORD | {"id": None})],
        [ok("[" * 100_000)],
    ],
)
def test_an_answer_of_another_shape_changes_nothing_and_is_asked_for_later(answers: list[Any]) -> None:
    with answering(*answers) as server, pytest.raises(Later) as caught:
        vendor(server).update(NODE, "203.0.113.9")
    assert caught.value.seconds == 600
    assert all(line.startswith("GET ") for line in server.lines)


def test_an_international_zone_is_asked_for_in_ascii() -> None:
    record = NODE.model_copy(update={"zone": "Bücher.example", "record_name": "café"})
    with answering(ok(OF_NODE), records(RECORD), ok(RECORD | {"statusCode": 200})) as server:
        vendor(server).update(record, "203.0.113.9")
    assert server.lines[0] == "GET /v2/dns/getroot/xn--caf-dma.xn--bcher-kva.example"


def test_a_company_name_of_any_script_fits_in_a_header() -> None:
    account = Dynu(api_key="k3y", company_name="Kafé – 株式会社 Bali", maintainer_email="a@b.example")
    with answering(ok(OF_NODE), records(RECORD), ok(RECORD | {"statusCode": 200})) as server:
        changed = account.model_copy(update={"endpoint": server.url})
        DynuVendor(changed, Http()).update(NODE, "203.0.113.9")
    assert server.asked[0].headers["user-agent"] == "Kafe Bali OTP-Pi/1 a@b.example"


def test_an_api_key_with_a_sign_that_none_can_have_stops_with_a_sentence() -> None:
    with answering() as server:
        account = Dynu(endpoint=server.url, api_key="k3y–", active=True)
        with pytest.raises(Stop, match="API key: there is a sign in it that none can have"):
            DynuVendor(account, Http()).update(NODE, "203.0.113.9")
    assert server.asked == []


def test_a_record_with_another_address_is_changed() -> None:
    with answering(ok(OF_NODE), records(RECORD), ok(RECORD | {"statusCode": 200})) as server:
        assert vendor(server).update(NODE, "203.0.113.9") == Done(True, "Dynu set home.example.com")
    assert server.lines == [
        "GET /v2/dns/getroot/home.example.com",
        "GET /v2/dns/record/home.example.com?recordType=A",
        "POST /v2/dns/9329025/record/65886",
    ]
    assert server.asked[2].body == (
        b'{"nodeName":"home","recordType":"A","ttl":120,"state":true,"group":"","ipv4Address":"203.0.113.9"}'
    )
    assert {one.headers["api-key"] for one in server.asked} == {"k3y"}


def test_a_record_that_is_not_there_is_made() -> None:
    record = NODE.model_copy(update={"type": "AAAA"})
    with answering(ok(OF_NODE), records(), ok({"statusCode": 200})) as server:
        assert vendor(server).update(record, "2001:db8::7") == Done(True, "Dynu made home.example.com")
    assert server.lines[1:] == [
        "GET /v2/dns/record/home.example.com?recordType=AAAA",
        "POST /v2/dns/9329025/record",
    ]
    assert server.asked[2].json["ipv6Address"] == "2001:db8::7"


def test_a_record_that_is_right_is_left_alone() -> None:
    with answering(ok(OF_NODE), records(RECORD)) as server:
        assert not vendor(server).update(NODE, "203.0.113.7").changed
    assert len(server.asked) == 2


def test_the_domain_itself_keeps_its_other_address() -> None:
    with answering(ok(OF_ROOT), ok(DOMAIN), ok({"statusCode": 200})) as server:
        assert vendor(server).update(ROOT, "203.0.113.9") == Done(True, "Dynu set example.com")
    assert server.lines == [
        "GET /v2/dns/getroot/example.com",
        "GET /v2/dns/9329025",
        "POST /v2/dns/9329025",
    ]
    assert server.asked[2].json == {
        "name": "example.com", "group": "office", "ipv4Address": "203.0.113.9", "ipv6Address": "2001:db8::7",
        "ttl": 120, "ipv4": True, "ipv6": True, "ipv4WildcardAlias": False, "ipv6WildcardAlias": False,
    }  # fmt: skip


def test_the_domain_itself_is_left_alone_when_it_is_right() -> None:
    with answering(ok(OF_ROOT), ok(DOMAIN)) as server:
        assert not vendor(server).update(ROOT, "203.0.113.7").changed


def test_a_missing_domain_is_made_when_the_record_asks_for_it() -> None:
    record = NODE.model_copy(update={"force_create_zone": True})
    missing = failed(404, "NotFound Exception", "Domain not found.")
    with answering(
        missing, ok({"statusCode": 200}), ok(OF_NODE), records(), ok({"statusCode": 200})
    ) as server:
        assert vendor(server).update(record, "203.0.113.7").changed
    assert server.lines[1] == "POST /v2/dns"
    assert server.asked[1].body == b'{"name":"example.com"}'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            failed(401, "Authentication Exception", "Failed to authenticate."),
            "refused the API key: Failed to",
        ),
        (failed(403, "Authorization Exception", "Not yours."), "refused the API key: Not yours."),
        (failed(404, "NotFound Exception", "x"), "the domain example.com is not in the account at Dynu"),
        (failed(501, "Argument Exception", "Invalid TTL."), "refused the record: Invalid TTL."),
        (failed(400, "Validation Exception", "Invalid."), "refused the record: Invalid."),
        (
            (200, {"statusCode": 501, "type": "Parse Exception", "message": "Bad."}),
            "refused the record: Bad.",
        ),
    ],
)
def test_errors_stop_with_dynus_own_message(answer: tuple[int, Any], words: str) -> None:
    with answering(answer) as server, pytest.raises(Stop) as caught:
        vendor(server).update(NODE, "203.0.113.7")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (failed(429, "Quota Exception", "Slow down."), 600.0),
        ((429, {}, {"Retry-After": "90"}), 90.0),
        (failed(500, "Server Exception", "Oops."), 600.0),
        (failed(502, "Server Exception", "Oops."), 600.0),
        ((200, "no json"), 600.0),
    ],
)
def test_limits_and_faults_are_waited_for(answer: tuple[int, Any], pause: float) -> None:
    with answering(answer) as server, pytest.raises(Later) as caught:
        vendor(server).update(NODE, "203.0.113.7")
    assert caught.value.seconds == pause


def test_a_proof_for_a_certificate_comes_and_goes() -> None:
    with answering(ok(OF_NODE), ok({"statusCode": 200, "id": 65887}), ok({"statusCode": 200})) as server:
        one = vendor(server)
        handle = one.put_proof(NODE, "_acme-challenge.home.example.com", "dGVzdA")
        one.remove_proof(NODE, handle)
    assert server.lines[1:] == ["POST /v2/dns/9329025/record", "DELETE /v2/dns/9329025/record/65887"]
    assert server.asked[1].body == (
        b'{"nodeName":"_acme-challenge.home","recordType":"TXT","ttl":60,"state":true,"group":"",'
        b'"textData":"dGVzdA"}'
    )
