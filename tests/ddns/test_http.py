"""Requests to vendors: certificates verified, errors as sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ddns.http import Http, Unreachable
from tests.ddns.servers import answering
from tests.mail.servers import Authority, Scripted


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_tls_with_a_verified_certificate(authority: Authority) -> None:
    with answering("hello", tls=authority.for_servers()) as server:
        assert Http(authority.for_clients()).ask("GET", server.url, {}).text == "hello"
        assert server.asked[0].headers["host"] == server.url.removeprefix("https://")


def test_a_certificate_nobody_vouches_for(authority: Authority) -> None:
    with answering("hello", tls=authority.for_servers()) as server:
        with pytest.raises(Unreachable) as caught:
            Http().ask("GET", server.url, {"Authorization": "Basic c2VjcmV0"})
        assert str(caught.value) == (
            "the certificate of 127.0.0.1 is not trusted: unable to get local issuer certificate"
        )
        assert server.asked == []


def test_a_certificate_for_another_name(authority: Authority) -> None:
    tls = authority.for_servers(authority.strangers_file)
    with answering("hello", tls=tls) as server, pytest.raises(Unreachable, match="IP address mismatch"):
        Http(authority.for_clients()).ask("GET", server.url, {})


def test_nobody_answers(tmp_path: Path) -> None:
    with answering() as server:
        url = server.url
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached: Connection refused"):
        Http().ask("GET", url, {})
    with pytest.raises(Unreachable, match=r"the name api\.invalid was not found"):
        Http().ask("GET", "https://api.invalid/", {})
    with Scripted(Scripted.HANG) as silent, pytest.raises(Unreachable, match="did not answer in time"):
        Http(seconds=0.5).ask("GET", f"http://127.0.0.1:{silent.port}/", {})
    with Scripted((1, b"nonsense\r\n\r\n"), Scripted.DROP) as odd, pytest.raises(Unreachable):
        Http().ask("GET", f"http://127.0.0.1:{odd.port}/", {})
