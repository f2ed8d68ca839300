"""What goes on around a SIM card, by the whole service: USSD, balance, canary, inbox, reply, forwarding."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
import pytest

from app.core.events import Alarm, Event
from app.main import Service
from app.settings.api import Api, ApiUser
from app.settings.inbox import InboxRule
from app.settings.mail import EmailAccount
from app.settings.modems import Modem
from app.settings.passwords import hash_password
from app.settings.store import SettingsStore
from app.settings.subscribers import SubscriberMqtt, SubscriberRedis
from app.settings.watching import Balance
from app.settings.watching import Canary as CanarySettings
from app.store.places import Places
from bench.client import Client
from bench.ports import free_port
from bench.rig import PASSWORD, USER
from hw.sim.air import Air, Received
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from hw.sim.plugs import imei_of, plugs
from tests.brokers import servers as brokers
from tests.brokers.certificates import make_certificates
from tests.brokers.peers import RedisPeer
from tests.modems.test_forwarding import Hook
from tests.service.test_mail import Post, account, post, words
from tests.wanting import need

__all__ = ["post"]

MENU = {"*123#": ("1. Balance\n2. Packages", True), "1": "Your balance is Rp 25.000."}


class World:
    """The service in this process, over simulated modems whose network carries messages between them."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[Event] = []
        self.air = Air()
        self.delivers = True
        self.modems: dict[str, SimModem] = {}
        self._folder = folder
        self._switch: Queue[Received | None] = Queue()
        self.air.listen(self._switch.put)
        threading.Thread(target=self._carry, name="network", daemon=True).start()
        self.store = SettingsStore(folder)
        self.port = free_port()
        self.store.save(Api, Api(http_port=self.port, enable_https=False))
        self.store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(PASSWORD)))
        self.service: Service | None = None

    def modem(self, name: str, make: str = "generic", **fields: Any) -> SimModem:
        """One more modem of the settings; before ``start``."""
        index = len(self.modems)
        plug = f"{self._folder.name}-{name}"
        sim = SimModem(name, make=make, card=numbered(index), imei=imei_of(index), air=self.air)
        self.modems[name] = plugs.plug_in(plug, sim)
        self.store.put(Modem, name, Modem(name=name, port=f"sim://{plug}", **fields))
        return sim

    def start(self) -> Service:
        self.service = Service(Places(self._folder), self.store, self.store.load())
        self.service.events.listen(self.heard.append)
        self.service.start()
        until(lambda: len(self.service.fleet.lanes()) == len(self.modems))  # type: ignore[union-attr]
        return self.service

    def alarms(self, what: str) -> list[Alarm]:
        return [one for one in list(self.heard) if isinstance(one, Alarm) and one.what == what]

    def figures(self) -> str:
        assert self.service is not None
        return self.service.exchange.metrics.render().decode()

    def _carry(self) -> None:
        """What is sent to the number of one of the cards arrives there."""
        while (message := self._switch.get()) is not None:
            sender = self.modems[message.modem].card.number
            for modem in self.modems.values():
                if modem.card.number == message.number and self.delivers:
                    modem.sms_in(sender, message.text)

    def close(self) -> None:
        if self.service is not None:
            self.service.stop()
        self._switch.put(None)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


# -- USSD -----------------------------------------------------------------------------------------------

#: Text, packed 7-bit hex and UCS-2 hex.
ENCODINGS = ("generic", "huawei", "sim7600")


def test_ussd_over_rest_single_session_and_cancel_in_every_encoding(world: World) -> None:
    for make in ENCODINGS:
        world.modem(make, make).menu.update(MENU)
    world.start()
    client = Client(world.port)
    for make in ENCODINGS:
        one = client.call("request-ussd", modem_id=make, ussd_code="*888#")
        assert (one["response_code"], one["data"]["ussd_response"], one["data"]["replyable"]) == (
            "0000",
            "Your balance is Rp 25.000.",
            False,
        )
        assert one["data"]["ussd_content"] == one["data"]["ussd_response"]
        menu = client.call("request-ussd", modem_id=make, ussd_code="*123#")
        assert (menu["data"]["ussd_response"], menu["data"]["replyable"]) == (MENU["*123#"][0], True)
        answer = client.call("answer-ussd", modem_id=make, ussd_answer="1")
        assert answer["data"]["ussd_response"] == "Your balance is Rp 25.000."
        client.call("request-ussd", modem_id=make, ussd_code="*123#")
        assert world.modems[make].session
        assert client.call("cancel-ussd", modem_id=make)["response_code"] == "0000"
        assert not world.modems[make].session
        late = client.call("answer-ussd", modem_id=make, ussd_answer="1")
        assert (late["response_code"], late["reason"]) == ("1102", "ussd_failed")
    client.close()


def test_ussd_over_a_broker_single_session_and_cancel_in_every_encoding(world: World, tmp_path: Path) -> None:
    server = started(brokers.Redis, tmp_path)
    try:
        for make in ENCODINGS:
            world.modem(make, make).menu.update(MENU)
        options = {"enable": True, "port": server.port, "username": brokers.USER, "mode": "list"}
        world.store.save(SubscriberRedis, SubscriberRedis(password=brokers.PASSWORD, topic="sms", **options))
        world.start()
        peer = RedisPeer(server.port, "list")
        for number, make in enumerate(ENCODINGS):
            said = []
            for step, (command, more) in enumerate(
                [
                    ("request-ussd", {"ussd_code": "*123#"}),
                    ("answer-ussd", {"ussd_answer": "1"}),
                    ("request-ussd", {"ussd_code": "*123#"}),
                    ("cancel-ussd", {}),
                ]
            ):
                message = {"command": command, "data": {"modem_id": make, **more}}
                answer = peer.ask("sms", message, f"answer-{number}-{step}")
                said.append((answer["command"], answer["response_code"], answer["data"].get("ussd_response")))
            assert said == [
                ("request-ussd", "0000", "1. Balance\n2. Packages"),
                ("answer-ussd", "0000", "Your balance is Rp 25.000."),
                ("request-ussd", "0000", "1. Balance\n2. Packages"),
                ("cancel-ussd", "0000", None),
            ]
            assert not world.modems[make].session
    finally:
        server.close()


# -- balance and canary ---------------------------------------------------------------------------------


def test_the_scheduled_balance_check_keeps_the_amount_and_warns_below_the_threshold(world: World) -> None:
    poor, rich = world.modem("poor"), world.modem("rich", "huawei")
    poor.menu["*888#"] = "Sisa pulsa Anda Rp 500."
    fields = {"name": "pulsa", "code": "*888#", "threshold": 10_000.0}
    world.store.put(Balance, "pulsa", Balance(**fields))
    service = world.start()
    until(lambda: world.alarms("balance"))
    (alarm,) = world.alarms("balance")
    assert alarm.modem == "poor" and "500, less than 10000" in alarm.why
    known = "SELECT iccid, amount FROM balance"
    until(lambda: len(service.database.read(known)) == 2)
    assert dict(service.database.read(known)) == {poor.card.iccid: 500.0, rich.card.iccid: 25000.0}
    assert 'otppi_alarms_total{modem="poor",what="balance"} 1.0' in world.figures()


def test_the_canary_flies_between_two_modems_within_its_budget_and_tells_what_never_arrived(
    world: World,
) -> None:
    for name, number in (("a", "+6281100" + "0000"), ("b", "+6281100" + "0001")):
        world.modem(name, msisdn=number)
    world.store.save(CanarySettings, CanarySettings(active=True, interval=5, daily_budget=3, patience=10))
    service = world.start()
    canary = service.exchange.canary
    until(lambda: canary.state() and canary.state()[0].seconds is not None)
    (first,) = canary.state()
    assert (first.sender, first.receiver, first.lost) == ("a", "b", False)
    assert 'otppi_canary_seconds{receiver="b",sender="a"}' in world.figures()
    assert len(service.exchange.messages.page()) == 0  # its own messages are not people's
    world.delivers = False
    canary.plan = replace(canary.plan, every=0.0)
    canary._next = 0.0  # the settings allow five minutes at the least
    until(lambda: canary.left_today == 0)
    until(lambda: len(world.alarms("canary")) == 2)
    assert "accepted but never delivered" in world.alarms("canary")[0].why
    assert 'otppi_canary_lost{receiver="a",sender="b"} 1.0' in world.figures()
    assert world.air.messages == 3  # the budget of the day, and no more


# -- inbox: reply and ways out --------------------------------------------------------------------------


def test_a_reply_goes_out_from_the_number_that_was_written_to(world: World) -> None:
    for name in ("a", "b", "c"):
        world.modem(name)
    service = world.start()
    for number in range(3):
        world.modems["b"].sms_in("+628111222333", f"question {number}")
    until(lambda: len(service.exchange.messages.page()) == 3)
    for kept in service.exchange.messages.page(search="question"):
        assert service.exchange.reply(kept.id, f"answer {kept.id}", "ann").code == "0000"
    until(lambda: len(world.air.inbox("+628111222333")) == 3)
    assert [one.modem for one in world.air.inbox("+628111222333")] == ["b", "b", "b"]


def test_what_comes_in_goes_to_a_signed_webhook_by_mail_and_to_a_real_mqtt_broker(
    world: World, tmp_path: Path, post: tuple[Post, int]
) -> None:
    server = started(brokers.Mosquitto, tmp_path)
    hook = Hook()
    heard: Queue[tuple[str, bytes]] = Queue()
    try:
        client = listener(server.guarded_port, heard)
        mqtt = {"enable": True, "port": server.guarded_port, "username": brokers.USER, "qos": 1}
        world.store.save(SubscriberMqtt, SubscriberMqtt(password=brokers.PASSWORD, topic="sms", **mqtt))
        world.store.put(EmailAccount, "office", EmailAccount(**account(post[1])))
        rule = InboxRule(
            name="orders",
            words="order",
            webhook=hook.url,
            webhook_secret="key",
            email="shop@example.com",
            mqtt_topic="inbox/orders",
        )
        world.store.put(InboxRule, "orders", rule)
        world.modem("a")
        service = world.start()
        world.modems["a"].sms_in("+628111222333", "Order 5")
        world.modems["a"].sms_in("+628111222333", "something else")
        topic, body = heard.get(timeout=60)
        assert topic == "inbox/orders"
        told = json.loads(body)
        assert (told["sender"], told["message"], told["modem"]) == ("+628111222333", "Order 5", "a")
        until(lambda: hook.got and post[0].letters)
        headers, posted = hook.got[0]
        assert json.loads(posted) == told
        assert headers["x-otp-pi-signature"].startswith("sha256=")
        ((receivers, letter),) = post[0].letters
        assert receivers == ["shop@example.com"] and letter["Subject"] == "SMS from +628111222333"
        assert words(letter).startswith("Order 5")
        until(lambda: len(service.exchange.messages.page()) == 2)
        assert len(hook.got) == 1 and heard.empty()
        client.disconnect()
        client.loop_stop()
    finally:
        hook.close()
        server.close()


def test_a_topic_is_tried_again_while_the_mqtt_broker_is_away(world: World, tmp_path: Path) -> None:
    server = started(brokers.Mosquitto, tmp_path)
    server.stop()
    heard: Queue[tuple[str, bytes]] = Queue()
    try:
        mqtt = {"enable": True, "port": server.port, "qos": 1, "topic": "sms", "reconnect_delay": 1}
        world.store.save(SubscriberMqtt, SubscriberMqtt(**mqtt))
        world.store.put(InboxRule, "all", InboxRule(name="all", mqtt_topic="inbox/all"))
        world.modem("a")
        service = world.start()
        world.modems["a"].sms_in("+628111222333", "keep this")
        until(lambda: len(service.exchange.messages.page()) == 1)
        server.start()
        client = listener(server.port, heard)
        topic, body = heard.get(timeout=60)  # ten seconds after the first try
        assert (topic, json.loads(body)["message"]) == ("inbox/all", "keep this")
        client.disconnect()
        client.loop_stop()
    finally:
        server.close()


def started(kind: Any, folder: Path) -> Any:
    need(kind.missing())
    certificates = folder / "certificates"
    certificates.mkdir()
    server = kind(folder / kind.name, make_certificates(certificates))
    server.start()
    return server


def listener(port: int, heard: Queue[tuple[str, bytes]]) -> paho.Client:
    ready = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set(brokers.USER, brokers.PASSWORD)
    client.on_message = lambda client, data, message: heard.put((message.topic, message.payload))
    client.on_subscribe = lambda *rest: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("inbox/#", 1)
    assert ready.wait(20)
    return client
