"""A modem that vanishes under traffic and returns, under its own name or another, is used again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.client import Client
from bench.rig import Gateway, Simulators


def connected(gateway: Gateway) -> dict[str, bool]:
    listed = Client(gateway.port).call("get-modem-list")["data"]["modem_list"]
    return {modem: fields["connected"] for modem, fields in listed.items()}


def await_connected(gateway: Gateway, expected: dict[str, bool], timeout: float) -> float:
    began = time.monotonic()
    while connected(gateway) != expected:
        assert time.monotonic() - began < timeout, connected(gateway)
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.parametrize("name_after", ["sim2", "sim7"])
def test_a_modem_returns_under_traffic(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway], tmp_path: Path, name_after: str
) -> None:
    links = tmp_path / "links"
    world = simulators(3, 40, "generic", "--links", str(links))
    modems = {f"m{n}": {"port": str(links / f"sim{n}")} for n in (1, 2, 3)}
    service = gateway(modems).start()
    await_connected(service, {"m1": True, "m2": True, "m3": True}, 20)
    answers: list[dict[str, Any]] = []
    done = threading.Event()

    def traffic(index: int) -> None:
        client = Client(service.port)
        count = 0
        while not done.is_set():
            count += 1
            answers.append(
                client.call("send-sms", receiver=f"0812{index:03d}{count:05d}", message=f"{index}-{count}")
            )

    threads = [threading.Thread(target=traffic, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    world.order("unplug", modem="sim2")
    await_connected(service, {"m1": True, "m2": False, "m3": True}, 10)
    carried_without = len(answers)
    time.sleep(1.0)
    assert len(answers) > carried_without  # the others carry on
    world.order("plug", modem="sim2", link=name_after)
    took = await_connected(service, {"m1": True, "m2": True, "m3": True}, 10)
    assert took < 10
    before = len([one for one in answers if one["data"].get("modemID") == "m2"])
    time.sleep(1.0)
    done.set()
    for thread in threads:
        thread.join(60)
    assert len([one for one in answers if one["data"].get("modemID") == "m2"]) > before
    codes = {one["response_code"] for one in answers}
    unknown = [one for one in answers if one["response_code"] != "0000"]
    assert codes <= {"0000", "1102"} and len(unknown) <= 1  # the one message it took with it
    assert all(one["reason"] == "unknown_outcome" for one in unknown)
    assert world.order("stats")["duplicates"] == 0
