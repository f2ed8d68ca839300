"""Free DNS Afraid: the list of records with their update addresses, and a record's own token."""

from __future__ import annotations

from typing import Any

import pytest

from app.ddns.afraid import AfraidVendor
from app.ddns.base import Done, Later, Stop
from app.ddns.http import Http
from app.settings.ddns import Afraid, DdnsRecord
from tests.ddns.servers import VendorServer, answering

HOME = DdnsRecord(name="home", provider="afraid", zone="mooo.example", record_name="home")
HOME6 = HOME.model_copy(update={"type": "AAAA"})
# SHA-1 of "ani|sandi", as its API wants it.
SHA = "77f6c97f6e113e06248c11d377cd6ebf84883301"


def vendor(server: VendorServer, **account: Any) -> AfraidVendor:
    fields = {
        "endpoint": server.url, "sync_endpoint": server.url, "sync_endpoint_v6": f"{server.url}/v6",
        "username": "Ani", "password": "sandi", "active": True,
    } | account  # fmt: skip
    return AfraidVendor(Afraid(**fields), Http())


def listing(server: VendorServer, *rows: str) -> str:
    return "\n".join(row.replace("URL", server.url) for row in rows)


def test_the_update_address_is_taken_from_the_list() -> None:
    with answering() as server:
        server.answers = [
            listing(
                server,
                "other.mooo.example|203.0.113.1|URL/dynamic/update.php?T1",
                "home.mooo.example|2001:db8::1|URL/dynamic/update.php?T6",
                "home.mooo.example|203.0.113.7|URL/dynamic/update.php?T2",
            ),
            "Updated home.mooo.example to 203.0.113.9 in 0.145 seconds",
        ]
        assert vendor(server).update(HOME, "203.0.113.9") == Done(True, "Afraid set home.mooo.example")
    assert server.lines == [
        f"GET /api/?action=getdyndns&v=2&sha={SHA}",
        "GET /dynamic/update.php?T2&address=203.0.113.9",
    ]


def test_an_ipv6_record_of_the_same_name() -> None:
    with answering() as server:
        server.answers = [
            listing(
                server,
                "home.mooo.example|203.0.113.7|URL/dynamic/update.php?T2",
                "home.mooo.example|2001:db8::1|URL/dynamic/update.php?T6",
            ),
            "Updated home.mooo.example to 2001:db8::9 in 0.145 seconds",
        ]
        assert vendor(server).update(HOME6, "2001:db8::9").changed
    assert server.lines[1] == "GET /dynamic/update.php?T6&address=2001:db8::9"


def test_a_record_that_is_right_is_left_alone() -> None:
    with answering("home.mooo.example|203.0.113.7|http://x/update.php?T2") as server:
        assert not vendor(server).update(HOME, "203.0.113.7").changed
    assert len(server.asked) == 1


def test_a_record_that_is_not_there_is_told() -> None:
    with answering("other.mooo.example|203.0.113.7|http://x/u") as server, pytest.raises(Stop) as caught:
        vendor(server).update(HOME, "203.0.113.9")
    assert "home.mooo.example has no A record in the account at Afraid" in str(caught.value)


def test_an_update_address_on_another_host_is_not_followed() -> None:
    row = "home.mooo.example|203.0.113.7|http://elsewhere.example/u?T2"
    with answering(row) as server, pytest.raises(Stop, match="on another host"):
        vendor(server).update(HOME, "203.0.113.9")


def test_without_a_user_name_the_password_is_the_records_token() -> None:
    with answering(
        "Updated demo.freshdns.com from 203.0.113.7 to 203.0.113.9",
        "Updated demo.freshdns.com from 203.0.113.7 to 2001:db8::9",
        "No IP change detected for home.mooo.example with IP 203.0.113.9, skipping update",
    ) as server:
        one = vendor(server, username="", password="CyTXMbtq5cPnLjEg5vKHTPDE")
        assert one.update(HOME, "203.0.113.9").changed
        assert one.update(HOME6, "2001:db8::9").changed
        assert not one.update(HOME, "203.0.113.9").changed
    assert server.lines[:2] == [
        "GET /u/CyTXMbtq5cPnLjEg5vKHTPDE/?address=203.0.113.9",
        "GET /v6/u/CyTXMbtq5cPnLjEg5vKHTPDE/?address=2001%3Adb8%3A%3A9",
    ]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("ERROR: Could not authenticate.", Stop, "refused the user name or the password"),
        ("ERROR: Unable to locate this record", Stop, "does not know this record or token"),
        ("ERROR: Invalid update URL (2)", Stop, "does not know this record or token"),
        ((404, "not found"), Stop, "does not know this record or token"),
        ((429, "Too many requests"), Later, "asked too often"),
        ((503, "down"), Later, "has a fault (HTTP 503)"),
        ("ERROR: Something new", Later, "not understood: ERROR: Something new"),
    ],
)
def test_errors_lead_to_sentences(answer: Any, kind: type[Exception], words: str) -> None:
    for account in ({}, {"username": "", "password": "T"}):
        with answering(answer) as server, pytest.raises(kind) as caught:
            vendor(server, **account).update(HOME, "203.0.113.9")
        assert words in str(caught.value)


def test_a_token_that_is_repeated_is_not_told() -> None:
    with answering("What is /u/CyTXMbtq5cPn/ ?") as server, pytest.raises(Later) as caught:
        vendor(server, username="", password="CyTXMbtq5cPn").update(HOME, "203.0.113.9")
    assert str(caught.value).endswith("not understood: What is /u/***/ ?")


def test_an_address_that_has_not_changed() -> None:
    with answering("ERROR: Address 203.0.113.9 has not changed.") as server:
        assert not vendor(server, username="", password="T").update(HOME, "203.0.113.9").changed
