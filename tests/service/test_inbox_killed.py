"""SIGKILL between reading a message and deleting it: no message lost, none twice in the list."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from bench.rig import Gateway, Simulators


def listed(gateway: Gateway) -> list[str]:
    with closing(sqlite3.connect(gateway.home / "state.db", timeout=20)) as database:
        return [text for (text,) in database.execute("SELECT text FROM inbox ORDER BY id")]


@pytest.mark.parametrize(
    ("command", "action"),
    [("AT+CMGR", "silence"), ("AT+CMGD", "silence"), ("AT+CMGD", "no-ok"), ("AT+CMGL", "silence")],
    ids=["before-it-was-read", "kept-not-deleted", "deleted-and-nobody-told", "at-any-moment"],
)
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_no_message_is_lost_and_none_is_listed_twice(
    simulators: Callable[..., Simulators],
    gateway: Callable[..., Gateway],
    command: str,
    action: str,
    skip: int,
) -> None:
    """The modem goes silent in the middle of one command of the reading; there the service is killed.

    no-ok: the modem carried the command out and its answer is lost.
    """
    world = simulators(1)
    service = gateway({"m1": {"port": world.paths[0]}}).start()
    wanted = [f"message {number}" for number in range(4)] + ["long " * 60]
    silence = {"when": "command", "action": action, "command": command, "skip": skip}
    if command != "AT+CMGL":
        world.order("fault", modem="sim1", **silence)
    for number, text in enumerate(wanted):
        world.order("sms", modem="sim1", **{"from": "+628111", "text": text, "reference": number})
    if command == "AT+CMGL":  # killed at once, at whatever it is then
        time.sleep(0.1 * skip)
    else:
        await_stuck(world, service, skip)
    service.kill()
    world.order("clear-faults")
    service.start()
    await_all(service, wanted)
    assert sorted(listed(service)) == sorted(wanted)
    service.kill()
    service.start()
    assert sorted(listed(service)) == sorted(wanted)


def await_stuck(world: Simulators, service: Gateway, skip: int) -> None:
    """Until the fault took hold: the commands stop coming."""
    before = -1
    for _ in range(100):
        now = world.order("stats")["commands"]
        if now == before and len(listed(service)) >= min(skip, 1):
            return
        before = now
        time.sleep(0.25)
    raise AssertionError("the modem never went silent")


def await_all(service: Gateway, wanted: list[str]) -> None:
    until = time.monotonic() + 60
    while len(listed(service)) < len(wanted):
        assert time.monotonic() < until, (listed(service), service.tail())
        time.sleep(0.05)
    time.sleep(1.0)  # a second copy would come now
