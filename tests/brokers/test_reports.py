"""Delivery reports of the network on the callback topic of the message they are about."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
import pytest
import redis

from app.settings.modems import Modem
from hw.sim.plugs import plugs
from tests.brokers.conftest import Case
from tests.brokers.peers import RedisPeer
from tests.brokers.servers import until
from tests.brokers.ways import number, unique

LONG = "long " * 60  # two parts


@pytest.fixture
def network(case: Case) -> Iterator[Any]:
    """Sets what the network reports of messages of both modems."""
    store = case.device.store.load().settings
    ports = [modem.port for modem in store.items(Modem).values()]
    modems = [modem for modem in map(plugs.at, ports) if modem is not None]
    assert len(modems) == 2

    def report(status: int, after: float = 0.2) -> None:
        for modem in modems:
            modem.report_status, modem.report_delay = status, after

    yield report
    report(0, 0.0)


def answers(case: Case, topic: str) -> Queue[dict[str, Any]]:
    """Everything that is published on a topic from now on."""
    heard: Queue[dict[str, Any]] = Queue()
    ready = threading.Event()
    if case.way.server.name == "mosquitto":
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_message = lambda client, data, message: heard.put(json.loads(message.payload))
        client.on_subscribe = lambda *rest: ready.set()
        client.connect("127.0.0.1", case.server.port)
        client.loop_start()
        client.subscribe(topic, 1)
        assert ready.wait(20)
        return heard

    def pop() -> None:
        with RedisPeer(case.server.port, "list").client as client, suppress(redis.RedisError):
            while (popped := client.brpop([topic], timeout=20)) is not None:
                heard.put(json.loads(popped[1]))

    threading.Thread(target=pop, daemon=True).start()
    return heard


def send(case: Case, topic: str, text: str, **data: Any) -> None:
    body = {"id": "r1", "receiver": number(), "message": text, "report": True} | data
    case.peer.send(case.topic, {"command": "send-sms", "callback_topic": topic, "data": body})


@pytest.mark.parametrize("case", ["redis-list", "mqtt3"], indirect=True)
@pytest.mark.parametrize(("text", "parts"), [("short", 1), (LONG, 2)])
def test_the_report_follows_the_answer_when_all_parts_have_arrived(
    case: Case, network: Any, text: str, parts: int
) -> None:
    network(0)
    case.device.take_from(case.options)
    topic = unique("answer")
    heard = answers(case, topic)
    send(case, topic, text)
    answer, report = heard.get(timeout=20), heard.get(timeout=20)
    assert (answer["command"], answer["data"]["result"]) == ("send-sms", "sent")
    assert report == {
        "command": "delivery-report",
        "response_code": "0000",
        "data": {
            "id": "r1",
            "command": "send-sms",
            "modemID": answer["data"]["modemID"],
            "modem": answer["data"]["modem"],
            "parts": parts,
            "delivered": parts,
            "result": "delivered",
        },
    }
    assert heard.empty()


@pytest.mark.parametrize("case", ["redis-list"], indirect=True)
def test_a_message_that_was_not_delivered_is_reported_with_its_reason(case: Case, network: Any) -> None:
    network(0x46)  # 3GPP TS 23.040 §9.2.3.15: SM validity period expired
    case.device.take_from(case.options)
    topic = unique("answer")
    heard = answers(case, topic)
    send(case, topic, LONG)
    assert heard.get(timeout=20)["response_code"] == "0000"
    report = heard.get(timeout=20)
    assert (report["command"], report["response_code"], report["reason"]) == (
        "delivery-report",
        "1102",
        "undelivered",
    )
    assert (report["data"]["result"], report["data"]["delivered"]) == ("failed", 0)
    until(lambda: untold(case) == [], "the report is on record as published")
    assert heard.empty()  # once, although both parts failed


@pytest.mark.parametrize("case", ["redis-list"], indirect=True)
def test_a_report_never_comes_before_the_answer_it_is_about(case: Case, network: Any) -> None:
    network(0, after=0.0)
    case.device.take_from(case.options)
    topic = unique("answer")
    heard = answers(case, topic)
    body = {"id": "r1", "receiver": number(), "message": "slow", "report": True}
    case.peer.send(
        case.topic, {"command": "send-sms", "callback_topic": topic, "callback_delay": 1500, "data": body}
    )
    assert [heard.get(timeout=20)["command"] for _ in range(2)] == ["send-sms", "delivery-report"]


@pytest.mark.parametrize("case", ["redis-list"], indirect=True)
def test_a_report_waits_for_a_broker_that_is_away(case: Case, network: Any) -> None:
    network(0, after=3.0)
    case.device.take_from(case.options)
    topic = unique("answer")
    heard = answers(case, topic)
    send(case, topic, "patience")
    assert heard.get(timeout=20)["command"] == "send-sms"
    case.server.kill()
    until(lambda: untold(case) != [], "the network's report is in the ledger")
    case.server.start()
    again = answers(case, topic)
    assert again.get(timeout=40)["command"] == "delivery-report"
    until(lambda: untold(case) == [], "the report is on record as published")


@pytest.mark.parametrize("case", ["redis-list"], indirect=True)
def test_nobody_who_did_not_ask_gets_a_report(case: Case, network: Any) -> None:
    network(0)
    case.device.take_from(case.options)
    topic = unique("answer")
    heard = answers(case, topic)
    send(case, topic, "no report", report=False)
    assert heard.get(timeout=20)["command"] == "send-sms"
    send(case, "", "no topic")
    send(case, topic, "asked", id="r2")
    assert [heard.get(timeout=20)["command"] for _ in range(2)] == ["send-sms", "delivery-report"]


def untold(case: Case) -> list[Any]:
    return list(case.device.service.exchange.reports.untold())
