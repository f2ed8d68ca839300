"""What a caller sees: one reply a command, sent once, failed over, refused with a reason."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.core.commands import (
    BlockMsisdn,
    Echo,
    GetModemList,
    RequestOtp,
    SendEmail,
    SendSms,
    Source,
    UnblockMsisdn,
    VerifyOtp,
)
from app.core.errors import NotSent, QueueFull, StorageFailed, UnknownOutcome
from app.core.intake import Rules
from app.core.message import State
from app.core.recovery import recover
from app.core.replies import Reply
from app.core.routing import Lane
from tests.house import HandClock, House

REST = Source("rest", "alice")
AMQP = Source("amqp")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def result(answer: Future[Reply]) -> Reply:
    return answer.result(timeout=20)


def sms(number: str = "0812 3456 7890", text: str = "hello", **more: object) -> SendSms:
    return SendSms("send-sms", number, text, **more)  # type: ignore[arg-type]


def otp(reference: str = "r1", **more: object) -> RequestOtp:
    fields: dict[str, object] = {
        "receiver": "081234567890",
        "message": "Code %s",
        "echo": {"reference": reference},
    }
    return RequestOtp("request-otp", reference, **(fields | more))  # type: ignore[arg-type]


def check(code: str, reference: str = "r1", receiver: str = "+62 812-3456-7890", **more: object) -> VerifyOtp:
    return VerifyOtp("verify-otp", reference, receiver, code, **more)  # type: ignore[arg-type]


def test_an_sms_goes_out_and_the_answer_names_the_modem(house: House) -> None:
    answer = house.gateway.handle(sms(id="17"), REST)
    assert house.fleet.send_next() == "hello"
    reply = result(answer)
    assert reply.code == "0000"
    assert reply.data == {"id": "17", "modemID": "m1", "modem": "M1", "parts": 1, "result": "sent"}
    row = house.ledger.find("rest:alice", "17")
    assert row is not None and row.state is State.SENT and row.receiver == "6281234567890"


def test_the_answer_waits_for_the_outcome(house: House) -> None:
    answer = house.gateway.handle(sms(), REST)
    assert not answer.done()
    house.fleet.send_next()
    assert result(answer).ok


def test_failover_to_the_next_modem_when_nothing_was_sent(house: House) -> None:
    answer = house.gateway.handle(sms(id="1"), REST)
    first, job = house.fleet.take()
    job.begin()
    job.refused(NotSent("One did not take it"))
    second, job = house.fleet.take()
    assert {first, second} == {"m1", "m2"}
    job.begin()
    job.refused(NotSent("Two did not take it either"))
    reply = result(answer)
    assert (reply.code, reply.reason, reply.error) == ("1102", "not_sent", "Two did not take it either")
    row = house.ledger.find("rest:alice", "1")
    assert row is not None and [one.modem for one in row.tries] == [first, second]


def test_no_other_modem_tries_once_the_outcome_is_unknown(house: House) -> None:
    answer = house.gateway.handle(sms(), REST)
    _, job = house.fleet.take()
    job.begin()
    job.unknown(UnknownOutcome("One went silent"))
    assert house.fleet.jobs == []
    reply = result(answer)
    assert (reply.code, reply.reason) == ("1102", "unknown_outcome")


def test_a_full_queue_is_passed_over(house: House) -> None:
    house.fleet.refusing["m1"] = house.fleet.refusing["m2"] = QueueFull("full")
    assert result(house.gateway.handle(sms(), REST)).reason == "queue_full"


def test_without_a_modem_the_answer_is_1101_at_once(house: House) -> None:
    house.fleet.open_lanes = []
    reply = result(house.gateway.handle(sms(), REST))
    assert (reply.code, reply.reason) == ("1101", "no_device")


def test_a_message_waits_for_a_modem_that_is_coming_up(house: House) -> None:
    house.fleet.open_lanes = []
    house.fleet.coming_up = True
    answer = house.gateway.handle(sms(), REST)
    house.delivery.tick()
    assert not answer.done()
    house.fleet.open_lanes = [Lane("m1", "One")]
    house.delivery.tick()
    house.fleet.send_next()
    assert result(answer).ok


def test_nobody_waits_for_ever_for_a_modem_that_is_coming_up(house: House) -> None:
    house.fleet.open_lanes = []
    house.fleet.coming_up = True
    answer = house.gateway.handle(sms(), REST)
    house.clock.advance(16)
    house.delivery.tick()
    assert result(answer).code == "1101"


def test_a_message_that_cannot_go_out_in_time_is_refused_with_the_wait(house: House) -> None:
    house.fleet.open_lanes = [Lane("m1", "One", wait=90.0)]
    reply = result(house.gateway.handle(sms(expiration=house.clock.wall() + 60), REST))
    assert (reply.code, reply.reason) == ("1102", "too_late")
    assert "90 s" in reply.error
    assert house.fleet.jobs == []


def test_a_message_that_expires_in_the_queue_is_dropped(house: House) -> None:
    answer = house.gateway.handle(sms(expiration=house.clock.wall() + 60), REST)
    _, job = house.fleet.take()
    assert not job.overdue()
    house.clock.advance(61)
    assert job.overdue()
    job.expire()
    assert result(answer).code == "1203"


def test_an_expired_message_is_not_sent(house: House) -> None:
    reply = result(house.gateway.handle(sms(expiration=house.clock.wall() - 1), REST))
    assert (reply.code, reply.reason) == ("1203", "expired")
    old = house.clock.wall() - 301
    assert result(house.gateway.handle(sms(date_time=old), REST)).code == "1203"
    assert house.fleet.jobs == []


def test_nothing_is_dropped_while_the_clock_was_never_set(house: House) -> None:
    house.clock.trusted = False
    answer = house.gateway.handle(sms(expiration=1.0), REST)
    house.fleet.send_next()
    assert result(answer).ok


def test_nothing_is_dropped_with_drop_expired_off(tmp_path: Path) -> None:
    house = House(tmp_path, rules=Rules(drop_expired=False))
    answer = house.gateway.handle(sms(expiration=1.0), REST)
    house.fleet.send_next()
    assert result(answer).ok
    house.close()


def test_a_wall_clock_step_expires_nothing(house: House) -> None:
    answer = house.gateway.handle(sms(expiration=house.clock.wall() + 60), REST)
    house.clock.step_wall(3600)
    _, job = house.fleet.take()
    assert not job.overdue()
    job.begin()
    job.refused(NotSent("no"))
    house.fleet.send_next()
    assert result(answer).ok


def test_the_same_id_number_and_text_are_sent_once(house: House) -> None:
    first = house.gateway.handle(sms(id="9"), REST)
    repeat = house.gateway.handle(sms("+6281234567890", id="9"), AMQP)
    assert len(house.fleet.jobs) == 1
    house.fleet.send_next()
    assert not result(first).duplicate
    assert result(repeat).ok and result(repeat).duplicate
    later = result(house.gateway.handle(sms(id="9"), REST))
    assert later.ok and later.duplicate and later.data["modem"] == "M1"
    assert house.fleet.jobs == []


def test_one_id_may_belong_to_different_messages(house: House) -> None:
    answers = [
        house.gateway.handle(sms(id="9"), REST),
        house.gateway.handle(sms(id="9", text="other"), REST),
        house.gateway.handle(sms("0812 3456 7891", id="9"), REST),
    ]
    for _ in range(3):
        house.fleet.send_next()
    assert [result(answer).duplicate for answer in answers] == [False, False, False]


def test_without_an_id_only_a_redelivery_is_recognised(house: House) -> None:
    first = house.gateway.handle(sms(), AMQP)
    second = house.gateway.handle(sms(), AMQP)
    house.fleet.send_next()
    house.fleet.send_next()
    assert result(first).ok and result(second).ok
    again = result(house.gateway.handle(sms(), Source("amqp", redelivered=True)))
    assert again.ok and again.duplicate


def test_a_repeat_after_the_window_is_a_new_message(house: House) -> None:
    first = house.gateway.handle(sms(id="9"), REST)
    house.fleet.send_next()
    result(first)
    house.clock.advance(601)
    second = house.gateway.handle(sms(id="9"), REST)
    house.fleet.send_next()
    assert not result(second).duplicate


def test_a_repeat_after_a_known_failure_is_a_new_try(house: House) -> None:
    lanes, house.fleet.open_lanes = house.fleet.open_lanes, []
    assert result(house.gateway.handle(sms(id="9"), REST)).code == "1101"
    house.fleet.open_lanes = lanes
    second = house.gateway.handle(sms(id="9"), REST)
    house.fleet.send_next()
    assert result(second).ok and not result(second).duplicate


def test_a_message_whose_past_could_not_be_looked_up_does_not_keep_its_repeats_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StorageFailed("the state database cannot be read")

    monkeypatch.setattr(house.ledger, "recall", broken)
    assert result(house.gateway.handle(sms(id="a1"), REST)).reason == "storage"
    monkeypatch.undo()
    again = house.gateway.handle(sms(id="a1"), REST)
    house.fleet.send_next()
    assert result(again).ok and not result(again).duplicate


def test_a_repeat_of_an_unknown_outcome_is_never_sent(house: House) -> None:
    first = house.gateway.handle(sms(id="9"), REST)
    _, job = house.fleet.take()
    job.begin()
    job.unknown(UnknownOutcome("silence"))
    result(first)
    repeat = result(house.gateway.handle(sms(id="9"), REST))
    assert repeat.reason == "unknown_outcome" and repeat.duplicate
    assert house.fleet.jobs == []


def test_a_code_is_sent_and_verified_once(house: House) -> None:
    answer = house.gateway.handle(otp(), REST)
    text = house.fleet.send_next()
    assert re.fullmatch(r"Code \d{6}", text)
    assert result(answer).ok and result(answer).data == {"reference": "r1"}
    code = text.removeprefix("Code ")
    assert result(house.gateway.handle(check(code), REST)).code == "0000"
    used = result(house.gateway.handle(check(code), REST))
    assert (used.code, used.reason) == ("1202", "invalid_otp")


@pytest.mark.parametrize(
    "receiver", ["081234567890", "+6281234567890", "62 812-3456-7890", "(0812) 3456.7890"]
)
def test_all_ways_to_write_a_number_are_one_receiver(house: House, receiver: str) -> None:
    house.gateway.handle(otp(), REST)
    code = house.fleet.send_next().removeprefix("Code ")
    assert result(house.gateway.handle(check(code, receiver=receiver), REST)).ok


def test_a_code_is_bound_to_its_parameters(house: House) -> None:
    house.gateway.handle(otp(params=("a", "", "", "d")), REST)
    code = house.fleet.send_next().removeprefix("Code ")
    assert result(house.gateway.handle(check(code, params=("a", "", "", "x")), REST)).code == "1202"
    assert result(house.gateway.handle(check(code, params=("a", "", "", "d")), REST)).code == "0000"


def test_a_living_reference_is_a_duplicate(house: House) -> None:
    house.gateway.handle(otp(), REST)
    house.fleet.send_next()
    reply = result(house.gateway.handle(otp(), REST))
    assert (reply.code, reply.reason) == ("1201", "duplicated")
    assert house.fleet.jobs == []


def test_a_reference_whose_sending_failed_is_free_again(house: House) -> None:
    lanes, house.fleet.open_lanes = house.fleet.open_lanes, []
    assert result(house.gateway.handle(otp(), REST)).code == "1101"
    house.fleet.open_lanes = lanes
    answer = house.gateway.handle(otp(), REST)
    house.fleet.send_next()
    assert result(answer).ok


def test_a_reference_with_an_unknown_outcome_stays_alive(house: House) -> None:
    answer = house.gateway.handle(otp(), REST)
    _, job = house.fleet.take()
    code = job.message.text.removeprefix("Code ")
    job.begin()
    job.unknown(UnknownOutcome("silence"))
    assert result(answer).reason == "unknown_outcome"
    assert result(house.gateway.handle(check(code), REST)).ok


def test_five_wrong_codes_kill_a_reference(house: House) -> None:
    house.gateway.handle(otp(), REST)
    code = house.fleet.send_next().removeprefix("Code ")
    wrong = "000000" if code != "000000" else "111111"
    replies = [result(house.gateway.handle(check(wrong), REST)) for _ in range(5)]
    assert [reply.reason for reply in replies] == ["invalid_otp"] * 4 + ["locked"]
    dead = result(house.gateway.handle(check(code), REST))
    assert (dead.code, dead.reason) == ("1202", "locked")


def test_an_expired_code_answers_1203(house: House) -> None:
    house.gateway.handle(otp(expiration=house.clock.wall() + 30), REST)
    code = house.fleet.send_next().removeprefix("Code ")
    house.clock.advance(31)
    assert result(house.gateway.handle(check(code), REST)).code == "1203"


def test_an_expiration_in_the_past_sends_nothing(house: House) -> None:
    assert result(house.gateway.handle(otp(expiration=house.clock.wall() - 1), REST)).code == "1203"
    assert house.fleet.jobs == []


def test_a_code_that_cannot_be_stored_is_not_sent_and_leaves_nothing_behind(house: House) -> None:
    class Broken:
        def issue(self, *_: object) -> bool:
            raise OSError("the store is away")

    store, house.intake.otp._store = house.intake.otp._store, Broken()  # type: ignore[assignment]
    reply = result(house.gateway.handle(otp(id="9"), REST))
    assert (reply.code, reply.reason) == ("1102", "storage")
    assert house.fleet.jobs == []
    assert house.gateway.take(otp(id="9"), REST).reason == "storage"
    house.intake.otp._store = store
    answer = house.gateway.handle(otp(id="9"), REST)
    house.fleet.send_next()
    assert result(answer).ok and not result(answer).duplicate


@pytest.mark.parametrize("template", ["no place", "%s and %s", ""])
def test_the_message_needs_exactly_one_place(house: House, template: str) -> None:
    reply = result(house.gateway.handle(otp(message=template), REST))
    assert (reply.code, reply.reason) == ("1102", "bad_request")


def test_the_message_is_not_a_format_string(house: House) -> None:
    house.gateway.handle(otp(message="50% off {} %d: %s"), REST)
    assert re.fullmatch(r"50% off \{\} %d: \d{6}", house.fleet.send_next())


def test_a_blocked_number_is_refused_on_every_path(house: House) -> None:
    assert result(house.gateway.handle(BlockMsisdn("block-msisdn", "0812 3456 7890"), REST)).data == {
        "receiver": "6281234567890"
    }
    for command in (sms(), otp()):
        reply = result(house.gateway.handle(command, REST))
        assert (reply.code, reply.reason) == ("1102", "blocked")
        assert "6281234567890" not in reply.error
    result(house.gateway.handle(UnblockMsisdn("unblock-msisdn", "+6281234567890"), REST))
    answer = house.gateway.handle(sms(), REST)
    house.fleet.send_next()
    assert result(answer).ok


@pytest.mark.parametrize("number", ["", "abc", "0812;AT", "12", "+" + "9" * 20, "081\r\nAT+CMGD=1"])
def test_what_is_no_number_is_refused(house: House, number: str) -> None:
    reply = result(house.gateway.handle(sms(number), REST))
    assert (reply.code, reply.reason) == ("1102", "bad_request")
    assert "\r" not in reply.error and "\n" not in reply.error


def test_mail_without_an_account_says_so(house: House) -> None:
    reply = result(house.gateway.handle(SendEmail("send-email", "a@b.example", "hi"), REST))
    assert (reply.code, reply.reason) == ("1102", "mail_failed")


def test_echo_and_the_list_of_modems(house: House) -> None:
    assert result(house.gateway.handle(Echo("echo", {"command": "echo", "data": {"x": 1}}), REST)).data == {
        "command": "echo",
        "data": {"x": 1},
    }
    listed = result(house.gateway.handle(GetModemList("get-modem-list"), REST)).data
    assert set(listed["modem_list"]) == {"m1", "m2"}


def test_several_commands_keep_their_order(house: House) -> None:
    answers = house.gateway.handle_all([sms(text="one"), sms("nonsense"), sms(text="two")], REST)
    texts = [house.fleet.send_next(), house.fleet.send_next()]
    replies = answers.result(timeout=20)
    assert texts == ["one", "two"]
    assert [reply.code for reply in replies] == ["0000", "1102", "0000"]


def test_respond_async_is_accepted_and_asked_for_later(house: House) -> None:
    reply = house.gateway.take(sms(), REST)
    assert reply.code == "0000" and reply.data["state"] == "queued"
    message_id = reply.data["id"]
    row = house.gateway.status(REST, message_id)
    assert row is not None and row.state is State.QUEUED
    assert house.gateway.status(Source("rest", "mallory"), message_id) is None
    house.fleet.send_next()
    house.database.submit(lambda connection: None).wait()
    row = house.gateway.status(REST, message_id)
    assert row is not None and row.state is State.SENT
    assert house.spool.kept() == {}


def test_respond_async_refuses_at_once_what_it_can(house: House) -> None:
    assert house.gateway.take(sms("nonsense"), REST).reason == "bad_request"
    assert house.gateway.take(otp(), REST).ok
    assert house.gateway.take(otp(), REST).code == "1201"


def reopened(house: House, folder: Path, clock: HandClock) -> House:
    """The same files in the hands of a new process."""
    house.close()
    again = House(folder, clock)
    recover(again.ledger, again.spool, again.intake, again.clock)
    again.database.submit(lambda connection: None).wait()
    return again


def test_after_a_crash_what_a_modem_had_is_unknown_and_never_repeated(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.gateway.handle(sms(id="9"), REST)
    _, job = house.fleet.take()
    job.begin()
    job.confirm()
    house = reopened(house, tmp_path, house.clock)
    row = house.gateway.status(REST, "9")
    assert row is not None and row.state is State.UNKNOWN
    repeat = result(house.gateway.handle(sms(id="9"), REST))
    assert repeat.reason == "unknown_outcome" and repeat.duplicate
    house.close()


def test_doors_open_when_what_was_left_open_is_on_record(tmp_path: Path) -> None:
    """A broker gives a message again right after the start: its reference must be free by then."""
    house = House(tmp_path)
    house.gateway.handle(otp(id="9"), REST)
    house.close()
    house = House(tmp_path, house.clock)
    close = house.ledger.close
    slowly = lambda *outcome: threading.Timer(0.3, close, outcome).start()  # noqa: E731
    house.ledger.close = slowly  # type: ignore[method-assign]
    recover(house.ledger, house.spool, house.intake, house.clock)
    row = house.gateway.status(REST, "9")
    assert row is not None and row.state is State.LOST
    house.close()


def test_after_a_crash_what_only_waited_is_lost_and_its_reference_is_free(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.gateway.handle(otp(id="9"), REST)
    house = reopened(house, tmp_path, house.clock)
    row = house.gateway.status(REST, "9")
    assert row is not None and (row.state, row.reason) == (State.LOST, "lost")
    answer = house.gateway.handle(otp(id="9"), REST)
    house.fleet.send_next()
    assert result(answer).ok and not result(answer).duplicate
    house.close()


def test_after_a_crash_what_was_accepted_goes_on_its_way(tmp_path: Path) -> None:
    house = House(tmp_path)
    accepted = house.gateway.take(otp(id="9"), REST)
    assert accepted.ok
    house = reopened(house, tmp_path, house.clock)
    repeat = house.gateway.handle(otp(id="9"), REST)
    code = house.fleet.send_next().removeprefix("Code ")
    assert house.fleet.jobs == []
    assert result(repeat).duplicate
    assert result(house.gateway.handle(check(code), REST)).ok
    house.close()
