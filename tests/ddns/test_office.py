"""Dynamic DNS as one part: four vendors at once, each asked in its own way, and settings taken over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.ddns.address import PublicAddresses
from app.ddns.http import Http
from app.ddns.office import DdnsOffice
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.snapshot import Settings
from app.store.database import Database
from app.store.ddns import DdnsHistory
from tests.ddns.servers import VendorServer, answering


def settings(server: VendorServer, records: dict[str, DdnsRecord], **vendors: Any) -> Settings:
    values = {
        "ddns": records,
        "vendor_cloudflare": Cloudflare(endpoint=server.url, token="t", active=True),
        "vendor_noip": NoIp(endpoint=f"{server.url}/noip", username="u", password="p", active=True),
        "vendor_dynu": Dynu(api_version="nic", endpoint=server.url, username="u", password="p", active=True),
        "vendor_afraid": Afraid(sync_endpoint=server.url, password="T0K", active=True),
        "public_address": PublicAddress(services=(f"{server.url}/ip",)),
        "acme": Acme(),
    }
    return Settings(values | vendors)


def record(provider: str, **more: Any) -> DdnsRecord:
    return DdnsRecord(**({"name": provider, "provider": provider, "zone": "example.com"} | more))


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[[Settings], DdnsOffice]]:
    database = Database(tmp_path / "state.db")
    offices: list[DdnsOffice] = []

    def find(settings: Settings) -> PublicAddresses:
        # Without an uplink of its own: the test's machine may have a public address.
        return PublicAddresses(Http(), settings.one(PublicAddress).services, (), lambda: None, lambda: None)

    def make(settings: Settings) -> DdnsOffice:
        office = DdnsOffice(
            settings,
            DdnsHistory(database),
            tmp_path / "certificates",
            SystemClock(),
            lambda *_: None,
            find=find,
        )
        offices.append(office)
        return office

    yield make
    for office in offices:
        office.stop()
    database.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_record_goes_to_its_own_vendor(build: Callable[[Settings], DdnsOffice]) -> None:
    zone = '{"success": true, "result": [{"id": "z"}]}'
    none = '{"success": true, "result": []}'
    with answering("9.9.9.9", zone, none, none, "good", "nochg", "Updated x to 9.9.9.9") as server:
        records = {one: record(one) for one in ("cloudflare", "noip", "dynu", "afraid")}
        office = build(settings(server, records))
        office.start()
        until(lambda: all(one.state == "done" for one in office.keepings()))
        assert [line.split("?")[0] for line in server.lines] == [
            "GET /ip",
            "GET /zones",
            "GET /zones/z/dns_records",
            "POST /zones/z/dns_records",
            "GET /noip",
            "GET /nic/update",
            "GET /u/T0K/",
        ]
        assert [one.words for one in office.keepings()] == [
            "Cloudflare made example.com",
            "No-IP set example.com",
            "Dynu had the address already",
            "Afraid set example.com",
        ]
        assert office.history("noip")[0].address == "9.9.9.9"


def test_a_vendors_account_that_is_switched_on_lets_its_records_begin(
    build: Callable[[Settings], DdnsOffice],
) -> None:
    with answering("9.9.9.9", "good") as server:
        records = {"a": record("noip"), "b": record("noip", name="b", active=False)}
        office = build(settings(server, records, vendor_noip=NoIp()))
        office.start()
        until(lambda: office.keepings()[0].state == "stop")
        assert [one.record for one in office.keepings()] == ["a"]
        assert "the account at No-IP is not active" in office.keepings()[0].words
        assert server.asked == []
        office.apply(settings(server, records))
        until(lambda: office.keepings()[0].state == "done")
        assert len(server.asked) == 2


def test_a_name_that_wants_a_certificate_is_told_what_is_missing(
    build: Callable[[Settings], DdnsOffice],
) -> None:
    with answering("9.9.9.9", '{"success": true, "result": []}') as server:
        wanted = {"a": record("cloudflare", certificate=True)}
        office = build(settings(server, wanted))
        office.start()
        until(lambda: "agree to the terms" in office.holdings()[0].words)
        assert office.holdings()[0].ends is None
