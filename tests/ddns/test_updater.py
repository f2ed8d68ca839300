"""The updater: tells a vendor only what changed, waits as it is told, stops where asking again is abuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.ddns.address import AddressUnknown
from app.ddns.base import Done, Later, Stop
from app.ddns.http import Http, Unreachable
from app.ddns.noip import NoIpVendor
from app.ddns.updater import Task, Updater, task
from app.settings.ddns import DdnsRecord, NoIp
from app.store.database import Database
from app.store.ddns import DdnsHistory
from tests.ddns.servers import answering
from tests.house import HandClock

HOME = DdnsRecord(name="home", provider="noip", zone="ddns.example", record_name="home", update_interval=5)


class Registry:
    """A vendor of the test: keeps what it was asked, ends as it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.ends: list[Any] = []

    def update(self, record: DdnsRecord, address: str) -> Done:
        self.asked.append((record.fqdn, address))
        end = self.ends.pop(0) if self.ends else Done(True, "set")
        if isinstance(end, Exception):
            raise end
        return end


class World:
    """The public addresses, as the test has them."""

    def __init__(self) -> None:
        self.now: dict[int, str] = {4: "9.9.9.9", 6: "2a02:2f0:1::aa"}
        self.looks = 0

    def find(self, version: int) -> str:
        self.looks += 1
        if version not in self.now:
            raise AddressUnknown(f"the public IPv{version} address is unknown: offline")
        return self.now[version]


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.world = World()
        self.vendor = Registry()
        self.database = Database(folder / "state.db")
        self.updater = Updater(DdnsHistory(self.database), self.clock, lambda: self.world)  # type: ignore[arg-type, return-value]

    def load(self, password: str = "p", vendor: Any = "ours", **records: DdnsRecord) -> None:
        account = NoIp(username="u", password=password, active=True)
        chosen = self.vendor if vendor == "ours" else vendor
        self.updater.load({item: task(record, account, chosen) for item, record in records.items()})

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.updater.tick()

    @property
    def words(self) -> str:
        return self.updater.keepings()[0].words


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.database.close()


def test_a_name_is_set_once_and_again_only_when_the_address_changed(bench: Bench) -> None:
    bench.load(a=HOME)
    bench.updater.tick()
    for _ in range(10):
        bench.after(300)
    assert bench.vendor.asked == [("home.ddns.example", "9.9.9.9")]
    assert bench.world.looks == 11
    bench.world.now[4] = "9.9.9.10"
    bench.after(300)
    assert bench.vendor.asked[1:] == [("home.ddns.example", "9.9.9.10")]


def test_an_ipv6_prefix_change_is_followed(bench: Bench) -> None:
    bench.load(a=HOME.model_copy(update={"type": "AAAA"}))
    bench.updater.tick()
    bench.world.now[6] = "2a02:2f0:2::aa"
    bench.after(300)
    assert [address for _, address in bench.vendor.asked] == ["2a02:2f0:1::aa", "2a02:2f0:2::aa"]


def test_the_interval_is_kept(bench: Bench) -> None:
    bench.load(a=HOME, b=HOME.model_copy(update={"record_name": "b", "update_interval": 60}))
    bench.updater.tick()
    assert bench.world.looks == 1, "records that are due together share one look"
    bench.after(299)
    assert bench.world.looks == 1
    bench.after(1)
    assert bench.world.looks == 2


def test_a_restart_sends_nothing_anew(bench: Bench) -> None:
    bench.load(a=HOME)
    bench.updater.tick()
    bench.updater = Updater(DdnsHistory(bench.database), bench.clock, lambda: bench.world)  # type: ignore[arg-type, return-value]
    bench.load(a=HOME)
    bench.updater.tick()
    assert len(bench.vendor.asked) == 1
    assert bench.updater.keepings()[0].address == "9.9.9.9"


def test_changed_settings_send_anew(bench: Bench) -> None:
    bench.load(a=HOME)
    bench.updater.tick()
    bench.load(a=HOME.model_copy(update={"ttl": 60}))
    bench.updater.tick()
    assert len(bench.vendor.asked) == 2


@pytest.mark.parametrize("restart", [False, True])
def test_after_a_stop_nothing_is_sent_until_the_settings_change(bench: Bench, restart: bool) -> None:
    bench.vendor.ends = [Stop("No-IP refused the user name or the password: correct them")]
    bench.load(a=HOME)
    bench.updater.tick()
    if restart:
        bench.updater = Updater(DdnsHistory(bench.database), bench.clock, lambda: bench.world)  # type: ignore[arg-type, return-value]
        bench.load(a=HOME)
    bench.world.now[4] = "9.9.9.10"
    for _ in range(50):
        bench.after(3600)
    assert len(bench.vendor.asked) == 1
    keeping = bench.updater.keepings()[0]
    assert (keeping.state, keeping.next_look) == ("stop", None)
    assert keeping.words == (
        "No-IP refused the user name or the password: correct them. "
        "Nothing is sent until the settings change."
    )
    bench.load(password="right", a=HOME)
    bench.updater.tick()
    assert len(bench.vendor.asked) == 2
    assert bench.updater.keepings()[0].state == "done"


def test_failures_are_waited_out_longer_each_time(bench: Bench) -> None:
    bench.vendor.ends = [Unreachable("api.example cannot be reached")] * 9
    bench.load(a=HOME)
    waits = [bench.updater.tick()]
    for _ in range(8):
        bench.clock.advance(waits[-1])
        waits.append(bench.updater.tick())
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    bench.clock.advance(3600)
    assert bench.updater.tick() == 300, "and after a success it is the interval again"


def test_a_vendor_that_asks_for_more_patience_gets_it(bench: Bench) -> None:
    bench.vendor.ends = [Later("No-IP has a fault or is being maintained", 1800.0)]
    bench.load(a=HOME)
    assert bench.updater.tick() == 1800
    bench.after(1799)
    assert len(bench.vendor.asked) == 1
    bench.after(1)
    assert len(bench.vendor.asked) == 2


def test_trouble_in_between_does_not_make_it_send_what_the_vendor_has(bench: Bench) -> None:
    bench.load(a=HOME)
    bench.updater.tick()
    del bench.world.now[4]
    bench.after(300)
    assert bench.words == "the public IPv4 address is unknown: offline"
    bench.world.now[4] = "9.9.9.9"
    bench.after(300)
    assert len(bench.vendor.asked) == 1
    assert bench.words == "the address is the same as before"


def test_a_name_does_not_wait_hours_for_a_router_that_came_up_late(bench: Bench) -> None:
    del bench.world.now[4]
    bench.load(a=HOME.model_copy(update={"update_interval": 1440}))
    assert bench.updater.tick() == 60
    bench.world.now[4] = "9.9.9.9"
    bench.after(60)
    assert bench.vendor.asked == [("home.ddns.example", "9.9.9.9")]
    assert bench.updater.tick() == 1440 * 60


def test_an_unknown_address_is_not_looked_for_more_seldom_than_the_interval(bench: Bench) -> None:
    del bench.world.now[4]
    bench.load(a=HOME)
    assert [bench.updater.tick()] + [bench.after(300) or bench.updater.tick() for _ in range(4)] == [  # type: ignore[func-returns-value]
        60, 120, 240, 300, 300
    ]  # fmt: skip


def test_an_answer_that_nobody_foresaw_is_tried_later(bench: Bench) -> None:
    bench.vendor.ends = [AttributeError("'str' object has no attribute 'get'"), Done(True, "set")]
    bench.load(a=HOME)
    assert bench.updater.tick() == 600
    [found] = bench.updater.keepings()
    assert (found.state, found.words) == ("later", "No-IP gave an answer that is not understood")
    bench.after(600)
    assert bench.words == "set"


def test_update_now_survives_an_answer_that_nobody_foresaw(bench: Bench) -> None:
    bench.vendor.ends = [TypeError("int() argument must be a string"), Done(True, "set")]
    bench.load(a=HOME)
    assert bench.updater.update_now("a").words == "No-IP gave an answer that is not understood"


def test_the_thread_outlives_an_error_that_nobody_foresaw(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.load(a=HOME)
    ticks = iter([RuntimeError("whatever")])
    real = bench.updater.tick
    asked = threading.Event()

    def tick() -> float:
        for error in ticks:
            raise error
        asked.set()
        return real()

    monkeypatch.setattr(bench.updater, "tick", tick)
    monkeypatch.setattr("app.ddns.updater._FIRST_PAUSE", 0.0)
    bench.updater.start()
    try:
        assert asked.wait(20)
    finally:
        bench.updater.stop()


def test_update_now_asks_even_when_nothing_changed_or_it_was_stopped(bench: Bench) -> None:
    bench.vendor.ends = [Stop("abuse"), Done(False, "No-IP had the address already")]
    bench.load(a=HOME)
    bench.updater.tick()
    assert bench.updater.update_now("a").words == "No-IP had the address already"
    assert len(bench.vendor.asked) == 2
    with pytest.raises(Later, match="a moment ago"):
        bench.updater.update_now("a")
    bench.clock.advance(60)
    bench.updater.update_now("a")
    assert len(bench.vendor.asked) == 3
    with pytest.raises(KeyError):
        bench.updater.update_now("nobody")


def test_an_account_that_is_not_active_is_told(bench: Bench) -> None:
    bench.load(vendor=None, a=HOME)
    bench.updater.tick()
    assert bench.words == "the account at No-IP is not active. Nothing is sent until the settings change."


def test_the_history_has_what_happened_newest_first_and_the_same_trouble_once(bench: Bench) -> None:
    bench.vendor.ends = [Later("busy")] * 3 + [Done(True, "set")]
    bench.load(a=HOME)
    bench.updater.tick()
    for _ in range(4):
        bench.after(3600)
    assert [(one.state, one.words, one.address) for one in bench.updater.history("a")] == [
        ("done", "set", "9.9.9.9"),
        ("later", "busy", ""),
    ]


def test_the_history_does_not_grow_for_ever(bench: Bench) -> None:
    bench.load(a=HOME)
    for number in range(210):
        bench.world.now[4] = f"9.9.{number}.1"
        bench.after(300)
    assert len(bench.updater.history("a")) == 200
    assert bench.updater.history("a")[0].address == "9.9.209.1"


def test_the_thread_updates_by_itself_and_stops(bench: Bench) -> None:
    with answering("good 9.9.9.9") as server:
        account = NoIp(
            endpoint=f"{server.url}/nic/update", username="u", password="sandi-rahasia", active=True
        )
        bench.load(vendor=NoIpVendor(account, Http()), a=HOME)
        bench.updater.start()
        for _ in range(500):
            if bench.updater.keepings()[0].state == "done":
                break
            time.sleep(0.02)
        bench.updater.stop()
    assert bench.words == "No-IP set home.ddns.example"
    assert len(server.asked) == 1


def test_no_secret_is_kept_in_the_history(bench: Bench, tmp_path: Path) -> None:
    bench.load(password="sandi-rahasia", a=HOME)
    bench.updater.tick()
    bench.database.submit(lambda connection: None).wait()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"home.ddns.example" in kept
    assert b"sandi-rahasia" not in kept


def test_a_task_carries_a_mark_of_all_its_settings() -> None:
    account = NoIp(username="u", password="p", active=True)
    marks = {
        task(HOME, account, None).mark,
        task(HOME.model_copy(update={"ttl": 1}), account, None).mark,
        task(HOME, account.model_copy(update={"password": "q"}), None).mark,
    }
    assert len(marks) == 3
    same: Task = task(HOME.model_copy(update={"update_interval": 60}), account, None)
    assert same.mark == task(HOME, account, None).mark
