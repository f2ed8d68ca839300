"""Bytes to tokens: echo, prompt, news among answers, two lines that belong together."""

from __future__ import annotations

import pytest

from hw.at.codec import Answer, AtCodec, Final, News, Noise, Prompt, Token
from hw.at.vocabulary import Result

OK = Final(Result(True), "OK")
PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"


def read(raw: bytes, command: str | None = None, *, prompt: bool = False) -> list[Token]:
    codec = AtCodec()
    if command is not None:
        codec.expect(command, prompt=prompt)
    return codec.feed(raw)


def test_an_answer_and_its_final_result() -> None:
    assert read(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n", "AT+CSQ") == [Answer("+CSQ: 18,99"), OK]


@pytest.mark.parametrize("echo", [b"AT+CSQ\r", b"T+CSQ\r", b"+CSQ\r", b"Q\r", b"\x00\xffAT+CSQ\r"])
def test_the_echo_is_dropped_also_when_its_first_bytes_were_lost(echo: bytes) -> None:
    assert read(echo + b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n", "AT+CSQ") == [Answer("+CSQ: 18,99"), OK]


def test_the_prompt_needs_no_line_end() -> None:
    assert read(b"\r\n> ", "AT+CMGS=23", prompt=True) == [Prompt()]


def test_the_prompt_is_only_seen_where_one_is_expected() -> None:
    assert read(b"\r\n> \r\nOK\r\n", "AT+CSQ") == [Noise(">"), OK]


def test_news_between_the_prompt_and_the_reference() -> None:
    codec = AtCodec()
    codec.expect("AT+CMGS=23", prompt=True)
    assert codec.feed(b"AT+CMGS=23\r\r\n+CIEV: 7,1\r\n\r\n> ") == [News("+CIEV", "+CIEV: 7,1"), Prompt()]
    codec.expect_body(PDU)
    answer = PDU.encode() + b"\x1a\r\n^RSSI:12\r\n\r\n+CMGS: 7\r\n\r\nOK\r\n"
    assert codec.feed(answer) == [News("^RSSI", "^RSSI:12"), Answer("+CMGS: 7"), OK]


def test_a_call_that_ends_does_not_end_a_message() -> None:
    assert read(b"\r\nNO CARRIER\r\n\r\n+CMGS: 7\r\n\r\nOK\r\n", "AT+CMGS=23") == [
        News("NO CARRIER", "NO CARRIER"),
        Answer("+CMGS: 7"),
        OK,
    ]


@pytest.mark.parametrize("prefix", ["+CMT: ,24", "+CDS: 24", '+CMT: "a, b",24', "+CBM: 24"])
def test_news_of_two_lines_stay_together(prefix: str) -> None:
    raw = f"\r\n{prefix}\r\n{PDU}\r\n\r\nOK\r\n".encode()
    assert read(raw, "AT+CSQ") == [News(prefix[:4], prefix, PDU), OK]


def test_a_second_line_that_never_comes_does_not_swallow_the_final_result() -> None:
    assert read(b"\r\n+CMT: ,24\r\n\r\nOK\r\n", "AT+CSQ") == [News("+CMT", "+CMT: ,24"), OK]


def test_a_text_mode_message_may_say_ok() -> None:
    header = '+CMT: "+491711234567",,"24/05/16,09:30:12+08"'
    assert read(f"\r\n{header}\r\nOK\r\n".encode(), "AT+CSQ") == [News("+CMT", header, "OK")]


def test_a_listing_is_not_disturbed_by_an_arrival() -> None:
    raw = f'\r\n+CMGL: 0,1,,24\r\n{PDU}\r\n\r\n+CMTI: "SM",3\r\n+CMGL: 1,0,,24\r\n{PDU}\r\n\r\nOK\r\n'
    assert read(raw.encode(), "AT+CMGL=4") == [
        Answer("+CMGL: 0,1,,24"),
        Answer(PDU),
        News("+CMTI", '+CMTI: "SM",3'),
        Answer("+CMGL: 1,0,,24"),
        Answer(PDU),
        OK,
    ]


@pytest.mark.parametrize(
    ("command", "line", "is_answer"),
    [
        ("AT+CREG?", "+CREG: 0,1", True),
        ("AT+CREG?", '+CREG: 2,1,"84CD","00D30173"', True),
        ("AT+CREG?", "+CREG: 2", False),
        ("AT+CREG?", '+CREG: 1,"84CD","00D30173"', False),
        ("AT+CREG=1", "+CREG: 1", False),
        ("AT+CPIN?", "+CPIN: READY", True),
        ('AT+CPIN="1234"', "+CPIN: READY", False),
        ("AT+CUSD?", "+CUSD: 0", True),
        ('AT+CUSD=1,"*100#",15', '+CUSD: 0,"Rp 25.000",15', False),
        ("AT+CSQ", "+CSQ: 18,99", True),
        ("AT+COPS?", '+COPS: 0,0,"TSEL"', True),
        ("AT+CGSN", "490154203237518", True),
        ("AT+CGMR", "Revision:1418B05", True),
        ("AT+CICCID", "+ICCID: 8962100000000000017", True),
        ("AT+CSQ", "490154203237518", False),
        ("AT", "490154203237518", False),
    ],
)
def test_pending_command_and_arguments_tell_an_answer_from_news(
    command: str, line: str, is_answer: bool
) -> None:
    tokens = read(f"\r\n{line}\r\n\r\nOK\r\n".encode(), command)
    assert (tokens[0] == Answer(line)) == is_answer
    assert tokens[1:] == [OK]


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("ERROR", Result(False, "ERROR")),
        ("+CME ERROR: 14", Result(False, "CME", 14)),
        ("+CME ERROR: SIM busy", Result(False, "CME", "SIM busy")),
        ("+CMS ERROR: 500", Result(False, "CMS", 500)),
        ("COMMAND NOT SUPPORT", Result(False, "COMMAND NOT SUPPORT")),
        ("TOO MANY PARAMETERS", Result(False, "TOO MANY PARAMETERS")),
    ],
)
def test_refusals_in_numbers_and_in_words(line: str, result: Result) -> None:
    assert read(f"\r\n{line}\r\n".encode(), "AT+CMGF=0") == [Final(result, line)]


def test_a_final_result_without_a_question_is_noise() -> None:
    assert read(b"\r\nOK\r\n") == [Noise("OK")]


def test_an_error_number_as_long_as_a_line_is_kept_as_text() -> None:
    (token,) = read(b"+CME ERROR: " + b"9" * 5000 + b"\r", "AT+CSQ")
    assert isinstance(token, Final) and token.result.code == "9" * 5000


def test_a_ussd_text_runs_to_its_closing_quote() -> None:
    text = '+CUSD: 1,"Menu\r\n1. Balance\r\n\r\n2. \nOK\r\n3. Help",15'
    assert read(f"\r\nOK\r\n\r\n{text}\r\n".encode(), "AT+CUSD=1") == [OK, News("+CUSD", text)]


def test_a_ussd_text_whose_quote_is_lost_does_not_swallow_the_dialogue() -> None:
    tokens = read(b'\r\n+CUSD: 0,"no end\r\n\r\nOK\r\n', "AT+CSQ")
    assert tokens == [News("+CUSD", '+CUSD: 0,"no end'), OK]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    codec = AtCodec()
    for _ in range(100):
        codec.feed(b"x" * 4096)
    assert not codec.idle
    assert len(codec.feed(b"\r\n+CREG: 1\r\n")) == 2


def test_tokens_do_not_show_what_may_be_a_message() -> None:
    tokens = read(f"+CMT: ,24\r\n{PDU}\r\nsecret words\r\n".encode())
    assert PDU not in repr(tokens) and "secret" not in repr(tokens)
