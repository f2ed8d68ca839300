"""When certificates are asked for, renewed, and asked for again after a failure."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.ddns.base import Proofs
from app.ddns.certificates import Certificates
from app.ddns.http import Unreachable
from app.settings.ddns import DdnsRecord
from app.settings.keypair import KeyPair, utc
from tests.house import HandClock
from tests.keypairs import signed_by_itself

HOME = DdnsRecord(name="home", zone="example.com", record_name="home", certificate=True)
DAY = 86400.0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.served: list[tuple[str, KeyPair]] = []
        self.failing: list[Exception] = []
        self.asked = 0
        self.certificates = Certificates(
            folder, self.clock, self.issue, lambda *what: self.served.append(what), threading.Event()
        )

    def issue(self, record: DdnsRecord, proofs: Proofs) -> KeyPair:
        self.asked += 1
        if self.failing:
            raise self.failing.pop(0)
        return signed_by_itself([record.fqdn], utc(self.clock.wall()))

    def load(self, proofs: Any = "somebody") -> None:
        self.certificates.load({"home.example.com": (HOME, proofs)})

    def after(self, days: float) -> None:
        self.clock.advance(days * DAY)
        self.certificates.tick()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_certificate_is_asked_for_once_and_renewed_when_a_third_is_left(bench: Bench) -> None:
    bench.load()
    bench.certificates.tick()
    for _ in range(26):
        bench.after(10)
    assert bench.asked == 1
    bench.after(10)
    assert bench.asked == 2
    assert [name for name, _ in bench.served] == ["home.example.com"] * 2
    assert bench.served[1][1].ends - bench.served[0][1].ends == timedelta(days=270)


def test_after_a_failure_it_waits_longer_each_time(bench: Bench) -> None:
    bench.failing = [Unreachable("the authority cannot be reached")] * 3
    bench.load()
    bench.certificates.tick()
    assert bench.certificates.holdings()[0].words == "no certificate: the authority cannot be reached"
    counts = []
    for hours in (0.9, 0.2, 1.8, 0.3, 3.9, 0.2):
        bench.after(hours / 24)
        counts.append(bench.asked)
    assert counts == [1, 2, 2, 3, 3, 4]
    assert len(bench.served) == 1


def test_while_the_clock_was_never_set_nothing_is_asked_for(bench: Bench) -> None:
    bench.clock.trusted = False
    bench.load()
    bench.certificates.tick()
    assert bench.asked == 0


def test_without_the_account_that_could_prove_the_name_it_says_so(bench: Bench) -> None:
    bench.load(proofs=None)
    bench.certificates.tick()
    assert bench.certificates.holdings()[0].words == "the account that could prove the name is not active"


def test_a_file_that_cannot_be_read_is_asked_for_anew(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "home.example.com.pem").write_text("torn")
    bench.load()
    bench.certificates.tick()
    assert bench.asked == 1 and len(bench.served) == 1


def test_of_two_names_the_first_that_has_one_is_served(bench: Bench) -> None:
    office = DdnsRecord(name="office", zone="example.com", record_name="office", certificate=True)
    both = {"home.example.com": (HOME, None), "office.example.com": (office, "somebody")}
    bench.certificates.load(both)  # type: ignore[arg-type]
    bench.certificates.tick()
    assert [name for name, _ in bench.served] == ["office.example.com"]
    both["home.example.com"] = (HOME, "somebody")
    bench.certificates.load(both)  # type: ignore[arg-type]
    bench.certificates.tick()
    assert [name for name, _ in bench.served] == ["office.example.com", "home.example.com"]
    bench.after(300.0)  # both are renewed
    assert [name for name, _ in bench.served] == [
        "office.example.com", "home.example.com", "home.example.com",
    ]  # fmt: skip
