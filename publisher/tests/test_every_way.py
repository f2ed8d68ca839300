"""One suite over REST and every broker, against real servers and a device that answers."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otp_publisher import Result

from .conftest import Way
from .device import MODEMS
from .servers import wait_until


def test_an_sms_is_sent_and_the_answer_comes_back(way: Way) -> None:
    result = way.publisher(callback=True).send_sms("08123456789", 'Halo "é" / ✓ %d', id=77, lifetime=60)
    assert (result.code, result.reason, result.command) == ("0000", "", "send-sms")
    assert result.ok
    assert result.data["id"] == "77"
    assert result.data["modem"] == "Modem 1"
    assert way.device.outbox == [("08123456789", 'Halo "é" / ✓ %d')]
    data = way.device.seen[0]["data"]
    assert data["expiration"] == data["date_time"] + 60


def test_without_a_callback_the_fate_is_unknown_and_the_message_arrives(broker_way: Way) -> None:
    result = broker_way.publisher().send_sms("0812", "Halo")
    assert (result.code, result.reason) == ("1111", "published")
    assert result.unknown
    assert not result.ok
    wait_until(lambda: broker_way.device.outbox == [("0812", "Halo")], "the message")
    assert "callback_topic" not in broker_way.device.seen[0]


def test_a_code_is_made_and_checked_by_the_device(way: Way) -> None:
    publisher = way.publisher(callback=True)
    made = publisher.create_otp("0812", 1, "transfer-1", 60, "Code %s, 50% off", ["100", "200"])
    assert made.code == "0000"
    [(receiver, text)] = way.device.outbox
    found = re.fullmatch(r"Code (\d{6}), 50% off", text)
    assert receiver == "0812"
    assert found is not None
    data = way.device.seen[0]["data"]
    assert [data["param1"], data["param2"], data["param3"], data["param4"]] == ["100", "200", "", ""]

    wrong = "000000" if found[1] != "000000" else "111111"
    assert publisher.verify_otp("0812", wrong, "transfer-1", ["100", "200"]).code == "1202"
    assert publisher.verify_otp("0812", found[1], "transfer-1", ["100", "200"]).code == "0000"
    assert publisher.verify_otp("0812", found[1], "transfer-1", ["100", "200"]).code == "1202"


def test_a_code_the_publisher_manages_never_asks_the_device_to_check(way: Way, tmp_path: Path) -> None:
    publisher = way.publisher(manage_otp=True, cache_dir=str(tmp_path / "otp"))
    made = publisher.create_otp("0812", None, "transfer-2", 60, "Code %s", subject="Mail")
    assert made.command == "create-otp"
    assert made.code == ("1111" if way.is_broker else "0000")
    assert made.data["reference"] == "transfer-2"
    wait_until(lambda: way.device.outbox, "the message")
    code = way.device.outbox[0][1].removeprefix("Code ")
    assert publisher.create_otp("0812", None, "transfer-2", 60, "Code %s").code == "1201"
    assert publisher.verify_otp("62812", code, "transfer-2").code == "0000"
    assert publisher.verify_otp("0812", code, "transfer-2").code == "1202"
    assert [message["command"] for message in way.device.seen] == ["send-message"]


def test_a_managed_reference_is_free_again_when_the_device_refused(way: Way, tmp_path: Path) -> None:
    publisher = way.publisher(manage_otp=True, cache_dir=str(tmp_path), callback=True)
    way.device.blocked.add("0812")
    refused = publisher.create_otp("0812", None, "transfer-3", 60, "Code %s")
    assert (refused.code, refused.reason) == ("1102", "blocked")
    way.device.blocked.clear()
    assert publisher.create_otp("0812", None, "transfer-3", 60, "Code %s").code == "0000"


def test_numbers_are_blocked_and_unblocked(way: Way) -> None:
    publisher = way.publisher(callback=True)
    assert publisher.block_msisdn("0812").code == "0000"
    refused = publisher.send_message("0812", "Halo")
    assert (refused.code, refused.reason) == ("1102", "blocked")
    assert publisher.unblock_msisdn("0812").code == "0000"
    assert publisher.send_message("0812", "Halo").code == "0000"


def test_questions_are_answered_also_without_asking_for_a_callback(way: Way) -> None:
    publisher = way.publisher()
    assert publisher.get_modem_list().data["modem_list"] == MODEMS
    assert publisher.request_ussd("*123#", "modem1").data["ussd_response"] == "Your balance is 5"
    assert publisher.request("echo", {"anything": "comes back"}).data["anything"] == "comes back"


def test_mail_has_a_subject(way: Way) -> None:
    assert way.publisher(callback=True).send_email("a@example.com", "Hello", "Text").ok
    data = way.device.seen[0]["data"]
    assert (data["receiver"], data["subject"], data["message"]) == ("a@example.com", "Hello", "Text")


def test_a_device_that_stays_silent_costs_one_deadline(way: Way) -> None:
    way.device.mute = True
    result = way.publisher(timeout=2.0, callback=True).send_sms("0812", "Halo")
    assert (result.code, result.reason) == ("1111", "no_answer")
    assert way.device.outbox == [("0812", "Halo")]


def test_every_call_has_an_answer_topic_of_its_own(broker_way: Way) -> None:
    publisher = broker_way.publisher(callback=True, callback_delay=50)
    assert publisher.send_sms("0812", "one").ok
    assert publisher.send_sms("0812", "two").ok
    topics = [message["callback_topic"] for message in broker_way.device.seen]
    assert len(set(topics)) == 2
    assert [message["callback_delay"] for message in broker_way.device.seen] == [50, 50]


def test_parallel_calls_get_their_own_answers(way: Way) -> None:
    publisher = way.publisher(callback=True)

    def ask(number: int) -> Result:
        return publisher.request("echo", {"number": number})

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(16)))
    assert [result.data["number"] for result in results] == list(range(16))


def test_the_text_of_a_message_is_in_no_result_and_no_log(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    way.device.mute = True
    result = way.publisher(timeout=1.5, callback=True).send_sms("0812", "the-hidden-text")
    assert "the-hidden-text" not in json.dumps(result.as_dict())
    assert "the-hidden-text" not in caplog.text
