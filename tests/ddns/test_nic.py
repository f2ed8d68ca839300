"""No-IP, and Dynu's nic: requests as their documentation writes them, and every code they answer with."""

from __future__ import annotations

import pytest

from app.ddns.base import Done, Later, Stop
from app.ddns.dynu import DynuVendor
from app.ddns.http import Http
from app.ddns.noip import NoIpVendor
from app.settings.ddns import DdnsRecord, Dynu, NoIp
from tests.ddns.servers import VendorServer, answering

HOME = DdnsRecord(name="home", provider="noip", zone="ddns.example", record_name="home")
HOME6 = HOME.model_copy(update={"type": "AAAA"})


def noip(server: VendorServer) -> NoIpVendor:
    account = NoIp(
        endpoint=f"{server.url}/nic/update",
        username="ani@example.com",
        password="sandi",
        company_name="PT Contoh",
        maintainer_email="it@example.com",
        active=True,
    )
    return NoIpVendor(account, Http())


def dynu(server: VendorServer) -> DynuVendor:
    account = Dynu(api_version="nic", endpoint=server.url, username="ani", password="sandi", active=True)
    return DynuVendor(account, Http())


def test_noip_is_asked_as_its_documentation_says() -> None:
    with answering("good 203.0.113.7") as server:
        assert noip(server).update(HOME, "203.0.113.7") == Done(True, "No-IP set home.ddns.example")
    [asked] = server.asked
    assert asked.line == "GET /nic/update?hostname=home.ddns.example&myip=203.0.113.7"
    # base64 of "ani@example.com:sandi"
    assert asked.headers["authorization"] == "Basic YW5pQGV4YW1wbGUuY29tOnNhbmRp"
    assert asked.headers["user-agent"] == "PT Contoh OTP-Pi/1 it@example.com"


def test_noip_takes_ipv6_in_the_same_field() -> None:
    with answering("good 2001:db8::7") as server:
        assert noip(server).update(HOME6, "2001:db8::7").changed
    assert server.lines == ["GET /nic/update?hostname=home.ddns.example&myip=2001%3Adb8%3A%3A7"]


def test_dynu_is_asked_as_its_documentation_says() -> None:
    with answering("good 203.0.113.7", "good") as server:
        assert dynu(server).update(HOME, "203.0.113.7") == Done(True, "Dynu set home.ddns.example")
        assert dynu(server).update(HOME6, "2001:db8::7").changed
    assert server.lines == [
        "GET /nic/update?hostname=home.ddns.example&myip=203.0.113.7&myipv6=no",
        "GET /nic/update?hostname=home.ddns.example&myip=no&myipv6=2001%3Adb8%3A%3A7",
    ]
    assert server.asked[0].headers["authorization"] == "Basic YW5pOnNhbmRp"


@pytest.mark.parametrize("vendor", [noip, dynu])
def test_nochg_is_no_change(vendor: object) -> None:
    with answering("nochg 203.0.113.7\r\n") as server:
        done = vendor(server).update(HOME, "203.0.113.7")  # type: ignore[operator]
        assert not done.changed and done.words.endswith("had the address already")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("badauth", "No-IP refused the user name or the password: correct them"),
        (
            "nohost",
            "the name home.ddns.example is not in the account at No-IP: make it there, or correct it here",
        ),
        ("badagent", "No-IP no longer serves this program: give company name and maintainer e-mail"),
        ("!donator", "No-IP keeps this for paying customers"),
        (
            "abuse",
            "No-IP blocked the account or the name for too many updates: ask No-IP to free it",
        ),
    ],
)
def test_noips_errors_stop_until_a_person_acts(code: str, sentence: str) -> None:
    with answering(code) as server, pytest.raises(Stop) as caught:
        noip(server).update(HOME, "203.0.113.7")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("code", ["badauth", "unknown", "notfqdn", "numhost", "abuse", "nohost", "!donor"])
def test_dynus_errors_stop_until_a_person_acts(code: str) -> None:
    with answering(code) as server, pytest.raises(Stop) as caught:
        dynu(server).update(HOME, "203.0.113.7")
    assert "Dynu" in str(caught.value)


@pytest.mark.parametrize(
    ("vendor", "code", "pause"),
    [(noip, "911", 1800.0), (dynu, "911", 600.0), (dynu, "dnserr", 600.0), (dynu, "servererror", 600.0)],
)
def test_a_vendors_fault_is_waited_for(vendor: object, code: str, pause: float) -> None:
    with answering(code) as server, pytest.raises(Later) as caught:
        vendor(server).update(HOME, "203.0.113.7")  # type: ignore[operator]
    assert caught.value.seconds == pause


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, "badauth"), Stop, "refused the user name"),
        ((401, "<html>Unauthorized</html>"), Stop, "refused the user name"),
        ((403, "<p>Go away</p>"), Stop, "No-IP refuses this client: Go away"),
        ((429, "slow down", {"Retry-After": "7200"}), Later, "asked too often"),
        ((503, "down"), Later, "has a fault (HTTP 503)"),
        ((200, "<html><b>Captcha</b></html>"), Later, "not understood: Captcha"),
        ((200, ""), Later, "HTTP 200 without a word"),
        ((302, "", {"Location": "http://elsewhere.example/"}), Later, "not understood"),
    ],
)
def test_answers_outside_the_protocol(answer: tuple[int, str], kind: type[Exception], words: str) -> None:
    with answering(answer) as server, pytest.raises(kind) as caught:
        noip(server).update(HOME, "203.0.113.7")
    assert words in str(caught.value)
    assert len(server.asked) == 1, "no redirect is followed: the password would go with it"


def test_a_vendor_says_itself_how_long_to_wait() -> None:
    with answering((429, "", {"Retry-After": "7200"})) as server, pytest.raises(Later) as caught:
        noip(server).update(HOME, "203.0.113.7")
    assert caught.value.seconds == 7200.0
