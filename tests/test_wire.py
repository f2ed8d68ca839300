"""JSON in and out: written by hand here, and by a generator that knows no mercy."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import wire
from app.core import commands as core
from app.core.errors import BadRequest
from app.core.message import LedgerRow, State, Try
from app.core.replies import Reply


def one(body: bytes) -> core.Command:
    request = wire.parse(body)
    assert not request.batch
    (command,) = request.commands
    return command


def test_request_otp() -> None:
    body = b"""{"command":"request-otp","data":{"date_time":1800000000,"expiration":1800000060123,
      "reference":12345,"receiver":"08123456789","message":"Code %s","param1":7,"param2":" two ",
      "subject":"Your code","id":9,"report":true,"unknown":{"deep":[1]}},
      "callback_topic":"answers","callback_delay":"50"}"""
    request = wire.parse(body)
    assert (request.callback_topic, request.callback_delay) == ("answers", 50)
    assert request.commands == (
        core.RequestOtp(
            name="request-otp",
            reference="12345",
            receiver="08123456789",
            message="Code %s",
            subject="Your code",
            expiration=1800000060.123,
            date_time=1800000000.0,
            params=("7", "two", "", ""),
            id="9",
            report=True,
            echo={"reference": 12345, "receiver": "08123456789", "date_time": 1800000000},
        ),
    )


def test_verify_otp() -> None:
    body = b"""{"command":"validate-otp",
      "data":{"reference":" r ","msisdn":628123456789,"otp":12345,"param4":1.0}}"""
    assert one(body) == core.VerifyOtp(
        "validate-otp",
        "r",
        "628123456789",
        "12345",
        ("", "", "", "1"),
        None,
        {"reference": " r ", "receiver": 628123456789},
    )


@pytest.mark.parametrize("receiver", [b"receiver", b"msisdn", b"recipient"])
def test_three_words_for_the_receiver(receiver: bytes) -> None:
    body = b'{"command":"send-sms","data":{"' + receiver + b'":"0812345678","message":"x"}}'
    assert one(body) == core.SendSms("send-sms", "0812345678", "x")


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (
            b'{"command":"send-sms",'
            b'"data":{"id":1,"receiver":"1","message":" a ","expiration":"5","date_time":4.5}}',
            core.SendSms("send-sms", "1", " a ", "1", 5.0, 4.5),
        ),
        (
            b'{"command":"send-message","data":{"receiver":"a@b.example","message":"x","subject":"s"}}',
            core.SendEmail("send-message", "a@b.example", "x", "s"),
        ),
        (
            b'{"command":"send-mail","data":{"receiver":"a@b.example","message":"x"}}',
            core.SendEmail("send-mail", "a@b.example", "x"),
        ),
        (
            b'{"command":"block-msisdn","data":{"receiver":" 0812 "}}',
            core.BlockMsisdn("block-msisdn", "0812"),
        ),
        (b'{"command":"unblock-msisdn","data":{"msisdn":812}}', core.UnblockMsisdn("unblock-msisdn", "812")),
        (b'{"command":"get-modem-list","data":[]}', core.GetModemList("get-modem-list")),
        (
            b'{"command":"get-modem-list","data":{"date_time":7}}',
            core.GetModemList("get-modem-list", 7.0),
        ),
        (
            b'{"command":"request-ussd","data":{"modem_id":1,"ussd_code":"*123#"}}',
            core.RequestUssd("request-ussd", "1", "*123#"),
        ),
        (
            b'{"command":"echo","data":[1,"two"]}',
            core.Echo("echo", {"command": "echo", "data": [1, "two"]}),
        ),
        (b'{"command":"echo"}', core.Echo("echo", {"command": "echo"})),
        # What json_encode writes.
        (
            b'{"command":"send-sms","data":{"receiver":"1","message":"caf\\u00e9 \\/ \\ud83d\\ude00"}}',
            core.SendSms("send-sms", "1", "caf\u00e9 / \U0001f600"),
        ),
        # null is absent.
        (
            b'{"command":"send-sms","data":{"receiver":"1","message":"x","id":null,"expiration":null}}',
            core.SendSms("send-sms", "1", "x"),
        ),
    ],
)
def test_every_other_command(body: bytes, command: core.Command) -> None:
    assert one(body) == command


def test_byte_order_mark_trailing_commas_and_white_space() -> None:
    body = (
        b'\xef\xbb\xbf\r\n {"command":"send-sms", "data":{"receiver":"1","message":"a,} ,] \\",}",\n},\t}\n'
    )
    assert one(body) == core.SendSms("send-sms", "1", 'a,} ,] ",}')


def test_the_legacy_envelope() -> None:
    body = b"""{"command":"send-message","channel":"sms","data":[
      {"command":"block-msisdn","data":{"receiver":"1"}},
      {"receiver":"2","message":"x","id":5}]}"""
    request = wire.parse(body)
    assert request.batch
    assert request.commands == (
        core.BlockMsisdn("block-msisdn", "1"),
        core.SendSms("send-sms", "2", "x", "5"),
    )


def test_an_empty_envelope_is_a_batch_of_nothing() -> None:
    request = wire.parse(b'{"command":"send-message","channel":"sms","data":[]}')
    assert (request.batch, request.commands) == (True, ())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is not JSON"),
        (b"null", "the body is not a JSON object"),
        (b"[]", "the body is not a JSON object"),
        (b"{'command':'echo'}", "the body is not JSON"),
        (b'{"command":"echo"} x', "the body is not JSON"),
        (b'{"command":"echo",,}', "the body is not JSON"),
        (b'{"command":"echo","data":NaN}', "the body is not JSON"),
        (b'{"command":"echo","data":-Infinity}', "the body is not JSON"),
        (b'{"command":"echo","data":1e999}', "the body is not JSON"),
        (b'{"command":"echo","data":' + b"1" * 5000 + b"}", "the body is not JSON"),
        (b"\xc3\x28", "the body is not UTF-8"),
        (b"\xed\xa0\x80", "the body is not UTF-8"),
        (b"{}", "the field command is missing"),
        (b'{"command":null}', "the field command is missing"),
        (b'{"command":"Echo"}', "'Echo' is not a command"),
        (
            b'{"command":"echo","callback_delay":60001}',
            "the field callback_delay must be a number of milliseconds from 0 to 60000",
        ),
        (b'{"command":"block-msisdn","data":{}}', "the field receiver is missing"),
        (b'{"command":"block-msisdn","data":{"receiver":"  "}}', "the field receiver is empty"),
        (
            b'{"command":"block-msisdn","data":{"receiver":true}}',
            "the field receiver must be text or a whole number",
        ),
        (
            b'{"command":"block-msisdn","data":{"receiver":1.5}}',
            "the field receiver must be text or a whole number",
        ),
        (
            b'{"command":"block-msisdn","data":{"receiver":"' + b"1" * 257 + b'"}}',
            "the field receiver is longer than 256 characters",
        ),
        (
            b'{"command":"send-sms","data":{"receiver":"1","message":"\\ud800"}}',
            "the field message holds half of a surrogate pair, which is no character",
        ),
        (
            b'{"command":"send-sms","data":{"receiver":"1","message":"x","expiration":"soon"}}',
            "the field expiration must be a Unix time in seconds",
        ),
        (
            b'{"command":"send-sms","data":{"receiver":"1","message":"x","expiration":-1}}',
            "the field expiration must be a Unix time in seconds",
        ),
        (
            b'{"command":"send-sms","data":{"receiver":"a@b.example","message":"x"}}',
            "the receiver of an SMS is a telephone number, not a mail address",
        ),
        (
            b'{"command":"send-email","data":{"receiver":"0812","message":"x"}}',
            "the receiver of an e-mail is a mail address",
        ),
        (b'{"command":"send-sms","data":[1]}', "data holds something that is not an object"),
        (
            b'{"command":"echo2","data":[' + b"{}," * 501 + b"]}",
            "data holds more than 500 commands",
        ),
        (b'{"command":"echo","data":' + b"[" * 64 + b"]" * 64 + b"}", "the body is nested too deeply"),
        (b"[" * 65536, "the body is nested too deeply"),
        (b" " * 65537, "the body is larger than 65536 octets"),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest) as caught:
        wire.parse(body)
    assert str(caught.value) == sentence


def test_a_refusal_knows_which_command_it_was() -> None:
    with pytest.raises(BadRequest) as caught:
        wire.parse(b'{"command":"send-sms"}')
    assert caught.value.command == "send-sms"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    body = b'{"command":"send-sms","data":{"receiver":["secret"],"message":{"secret":1},"id":{"secret":2}}}'
    with pytest.raises(BadRequest) as caught:
        wire.parse(body)
    assert "secret" not in str(caught.value)


def test_brackets_inside_strings_are_no_depth() -> None:
    assert one(b'{"command":"echo","data":"' + b"[" * 1000 + b'"}')
    assert one(b'{"command":"echo","data":"\\"' + b"{" * 1000 + b'"}')
    assert one(b'{"command":"echo","data":' + b"[" * 63 + b"]" * 63 + b"}")
    assert one(b'{"command":"echo","data":[' + b"[]," * 999 + b"[]]}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b'\\"' * 32_000,
        b'"' * 65_001,
        b"," * 65_000,
        b", " * 32_000,
        b"{" + b'"a":1,' * 10_000,
        b'"\\' * 32_000,
        b"[" + b"\t" * 65_000 + b",",
    ],
)
def test_bodies_made_to_take_long_do_not(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(BadRequest):
        wire.parse(body)
    assert time.process_time() - began < 5  # the square of the length would take half a minute


def test_render() -> None:
    reply = Reply("send-sms", data={"id": "1", "modem": "ü"})
    good = b'{"command":"send-sms","response_code":"0000","data":{"id":"1","modem":"\\u00fc"}}'
    assert wire.render(reply) == good
    bad = Reply("echo", "1102", {}, "blocked", "it is blocked", duplicate=True)
    assert wire.render([bad]) == (
        b'[{"command":"echo","response_code":"1102","data":{},"reason":"blocked",'
        b'"error":"it is blocked","duplicate":true}]'
    )


def test_status() -> None:
    row = LedgerRow(
        seq=1,
        id="7",
        command="send-sms",
        owner="rest:shop",
        receiver="628123456789",
        state=State.FAILED,
        code="1102",
        reason="not_sent",
        error="the modem refused",
        modem="m2",
        name="Two",
        parts=2,
        accepted=1.5,
        finished=2.5,
        tries=(Try("m1", 2.0, "not_sent"),),
    )
    assert wire.status_json(row) == {
        "id": "7",
        "command": "send-sms",
        "state": "failed",
        "reason": "not_sent",
        "error": "the modem refused",
        "receiver": "62812*****89",
        "modem": "Two",
        "parts": 2,
        "accepted": 1.5,
        "finished": 2.5,
        "tries": [{"modem": "m1", "at": 2.0, "result": "not_sent"}],
    }


def understood_or_refused(body: bytes) -> None:
    try:
        request = wire.parse(body)
    except BadRequest:
        return
    for command in request.commands:
        if isinstance(command, core.Echo):
            answer = json.loads(wire.render(Reply(command.name, data=command.request)))
            assert answer["data"] == command.request


@pytest.mark.fuzz
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
def test_octets_are_understood_or_refused(body: bytes) -> None:
    understood_or_refused(body)


NAMES = st.sampled_from(
    [
        *("request-otp", "create-otp", "verify-otp", "send-sms", "send-email", "send-message"),
        *("block-msisdn", "unblock-msisdn", "get-modem-list", "request-ussd", "echo", "nonsense"),
    ]
)
FIELDS = st.sampled_from(
    [
        *("reference", "receiver", "msisdn", "recipient", "message", "subject", "expiration", "date_time"),
        *("param1", "otp", "id", "report", "modem_id", "ussd_code", "command", "data"),
        *("callback_topic", "callback_delay"),
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text("0123456789+@ ."))
# Small trees: many of them find more than a few large ones in the same time.
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
DATA = st.dictionaries(FIELDS, VALUES, max_size=6)
MESSAGES = st.fixed_dictionaries(
    {"command": NAMES | VALUES, "data": DATA | st.lists(DATA, max_size=2) | VALUES},
    optional={"callback_topic": VALUES, "callback_delay": VALUES, "channel": st.just("sms") | VALUES},
)


@pytest.mark.fuzz
@given(MESSAGES | VALUES)
def test_json_is_understood_or_refused(message: Any) -> None:
    understood_or_refused(json.dumps(message).encode())


@pytest.mark.fuzz
@given(MESSAGES, st.data())
def test_torn_json_is_understood_or_refused(message: Any, data: st.DataObject) -> None:
    octets = bytearray(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, len(octets)))
        width = data.draw(st.integers(0, 3))
        octets[where : where + width] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b",", b"}", b'"', b"["])
        )
    understood_or_refused(bytes(octets))
