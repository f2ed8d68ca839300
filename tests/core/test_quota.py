"""How many messages a SIM may still send."""

from __future__ import annotations

import math

from app.core.quota import Quota


def test_without_limits_nothing_waits() -> None:
    quota = Quota()
    for second in range(1000):
        quota.count(second / 100, "today")
    assert quota.wait(10.0, "today") == 0.0


def test_a_minute_slides() -> None:
    quota = Quota(per_minute=2)
    quota.count(100.0, "today")
    quota.count(130.0, "today")
    assert quota.wait(140.0, "today") == 20.0
    assert quota.wait(160.0, "today") == 0.0
    quota.count(160.0, "today")
    assert quota.wait(161.0, "today") == 29.0


def test_those_who_wait_already_use_up_their_share_first() -> None:
    quota = Quota(per_minute=2, per_day=10, day="today", sent_today=4)
    quota.count(100.0, "today")
    quota.count(130.0, "today")
    # The next go at 160, 190, 220, 250; the day has room for four.
    assert [quota.wait(140.0, "today", ahead) for ahead in range(5)] == [20.0, 50.0, 80.0, 110.0, math.inf]
    fresh = Quota(per_minute=2)
    assert [fresh.wait(140.0, "today", ahead) for ahead in range(5)] == [0.0, 0.0, 60.0, 60.0, 120.0]


def test_a_day_that_is_used_up_ends_at_midnight() -> None:
    quota = Quota(per_day=3, day="monday", sent_today=2)
    assert quota.wait(0.0, "monday") == 0.0
    quota.count(0.0, "monday")
    assert quota.wait(1.0, "monday") == math.inf
    assert quota.wait(2.0, "tuesday") == 0.0
    quota.count(2.0, "tuesday")
    assert quota.wait(3.0, "tuesday") == 0.0
