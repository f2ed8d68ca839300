"""Cloudflare's API v4: requests written out by hand, answers as its documentation has them."""

from __future__ import annotations

from typing import Any

import pytest

from app.ddns.base import Done, Later, Stop
from app.ddns.cloudflare import CloudflareVendor
from app.ddns.http import Http
from app.settings.ddns import Cloudflare, DdnsRecord
from tests.ddns.servers import VendorServer, answering

HOME = DdnsRecord(name="home", zone="example.com", record_name="home", ttl=300)
ZONE = {
    "id": "023e105f4ecef8ad9ca31a8372d0c353",
    "name": "example.com",
    "status": "active",
    "name_servers": [],
}
RECORD = {
    "id": "372e67954025e0ba6aaa6d586b9e0b59",
    "type": "A",
    "name": "home.example.com",
    "content": "203.0.113.7",
    "ttl": 300,
    "proxied": False,
    "comment": "kept",
}
LOOK_FOR_ZONE = "GET /client/v4/zones?name=example.com"
LOOK_FOR_RECORD = (
    "GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records?type=A&name=home.example.com"
)


def ok(result: Any) -> tuple[int, Any]:
    return 200, {"success": True, "errors": [], "messages": [], "result": result}


def bad(status: int, code: int, message: str, **more: Any) -> tuple[int, Any]:
    error = {"code": code, "message": message, **more}
    return status, {"success": False, "errors": [error], "messages": [], "result": None}


def vendor(server: VendorServer, **account: Any) -> CloudflareVendor:
    fields = {"endpoint": f"{server.url}/client/v4", "token": "t0k3n", "active": True} | account
    return CloudflareVendor(Cloudflare(**fields), Http())


def test_a_record_with_another_address_is_changed() -> None:
    with answering(ok([ZONE]), ok([RECORD]), ok(RECORD)) as server:
        assert vendor(server).update(HOME, "203.0.113.9") == Done(True, "Cloudflare set home.example.com")
    assert server.lines == [
        LOOK_FOR_ZONE,
        LOOK_FOR_RECORD,
        "PATCH /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353"
        "/dns_records/372e67954025e0ba6aaa6d586b9e0b59",
    ]
    assert server.asked[2].body == (
        b'{"type":"A","name":"home.example.com","content":"203.0.113.9","ttl":300,"proxied":false}'
    )
    assert server.asked[2].headers["content-type"] == "application/json"
    assert {one.headers["authorization"] for one in server.asked} == {"Bearer t0k3n"}


@pytest.mark.parametrize(
    "answers",
    [
        [ok(["x"])],
        [ok("x")],
        [ok([ZONE | {"id": None}])],
        [ok([ZONE]), ok(None)],
        [ok([ZONE]), ok(["x"])],
        [ok([ZONE]), ok([RECORD | {"id": 7}])],
    ],
)
def test_an_answer_of_another_shape_changes_nothing_and_is_asked_for_later(answers: list[Any]) -> None:
    with answering(*answers) as server, pytest.raises(Later, match="not understood"):
        vendor(server).update(HOME, "203.0.113.9")
    assert all(line.startswith("GET ") for line in server.lines)


def test_a_token_with_a_sign_that_none_can_have_stops_with_a_sentence() -> None:
    with answering() as server, pytest.raises(Stop, match="Token: there is a sign in it that none can have"):
        vendor(server, token="t0k3n–").update(HOME, "203.0.113.9")
    assert server.asked == []


def test_a_record_that_is_right_is_left_alone() -> None:
    with answering(ok([ZONE]), ok([RECORD])) as server:
        assert vendor(server).update(HOME, "203.0.113.7") == Done(False, "Cloudflare had the address already")
    assert server.lines == [LOOK_FOR_ZONE, LOOK_FOR_RECORD]


def test_a_record_that_is_not_there_is_made() -> None:
    with answering(ok([ZONE]), ok([]), ok(RECORD)) as server:
        assert vendor(server).update(HOME, "203.0.113.7") == Done(True, "Cloudflare made home.example.com")
    assert server.lines[2] == "POST /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records"
    assert server.asked[2].json["content"] == "203.0.113.7"


def test_an_ipv6_record_of_the_zone_itself_behind_the_proxy() -> None:
    record = DdnsRecord(name="home", zone="example.com", record_name="@", type="AAAA", proxied=True, ttl=300)
    with answering(ok([ZONE]), ok([]), ok({})) as server:
        vendor(server).update(record, "2001:db8::7")
    assert server.lines[1].endswith("/dns_records?type=AAAA&name=example.com")
    assert server.asked[2].body == (
        b'{"type":"AAAA","name":"example.com","content":"2001:db8::7","ttl":1,"proxied":true}'
    )


def test_the_global_key_goes_with_its_mail_address() -> None:
    with answering(ok([ZONE]), ok([RECORD])) as server:
        vendor(server, token="", api_key="k3y", email="ani@example.com").update(HOME, "203.0.113.7")
    assert server.asked[0].headers["x-auth-email"] == "ani@example.com"
    assert server.asked[0].headers["x-auth-key"] == "k3y"
    assert "authorization" not in server.asked[0].headers


def test_a_missing_zone_is_made_when_the_record_asks_for_it() -> None:
    record = HOME.model_copy(update={"force_create_zone": True})
    pending = ZONE | {"status": "pending", "name_servers": ["ns1.test", "ns2.test"]}
    with answering(ok([]), ok(pending), ok([]), ok(RECORD)) as server:
        done = vendor(server, account_id="acc0unt").update(record, "203.0.113.7")
    assert done.words == (
        "Cloudflare made home.example.com; the zone waits until its registrar names ns1.test, ns2.test"
    )
    assert server.lines[:2] == [
        "GET /client/v4/zones?name=example.com&account.id=acc0unt",
        "POST /client/v4/zones",
    ]
    assert server.asked[1].body == b'{"name":"example.com","account":{"id":"acc0unt"},"type":"full"}'


def test_a_missing_zone_is_told_otherwise() -> None:
    with answering(ok([])) as server, pytest.raises(Stop, match="is not in the account at Cloudflare"):
        vendor(server).update(HOME, "203.0.113.7")


def test_making_a_zone_needs_the_account() -> None:
    record = HOME.model_copy(update={"force_create_zone": True})
    with answering(ok([])) as server, pytest.raises(Stop, match="needs the account id"):
        vendor(server).update(record, "203.0.113.7")


def test_several_records_of_a_name_are_not_touched() -> None:
    with answering(ok([ZONE]), ok([RECORD, RECORD])) as server, pytest.raises(Stop) as caught:
        vendor(server).update(HOME, "203.0.113.9")
    assert "has 2 A records at Cloudflare: leave one there" in str(caught.value)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            bad(403, 10000, "Authentication error"),
            "refused the token or key: it needs Zone:Read and DNS:Edit",
        ),
        (bad(403, 9109, "Invalid access token"), "does not accept the token"),
        (bad(400, 9103, "Unknown X-Auth-Key or X-Auth-Email"), "does not know this e-mail with this API key"),
        (
            bad(
                400,
                6003,
                "Invalid request headers",
                error_chain=[{"code": 6111, "message": "Invalid format"}],
            ),
            "takes the token for none",
        ),
        (bad(400, 6003, "Invalid request headers"), "refused the request's headers"),
        (bad(404, 7003, "Could not route to /zones/x"), "does not know the zone"),
        (bad(400, 9106, "Missing X-Auth-Key"), "misses a token"),
        (
            bad(400, 9005, "Content for A record is invalid"),
            "takes the address for none of the record's type",
        ),
        (bad(400, 9021, "Invalid TTL"), "refused the TTL"),
        (bad(400, 81053, "An A, AAAA, or CNAME record with that host already exists"), "is in the way"),
        (bad(400, 1061, "example.com already exists"), "in another account"),
        (bad(400, 9999, "Something new"), "refused the record: Something new (9999)"),
        ((401, "<html>nope</html>"), "a fault: nope"),
    ],
)
def test_errors_lead_to_sentences(answer: tuple[int, Any], words: str) -> None:
    with answering(answer) as server, pytest.raises((Stop, Later)) as caught:
        vendor(server).update(HOME, "203.0.113.7")
    assert words in str(caught.value)
    assert "t0k3n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        ((429, {"success": False, "errors": [{"code": 971, "message": "throttle"}]}), 300.0),
        ((429, "", {"Retry-After": "42"}), 42.0),
        (bad(400, 971, "Please wait and consider throttling your request speed"), 300.0),
        ((502, "<html>Bad gateway</html>"), 60.0),
        ((200, "not json"), 60.0),
    ],
)
def test_limits_and_faults_are_waited_for(answer: tuple[int, Any], pause: float) -> None:
    with answering(answer) as server, pytest.raises(Later) as caught:
        vendor(server).update(HOME, "203.0.113.7")
    assert caught.value.seconds == pause


def test_an_identical_record_is_as_good_as_done() -> None:
    with answering(ok([ZONE]), ok([]), bad(400, 81058, "An identical record already exists.")) as server:
        assert vendor(server).update(HOME, "203.0.113.7").changed


def test_a_proof_for_a_certificate_comes_and_goes() -> None:
    with answering(ok([ZONE]), ok({"id": "pr00f"}), ok({"id": "pr00f"})) as server:
        one = vendor(server)
        handle = one.put_proof(HOME, "_acme-challenge.home.example.com", "dGVzdA")
        one.remove_proof(HOME, handle)
    assert server.asked[1].body == (
        b'{"type":"TXT","name":"_acme-challenge.home.example.com","content":"\\"dGVzdA\\"","ttl":60}'
    )
    assert server.lines[2] == "DELETE /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records/pr00f"


def test_a_proof_that_was_left_behind_serves_again() -> None:
    with answering(ok([ZONE]), bad(400, 81058, "An identical record already exists.")) as server:
        one = vendor(server)
        one.remove_proof(HOME, one.put_proof(HOME, "_acme-challenge.home.example.com", "dGVzdA"))
    assert len(server.asked) == 2
