"""Accounts take turns, keep their daily limits over restarts, and rest after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mail.turns import Turns
from app.store.database import Database
from app.store.mail import MailUsage
from tests.house import HandClock
from tests.mail.conftest import account


class Bench:
    """Turns over a real state database, with a clock and a calendar that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.day = "2026-11-20"
        self.database = Database(folder / "state.db")
        self.turns = Turns(MailUsage(self.database), self.clock, lambda: self.day)

    def send(self) -> str:
        """One mail goes out; which account sent it, or ``none``."""
        turn = self.turns.take(())
        if turn is None:
            return "none"
        self.turns.charge(turn).wait()
        self.turns.sent(turn)
        return turn.account.id

    def fail(self, fault: str = "the server is away") -> str:
        turn = self.turns.take(())
        assert turn is not None
        self.turns.refused(turn, fault)
        return turn.account.id


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.database.close()


def test_accounts_take_turns(bench: Bench) -> None:
    bench.turns.load([account(25, "a"), account(25, "b"), account(25, "c")])
    assert [bench.send() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


def test_an_account_at_its_daily_limit_is_passed_over(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1), account(25, "b", daily_limit=2)])
    assert [bench.send() for _ in range(4)] == ["a", "b", "b", "none"]
    assert bench.turns.why_none() == (
        "every mail account has sent its daily limit: add one, or wait for midnight"
    )


def test_limits_begin_anew_at_local_midnight(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1)])
    assert [bench.send(), bench.send()] == ["a", "none"]
    bench.day = "2026-11-21"
    assert [bench.send(), bench.send()] == ["a", "none"]


def test_limits_are_kept_over_a_restart(bench: Bench, tmp_path: Path) -> None:
    bench.turns.load([account(25, "a", daily_limit=2)])
    assert bench.send() == "a"
    bench.database.close()
    bench.__init__(tmp_path)  # type: ignore[misc]
    bench.turns.load([account(25, "a", daily_limit=2)])
    assert [bench.send(), bench.send()] == ["a", "none"]


def test_a_clock_set_back_to_yesterday_finds_yesterdays_count(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1)])
    bench.send()
    bench.day = "2026-11-21"
    bench.send()
    bench.day = "2026-11-20"
    assert bench.send() == "none"


def test_a_failing_account_rests_for_a_minute_and_then_twice_as_long(bench: Bench) -> None:
    bench.turns.load([account(25, "a"), account(25, "b")])
    assert bench.fail("a said 535 no") == "a"
    assert [bench.send() for _ in range(3)] == ["b", "b", "b"]
    bench.clock.advance(61)
    assert bench.fail("a said 535 no") == "a"
    bench.clock.advance(61)
    assert [bench.send(), bench.send()] == ["b", "b"]
    bench.clock.advance(60)
    assert bench.send() == "a"


def test_a_resting_account_is_shown_with_its_error_until_it_works_again(bench: Bench) -> None:
    bench.turns.load([account(25, "a")])
    bench.fail("mail.example.com:587 did not answer in time")
    standing = bench.turns.standings()[0]
    assert (standing.error, standing.resting) == ("mail.example.com:587 did not answer in time", 60.0)
    assert bench.turns.why_none() == (
        "no mail account works at the moment (A: mail.example.com:587 did not answer in time)"
    )
    bench.clock.advance(61)
    bench.send()
    assert bench.turns.standings()[0].error == ""


def test_an_account_whose_settings_changed_gets_a_new_chance_at_once(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=2)])
    bench.send()
    bench.fail()
    assert bench.send() == "none"
    bench.turns.load([account(26, "a", daily_limit=2)])
    assert [bench.send(), bench.send()] == ["a", "none"]


def test_a_mail_refused_after_it_was_charged_gives_its_place_back(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1)])
    turn = bench.turns.take(())
    assert turn is not None
    bench.turns.charge(turn)
    bench.turns.refused(turn)
    assert [bench.send(), bench.send()] == ["a", "none"]


def test_a_mail_nobody_knows_the_end_of_counts(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1)])
    turn = bench.turns.take(())
    assert turn is not None
    bench.turns.charge(turn)
    bench.turns.lost(turn, "silence")
    bench.clock.advance(1000)
    assert bench.send() == "none"
    assert bench.turns.standings()[0].sent_today == 1


def test_a_mail_over_midnight_counts_for_the_day_it_was_handed_over(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=1)])
    turn = bench.turns.take(())
    assert turn is not None
    bench.day = "2026-11-21"
    bench.turns.charge(turn)
    bench.turns.sent(turn)
    assert bench.send() == "none"
    bench.day = "2026-11-20"
    assert bench.send() == "a"


def test_an_account_that_has_not_worked_yet_is_tried_by_one_mail_at_a_time(bench: Bench) -> None:
    bench.turns.load([account(25, "a")])
    first = bench.turns.take(())
    assert first is not None
    second: list[object] = []
    waiter = threading.Thread(target=lambda: second.append(bench.turns.take(())))
    waiter.start()
    waiter.join(0.3)
    assert not second, "the second mail did not wait for what the first one finds out"
    bench.turns.refused(first, "unreachable")
    waiter.join(10)
    assert second == [None], "the second mail found the account resting and did not try it again"


def test_waiting_for_an_account_ends_when_it_became_hopeless(bench: Bench) -> None:
    bench.turns.load([account(25, "a")])
    assert bench.turns.take(()) is not None
    answers = iter([False, True])
    assert bench.turns.take((), lambda: next(answers)) is None


def test_the_last_place_of_a_day_is_given_once(bench: Bench) -> None:
    bench.turns.load([account(25, "a", daily_limit=5)])
    assert bench.send() == "a"
    turns = [bench.turns.take(()) for _ in range(4)]
    assert all(turns)
    fifth: list[object] = []
    waiter = threading.Thread(target=lambda: fifth.append(bench.turns.take(())))
    waiter.start()
    for turn in turns:
        assert turn is not None
        bench.turns.charge(turn)
        bench.turns.sent(turn)
    waiter.join(10)
    assert fifth == [None]
