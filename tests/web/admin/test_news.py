"""What the pages remember of what happened: alarms until seen, last errors, each modem's rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.events import Alarm, MessageDone, ModemFound, ModemState, StickUnusable
from app.store.audit import Audit
from app.store.database import Database
from app.web.admin.news import MOST, News
from tests.house import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def news(database: Database, clock: HandClock) -> News:
    return News(Audit(database), clock.wall)


def test_an_alarm_stays_until_seen_and_is_counted_not_repeated(news: News, clock: HandClock) -> None:
    for _ in range(3):
        news.hear(Alarm("store_full", "a", "full"))
        clock.advance(1.0)
    (item,) = news.items()
    assert (item.what, item.modem, item.count, item.at) == ("store_full", "a", 3, clock.wall() - 1.0)
    assert news.seen("guessed") is None
    assert news.seen(item.handle) == item
    assert news.items() == []


def test_a_parked_modem_that_is_ready_again_is_no_news(news: News) -> None:
    news.hear(Alarm("parked", "a", "everything failed"))
    news.hear(Alarm("balance", "a", "top it up"))
    news.hear(ModemState("a", "ready"))
    assert [one.what for one in news.items()] == ["balance"]


def test_the_oldest_alarm_makes_room(news: News, clock: HandClock) -> None:
    for number in range(MOST + 5):
        news.hear(Alarm("canary", f"m{number}", "lost"))
        clock.advance(1.0)
    assert len(news.items()) == MOST
    assert {one.modem for one in news.items()}.isdisjoint({"m0", "m1", "m2", "m3", "m4"})


def test_the_rate_is_that_of_the_last_minute(news: News, clock: HandClock) -> None:
    for _ in range(4):
        news.hear(MessageDone(1, "a", "sent", "", 0.1))
        clock.advance(20.0)
    assert news.lately("a").rate == 2
    clock.advance(60.0)
    assert news.lately("a").rate == 0
    assert news.lately("b").rate == 0


def test_the_last_error_of_a_modem_is_kept(news: News, clock: HandClock) -> None:
    news.hear(ModemState("a", "trouble", "the SIM refused the PIN"))
    clock.advance(5.0)
    news.hear(MessageDone(1, "a", "failed", "not_sent", 0.1))
    assert news.lately("a").error == "a message ended as failed: not_sent"
    assert news.lately("a").at == clock.wall()
    assert news.lately("b").error == ""


def test_arrivals_and_alarms_are_in_the_audit(news: News, database: Database) -> None:
    news.hear(ModemFound("/dev/ttyUSB0", "SIMCom SIM7600"))
    news.hear(StickUnusable("1-1.3", "Huawei stick in HiLink mode", "no AT port"))
    news.hear(Alarm("parked", "a", "everything failed"))
    database.submit(lambda connection: None).wait()
    told = [(one.who, one.what, one.detail) for one in Audit(database).page(0, 10)]
    assert told == [
        ("-", "alarm.parked", "everything failed"),
        ("-", "stick.unusable", "Huawei stick in HiLink mode at USB 1-1.3"),
        ("-", "modem.found", "SIMCom SIM7600 at /dev/ttyUSB0"),
    ]
