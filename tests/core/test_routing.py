"""Which modem may carry a number."""

from __future__ import annotations

from app.core.routing import Lane, Router


def order(router: Router, number: str, *lanes: Lane) -> list[str]:
    return [choice.lane.modem for choice in router.candidates(number, lanes)]


def test_the_longest_prefix_comes_first_then_the_default_then_any() -> None:
    lanes = (
        Lane("any", "any"),
        Lane("default", "default", default=True),
        Lane("short", "short", prefixes=("628",)),
        Lane("long", "long", prefixes=("62899", "62811")),
    )
    assert order(Router(), "628112345", *lanes) == ["long", "short", "default", "any"]


def test_a_modem_with_other_prefixes_is_still_the_last_resort() -> None:
    lanes = (Lane("tsel", "tsel", prefixes=("62811",)), Lane("default", "default", default=True))
    assert order(Router(), "14155550100", *lanes) == ["default", "tsel"]


def test_equals_take_turns() -> None:
    router = Router()
    lanes = (Lane("a", "a"), Lane("b", "b"), Lane("c", "c"))
    assert [order(router, "628112345", *lanes)[0] for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_among_equals_the_shorter_queue_is_first() -> None:
    lanes = (Lane("busy", "busy", queued=3), Lane("idle", "idle"))
    assert [order(Router(), "628112345", *lanes)[0] for _ in range(3)] == ["idle"] * 3


def test_a_modem_that_is_held_up_comes_last_whatever_it_matches() -> None:
    lanes = (Lane("tsel", "tsel", prefixes=("62811",), stuck=True), Lane("any", "any"))
    assert order(Router(), "628112345", *lanes) == ["any", "tsel"]


def test_the_choice_says_why() -> None:
    choice = Router().candidates("62811", [Lane("a", "a", prefixes=("62811",))])[0]
    assert choice.why == "prefix 62811"


def test_no_lanes_no_candidates() -> None:
    assert Router().candidates("62811", []) == []
