"""Certificates from Pebble, Let's Encrypt's own test authority, with the proof set through Cloudflare's API.

Needs Debian's package pebble (the authority and a name server whose records a test sets); required where CI
is set.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.ddns.acme import Authority, Refused
from app.ddns.address import PublicAddresses
from app.ddns.base import Stop
from app.ddns.cloudflare import CloudflareVendor
from app.ddns.http import Http, Unreachable
from app.ddns.office import DdnsOffice
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.keypair import KeyPair
from app.settings.snapshot import Settings
from app.store.database import Database
from app.store.ddns import DdnsHistory
from bench.ports import free_port
from tests.ddns.pebble import ABLE, CloudflareWithPebble, Pebble
from tests.ddns.servers import VendorServer, answering
from tests.wanting import unless

pytestmark = unless(ABLE, "needs pebble and pebble-challtestsrv")

HOME = DdnsRecord(name="home", zone="example.com", record_name="home", certificate=True)


def account(server: VendorServer) -> Cloudflare:
    return Cloudflare(endpoint=server.url, token="t0k3n", active=True)


def authority(pebble: Pebble, folder: Path, shown: bool = True, **settings: Any) -> Authority:
    wanted = {
        "directory": pebble.directory,
        "agree": True,
        "email": "it@example.com",
        "propagation": 0,
    } | settings
    return Authority(Acme(**wanted), folder, lambda zone, name, text: shown, threading.Event(), pebble.trust)


def test_a_certificate_for_a_name_by_a_proof_in_the_dns(
    pebble: Pebble, cloudflare: CloudflareWithPebble, tmp_path: Path
) -> None:
    vendor = CloudflareVendor(account(cloudflare), Http())
    pair = authority(pebble, tmp_path).issue(HOME, vendor)
    assert pair.names == ("home.example.com",)
    assert not pair.self_signed and len(pair.chain) >= 2
    file = tmp_path / "served.pem"
    file.write_bytes(pair.key_pem() + pair.chain_pem())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    assert cloudflare.lines[-1] == "DELETE /zones/z0ne/dns_records/pr00f", "the proof was taken away again"
    assert (tmp_path / "account.key").stat().st_mode & 0o777 == 0o600


def test_the_account_at_the_authority_is_used_again(
    pebble: Pebble, cloudflare: CloudflareWithPebble, tmp_path: Path
) -> None:
    vendor = CloudflareVendor(account(cloudflare), Http())
    first = authority(pebble, tmp_path).issue(HOME, vendor)
    key = (tmp_path / "account.key").read_bytes()
    second = authority(pebble, tmp_path).issue(HOME, vendor)
    assert (tmp_path / "account.key").read_bytes() == key
    assert first.fingerprint != second.fingerprint


def test_a_proof_that_is_not_in_the_dns_is_told_in_the_authoritys_words(
    pebble: Pebble, tmp_path: Path
) -> None:
    class Forgetful:
        def put_proof(self, record: DdnsRecord, name: str, text: str) -> str:
            return "nowhere"

        def remove_proof(self, record: DdnsRecord, handle: str) -> None:
            pass

    record = HOME.model_copy(update={"record_name": "elsewhere"})
    with pytest.raises(Refused) as caught:
        authority(pebble, tmp_path).issue(record, Forgetful())
    assert str(caught.value).startswith("the authority did not accept the proof: ")
    assert "TXT" in str(caught.value)


def test_nothing_is_asked_for_before_its_owner_agreed(pebble: Pebble, tmp_path: Path) -> None:
    with answering() as server:
        vendor = CloudflareVendor(account(server), Http())
        with pytest.raises(Stop, match="agree to the terms"):
            authority(pebble, tmp_path, agree=False).issue(HOME, vendor)
        assert server.asked == []


def test_an_authority_that_cannot_be_reached_or_trusted(pebble: Pebble, tmp_path: Path) -> None:
    with answering() as server:
        vendor = CloudflareVendor(account(server), Http())
        gone = f"https://127.0.0.1:{free_port()}/dir"
        with pytest.raises(Unreachable, match="cannot be reached"):
            authority(pebble, tmp_path, directory=gone).issue(HOME, vendor)
        stranger = Authority(
            Acme(directory=pebble.directory, agree=True), tmp_path, lambda *_: True, threading.Event()
        )
        with pytest.raises(Unreachable, match="or its certificate is not trusted"):
            stranger.issue(HOME, vendor)


def test_the_office_gets_a_certificate_serves_it_and_keeps_it(
    pebble: Pebble, cloudflare: CloudflareWithPebble, tmp_path: Path
) -> None:
    settings = Settings(
        {
            "ddns": {"a": HOME},
            "vendor_cloudflare": account(cloudflare),
            "vendor_noip": NoIp(),
            "vendor_dynu": Dynu(),
            "vendor_afraid": Afraid(),
            "public_address": PublicAddress(),
            "acme": Acme(directory=pebble.directory, agree=True, propagation=0),
        }
    )
    served: list[tuple[str, KeyPair]] = []
    arrived = threading.Event()

    def serve(name: str, pair: KeyPair) -> None:
        served.append((name, pair))
        arrived.set()

    def build() -> DdnsOffice:
        return DdnsOffice(
            settings, DdnsHistory(database), tmp_path / "certificates", SystemClock(), serve,
            find=lambda _: PublicAddresses(Http(), (), (), lambda: "9.9.9.9", lambda: None),
            shown=lambda zone, name, text: True, verify=pebble.trust,
        )  # fmt: skip

    database = Database(tmp_path / "state.db")
    try:
        office = build()
        office.start()
        assert arrived.wait(120), office.holdings()
        office.stop()
        [(name, pair)] = served
        assert name == "home.example.com"
        assert office.holdings()[0].words == f"valid until {pair.ends:%Y-%m-%d}"
        file = tmp_path / "certificates/home.example.com.pem"
        assert file.stat().st_mode & 0o777 == 0o600
        again = build()
        assert len(served) == 1, "nothing is handed out while the service is still being built"
        again.start()
        again.stop()
        assert served[1][1].fingerprint == pair.fingerprint, "after a restart the kept one is served at once"
    finally:
        database.close()
