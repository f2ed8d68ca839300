"""What holds for every broker alike, against the real servers and a whole gateway with simulated modems."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import Any

import pytest

from tests.brokers.conftest import Case
from tests.brokers.servers import until
from tests.brokers.ways import WAYS, number, unique

every_way = pytest.mark.parametrize("case", WAYS, indirect=True)


@every_way
def test_a_message_goes_from_the_broker_to_the_handset(case: Case) -> None:
    case.device.take_from(case.options)
    receiver = number()
    case.peer.send(case.topic, {"command": "send-sms", "data": {"receiver": receiver, "message": "Hello"}})
    case.device.await_text(receiver, "Hello")


@every_way
def test_every_command_is_answered_on_its_callback_topic(case: Case) -> None:
    case.device.take_from(case.options)
    receiver, reference = number(), unique("ref")

    def ask(command: str, **data: Any) -> Any:
        return case.peer.ask(case.topic, {"command": command, "data": data}, unique("answer"))

    sent = ask("send-sms", id="7", receiver=receiver, message="Hi")
    assert (sent["command"], sent["response_code"]) == ("send-sms", "0000")
    assert sent["data"]["id"] == "7" and sent["data"]["result"] == "sent"

    requested = ask("request-otp", reference=reference, receiver=receiver, message="Code %s")
    assert requested["response_code"] == "0000"
    until(lambda: len(case.device.received(receiver)) == 2, "the code arrived")
    code = case.device.received(receiver)[-1].text.removeprefix("Code ")
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert ask("verify-otp", reference=reference, receiver=receiver, otp=wrong)["response_code"] == "1202"
    assert ask("verify-otp", reference=reference, receiver=receiver, otp=code)["response_code"] == "0000"
    assert ask("validate-otp", reference=reference, receiver=receiver, otp=code)["response_code"] == "1202"

    assert ask("send-message", receiver=receiver, message="There")["response_code"] == "0000"
    mail = ask("send-email", receiver="jane@example.com", subject="Hi", message="Mail")
    assert (mail["command"], mail["response_code"], mail["reason"]) == ("send-email", "1102", "mail_failed")

    assert ask("block-msisdn", receiver=receiver)["response_code"] == "0000"
    blocked = ask("send-sms", receiver=receiver, message="No")
    assert (blocked["response_code"], blocked["reason"]) == ("1102", "blocked")
    assert ask("unblock-msisdn", receiver=receiver)["response_code"] == "0000"

    assert set(ask("get-modem-list")["data"]["modem_list"]) == {"one", "two"}
    ussd = ask("request-ussd", modem_id="one", ussd_code="*123#")
    assert ussd["command"] == "request-ussd" and ussd["data"]["ussd_code"] == "*123#"
    assert ask("echo", word="back")["data"]["data"] == {"word": "back"}


@every_way
def test_an_answer_comes_no_earlier_than_its_callback_delay(case: Case) -> None:
    case.device.take_from(case.options)
    began = time.monotonic()
    echo = {"command": "echo", "callback_delay": "600"}
    answer = case.peer.ask_raw(
        case.topic, json.dumps({**echo, "callback_topic": (topic := unique("answer"))}).encode(), topic
    )
    assert json.loads(answer)["response_code"] == "0000"
    assert time.monotonic() - began >= 0.6


@every_way
def test_the_legacy_envelope_is_answered_with_an_array(case: Case) -> None:
    case.device.take_from(case.options)
    first, second = number(), number()
    envelope = {
        "command": "send-message",
        "channel": "sms",
        "data": [
            {"command": "send-message", "data": {"receiver": first, "message": "A"}},
            {"receiver": second, "message": "B"},
        ],
    }
    answers = case.peer.ask(case.topic, envelope, unique("answer"))
    assert [one["response_code"] for one in answers] == ["0000", "0000"]
    case.device.await_text(first, "A")
    case.device.await_text(second, "B")


@every_way
def test_without_a_callback_topic_nothing_is_published(case: Case) -> None:
    case.device.take_from(case.options)
    before = case.device.status
    case.peer.send(case.topic, {"command": "echo"})
    until(lambda: case.device.status.sent == before.sent + 1, "the message was handled")
    assert case.device.status.failed == before.failed


@every_way
def test_poison_is_acknowledged_counted_and_does_not_stop_the_rest(case: Case) -> None:
    case.device.take_from(case.options)
    before = case.device.status
    poison = [b"not JSON", b"[]", b'{"command":"fly"}', b'{"command":"send-sms","data":{}}', b"{" * 5000]
    for body in poison:
        case.peer.publish(case.topic, body)
    receiver = number()
    case.peer.send(case.topic, {"command": "send-sms", "data": {"receiver": receiver, "message": "Next"}})
    case.device.await_text(receiver, "Next")
    until(lambda: case.device.status.failed == before.failed + len(poison), "the poison was counted")
    if case.way.keeps:
        # Acknowledged: a new connection is not given it again.
        case.device.leave()
        case.device.take_from(case.options)
        case.peer.send(case.topic, {"command": "echo"})
        until(lambda: case.device.status.sent >= before.sent + 2, "the next message came")
        assert case.device.status.failed == before.failed + len(poison)


@every_way
def test_a_refusal_of_what_cannot_be_carried_out_is_published_too(case: Case) -> None:
    case.device.take_from(case.options)
    answer = case.peer.ask(case.topic, {"command": "send-sms", "data": {"message": "x"}}, unique("answer"))
    assert (answer["response_code"], answer["reason"]) == ("1102", "bad_request")
    assert answer["error"] == "the field receiver is missing"


@every_way
def test_the_same_id_again_is_sent_once_and_hears_the_first_outcome(case: Case) -> None:
    case.device.take_from(case.options)
    receiver, name = number(), unique("id")
    message = {"command": "send-sms", "data": {"id": name, "receiver": receiver, "message": "Once"}}
    first = case.peer.ask(case.topic, message, unique("answer"))
    again = case.peer.ask(case.topic, message, unique("answer"))
    assert "duplicate" not in first and again["duplicate"] is True
    assert again["response_code"] == "0000"
    assert [one.text for one in case.device.received(receiver)] == ["Once"]


@pytest.mark.parametrize("case", [name for name, way in WAYS.items() if way.keeps], indirect=True)
def test_what_is_published_while_the_device_is_away_waits_for_it(case: Case) -> None:
    case.device.take_from(case.options)  # once, so that queue, group or session exists
    case.device.leave()
    receiver = number()
    for word in ("first", "second", "third"):
        case.peer.send(case.topic, {"command": "send-sms", "data": {"receiver": receiver, "message": word}})
    case.device.take_from(case.options)
    until(lambda: len(case.device.received(receiver)) == 3, "all three arrived")
    assert {one.text for one in case.device.received(receiver)} == {"first", "second", "third"}


@every_way
def test_the_topic_changes_without_a_restart(case: Case) -> None:
    case.device.take_from(case.options)
    other, attempts = unique("other"), case.device.status.attempts
    case.device.apply(case.changed(topic=other))
    until(lambda: case.device.status.connected and case.device.status.attempts > attempts, "connected anew")
    receiver = number()
    case.peer.send(other, {"command": "send-sms", "data": {"receiver": receiver, "message": "Moved"}})
    case.device.await_text(receiver, "Moved")


@every_way
def test_the_state_tells_since_when_and_how_many(case: Case) -> None:
    started = case.device.service.clock.wall()
    case.device.take_from(case.options)
    before = case.device.status
    assert before.connected_since is not None and before.connected_since >= started - 1
    assert before.keeps is case.way.keeps
    case.peer.send(case.topic, {"command": "echo"})
    case.peer.publish(case.topic, b"poison")
    until(lambda: case.device.status.received == before.received + 2, "both were counted")
    until(lambda: case.device.status.waiting == 0, "nothing waits")
    now = case.device.status
    assert (now.sent, now.failed) == (before.sent + 1, before.failed + 1)
    with urllib.request.urlopen(f"http://127.0.0.1:{case.device.port}/health/ready", timeout=20) as answer:
        health = json.load(answer)
    assert health["ready"] is True
    told = health["brokers"][now.broker]
    assert told["standing"] == "connected" and told["connected_since"] == now.connected_since
    assert [told[name] for name in ("received", "sent", "failed", "waiting")] == [
        now.received,
        now.sent,
        now.failed,
        0,
    ]
    counts = f"{now.received} received, {now.sent} sent, {now.failed} failed, 0 waiting"
    assert re.fullmatch(rf"connected since \d{{4}}-\d\d-\d\d \d\d:\d\d: {counts}", now.sentence())
    case.device.apply(case.changed(enable=False))
    until(lambda: str(case.device.status.standing) == "off", "off")
    assert case.device.status.connected_since is None
    assert case.device.status.sentence() == ""
