"""Generated input: no bytes raise, and how they are cut up changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.at import replies, stored, textmode
from hw.at.codec import Answer, AtCodec, Final, News, Token
from hw.at.command import checked, quoted
from hw.at.masking import safe, shown
from hw.errors import UnsafeCommand
from hw.gsm import ussd
from hw.gsm.news import event_of

pytestmark = pytest.mark.fuzz

PIECES = [
    b"\r\n", b"\r", b"\n", b"OK", b"ERROR", b"> ", b">", b"\x1a", b"\x1b", b"\x00", b"\xff", b",", b"(", b")",
    b" ", b"+CMT: ,24", b"+CMT:", b"+CDS: 25", b'+CMTI: "SM",1', b'+CUSD: 0,"', b'",15', b'"', b"+CREG: 1",
    b'+CREG: 2,1,"84CD"', b"+CSQ: 18,99", b"+CMGS: 7", b"RING", b"+CME ERROR: 14", b"+CMS ERROR:",
    b"AT+CMGS=23", b"T+CSQ", b"0791448720003023", b'+COPS: (1,"a","b","26201",7)', b"+CPMS: ((",
    b"+CNMI: (0-99999999),(",
]  # fmt: skip
WIRE = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=40).map(b"".join)
COMMANDS = st.sampled_from(
    ["AT", "ATI", "AT+CSQ", "AT+CREG?", "AT+CMGS=23", "AT+CMGL=4", "AT+CUSD=1", "AT+CPIN?", "AT+CGSN", "AT+X"]
)


def _codec(command: str | None, prompt: bool) -> AtCodec:
    codec = AtCodec()
    if command is not None:
        codec.expect(command, prompt=prompt)
    return codec


@given(WIRE, st.none() | COMMANDS, st.booleans(), st.data())
def test_cutting_the_bytes_up_changes_nothing(
    wire: bytes, command: str | None, prompt: bool, data: st.DataObject
) -> None:
    whole = _codec(command, prompt).feed(wire)
    codec = _codec(command, prompt)
    tokens: list[Token] = []
    position = 0
    while position < len(wire):
        step = data.draw(st.integers(1, 9))
        tokens += codec.feed(wire[position : position + step])
        position += step
    assert tokens == whole


@given(st.binary(max_size=400), st.none() | COMMANDS, st.booleans())
def test_no_bytes_raise(wire: bytes, command: str | None, prompt: bool) -> None:
    for token in _codec(command, prompt).feed(wire):
        shown(token)
        if isinstance(token, News):
            event_of(token)


@given(WIRE)
def test_no_answer_raises_in_a_parser(wire: bytes) -> None:
    tokens = _codec("AT+X", False).feed(wire + b"\r")
    lines = [token.text for token in tokens if isinstance(token, Answer | News | Final)]
    lines += [wire.decode("latin-1")]
    for parse in (
        replies.signal, replies.registration, replies.operator, replies.networks, replies.sim_state,
        replies.iccid, replies.imei, replies.imsi, replies.free_text, replies.own_numbers, replies.smsc,
        replies.stores, replies.supported_stores, replies.charsets, replies.lock_status, replies.tries_left,
        stored.reference, stored.listing, stored.message, textmode.listing,
    ):  # fmt: skip
        parse(lines)
    replies.supported_numbers(lines, "+CNMI")
    for line in lines:
        textmode.report(line)
        ussd.read(replies.ussd(line))
        stored.place(line)


@given(st.text(max_size=40))
def test_a_quoted_parameter_stays_one_parameter(text: str) -> None:
    try:
        command = f"AT+X={quoted(text)}"
    except UnsafeCommand:
        return
    assert checked(command) == command
    assert command.count('"') == 2 and "\r" not in command and "\x1a" not in command
    safe(command)


@given(st.binary(max_size=60), st.none() | st.integers(0, 255), st.sampled_from([None, "GSM", "IRA", "UCS2"]))
def test_no_ussd_text_raises(octets: bytes, dcs: int | None, charset: str | None) -> None:
    ussd.text_of(octets.hex(), dcs, charset)
    ussd.text_of(octets.decode("latin-1"), dcs, charset)
