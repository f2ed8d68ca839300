"""A delivery report of the network, asked for in the command, from the modem to ``/api/status``."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bench.client import Client
from bench.rig import Gateway, Simulators
from tests.service.test_nothing_lost import status


@pytest.mark.parametrize(
    ("report_status", "text", "state", "reason"),
    [
        (0, "short", "delivered", ""),
        (0, "long " * 60, "delivered", ""),
        (0x46, "short", "failed", "undelivered"),
    ],
)
def test_what_the_network_reports_is_the_messages_state(
    simulators: Callable[..., Simulators],
    gateway: Callable[..., Gateway],
    report_status: int,
    text: str,
    state: str,
    reason: str,
) -> None:
    world = simulators(1)
    world.order("set", report_status=report_status, report_delay_ms=100)
    service = gateway({"m1": {"port": world.paths[0]}}).start()
    client = Client(service.port)
    answer = client.call("send-sms", id="r1", receiver="081234567890", message=text, report=True)
    assert answer["response_code"] == "0000"
    until = time.monotonic() + 30
    while (found := status(service, "r1")) is None or found["state"] == "sent":
        assert time.monotonic() < until, (found, service.tail())
        time.sleep(0.05)
    assert (found["state"], found["reason"]) == (state, reason)
    client.call("send-sms", id="r2", receiver="081234567890", message="no report asked")
    found = status(service, "r2")
    assert found is not None and found["state"] == "sent"
