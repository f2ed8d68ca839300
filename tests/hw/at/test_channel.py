"""The dialogue over a port whose other end the test plays by hand."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from hw.at.channel import AtChannel, Reply
from hw.at.codec import News
from hw.at.command import patience
from hw.at.masking import safe
from hw.errors import AtError, AtTimeout, OutcomeUnknown, PortLost, UnsafeCommand
from hw.gsm.dialects import GENERIC, dialects
from hw.ports import open_port

PATIENCE = 20.0
PDU = "0011000B912618000000100000AA0341E110"
T = TypeVar("T")


@dataclass
class Desk:
    """The channel under test, and the far end of its line."""

    channel: AtChannel
    far: int
    news: list[News] = field(default_factory=list)
    listeners: list[Callable[[News], object]] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    def doing(self, work: Callable[[], T]) -> Future[T]:
        return self.pool.submit(work)

    def hears(self, ending: bytes) -> bytes:
        """What the channel wrote, up to an ending."""
        heard = b""
        while not heard.endswith(ending):
            ready, _, _ = select.select([self.far], [], [], PATIENCE)
            assert ready, f"heard only {heard!r}"
            heard += os.read(self.far, 1)
        return heard

    def says(self, data: bytes) -> None:
        os.write(self.far, data)


@pytest.fixture
def desk() -> Iterator[Desk]:
    far, near = os.openpty()
    tty.setraw(near)
    news: list[News] = []
    listeners: list[Callable[[News], object]] = [news.append]

    def hear(item: News) -> None:
        for listener in listeners:
            listener(item)

    channel = AtChannel(open_port(os.ttyname(near)), on_news=hear, name="desk")
    desk = Desk(channel, far, news, listeners)
    yield desk
    channel.close()
    desk.pool.shutdown()
    os.close(near)
    os.close(far)


def test_a_question_and_its_answer(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.ask("AT+CSQ"))
    assert desk.hears(b"\r") == b"AT+CSQ\r"
    desk.says(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE) == Reply("AT+CSQ", ("+CSQ: 18,99",))


def test_a_port_has_one_reading_thread_that_ends_with_it(desk: Desk) -> None:
    def readers() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "at-desk"]

    assert len(readers()) == 1
    desk.channel.close()
    assert readers() == []


def test_lines_that_nobody_knows_go_to_a_ring_and_stop_nothing(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.ask("AT+CSQ"))
    desk.hears(b"\r")
    for number in range(300):
        desk.says(f"\r\nstrange words {number}\r\n".encode())
    desk.says(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE).lines == ("+CSQ: 18,99",)
    assert desk.channel.unknown[-1] == "strange words 299"
    assert len(desk.channel.unknown) < 300


def test_a_refusal_names_the_command_and_the_code(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.ask("AT+CMGF=0"))
    desk.hears(b"\r")
    desk.says(b"\r\n+CMS ERROR: 310\r\n")
    with pytest.raises(AtError) as refusal:
        reply.result(PATIENCE)
    assert (refusal.value.command, refusal.value.kind, refusal.value.code) == ("AT+CMGF=0", "CMS", 310)


def test_one_question_at_a_time(desk: Desk) -> None:
    first = desk.doing(lambda: desk.channel.ask("AT+CSQ"))
    assert desk.hears(b"\r") == b"AT+CSQ\r"
    second = desk.doing(lambda: desk.channel.ask("AT+CIMI"))
    assert not select.select([desk.far], [], [], 0.1)[0]
    desk.says(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert first.result(PATIENCE).lines == ("+CSQ: 18,99",)
    assert desk.hears(b"\r") == b"AT+CIMI\r"
    desk.says(b"\r\n510100000000001\r\n\r\nOK\r\n")
    assert second.result(PATIENCE).lines == ("510100000000001",)


def test_the_body_waits_for_the_prompt(desk: Desk) -> None:
    gate = threading.Event()
    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU, before_body=gate.set))
    assert desk.hears(b"\r") == b"AT+CMGS=17\r"
    desk.says(b"\r\n+CIEV: 2,4\r\n")
    assert not select.select([desk.far], [], [], 0.1)[0]
    assert not gate.is_set()
    desk.says(b"\r\n> ")
    assert desk.hears(b"\x1a") == PDU.encode() + b"\x1a"
    assert gate.is_set()
    desk.says(b"\r\n+CMGS: 7\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE).lines == ("+CMGS: 7",)
    assert [item.text for item in desk.news] == ["+CIEV: 2,4"]


def test_an_ok_that_belongs_to_something_else_is_no_reference(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU))
    desk.hears(b"\r")
    desk.says(b"\r\n> ")
    desk.hears(b"\x1a")
    desk.says(b"\r\nOK\r\n\r\n+CMGS: 9\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE).lines == ("+CMGS: 9",)


def test_an_ok_without_a_reference_is_an_unknown_outcome(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU, timeout=0.5))
    desk.hears(b"\r")
    desk.says(b"\r\n> ")
    desk.hears(b"\x1a")
    desk.says(b"\r\nOK\r\n")
    with pytest.raises(OutcomeUnknown):
        reply.result(PATIENCE)


def test_a_prompt_that_was_taken_back_gets_no_body(desk: Desk) -> None:
    def slow() -> None:
        desk.says(b"\r\n+CMS ERROR: 512\r\n\r\nRING\r\n")
        assert heard.wait(PATIENCE)

    heard = threading.Event()
    desk.listeners.append(lambda news: heard.set())
    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU, before_body=slow))
    desk.hears(b"\r")
    desk.says(b"\r\n> ")
    with pytest.raises(AtError, match="512"):
        reply.result(PATIENCE)
    assert not select.select([desk.far], [], [], 0.1)[0]


def test_the_reference_of_an_earlier_message_is_neither_prompt_nor_answer(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU))
    desk.hears(b"\r")
    desk.says(b"\r\n+CMGS: 5\r\n\r\nOK\r\n")
    assert not select.select([desk.far], [], [], 0.1)[0]
    desk.says(b"\r\n> ")
    desk.hears(b"\x1a")
    desk.says(b"\r\n+CMGS: 6\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE).lines == ("+CMGS: 6",)
    assert [item.text for item in desk.news] == ["+CMGS: 5"]


def test_an_exception_before_the_body_leaves_the_prompt(desk: Desk) -> None:
    def full() -> None:
        raise OSError("disk full")

    reply = desk.doing(lambda: desk.channel.submit("AT+CMGS=17", PDU, before_body=full))
    desk.hears(b"\r")
    desk.says(b"\r\n> ")
    assert desk.hears(b"\x1b") == b"\x1b"
    desk.says(b"\r\nOK\r\n")
    with pytest.raises(OSError, match="disk full"):
        reply.result(PATIENCE)
    assert not desk.channel.dirty


def test_after_silence_it_gets_back_in_step_before_it_asks_again(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.ask("AT+COPS=?", 0.2))
    assert desk.hears(b"\r") == b"AT+COPS=?\r"
    with pytest.raises(AtTimeout):
        reply.result(PATIENCE)
    again = desk.doing(lambda: desk.channel.ask("AT+CSQ"))
    assert desk.hears(b"\r") == b"\x1b\x1b\r"
    assert desk.hears(b"\r") == b"AT+CMGF?\r"
    desk.says(b"\r\nOK\r\n")  # of the old question: it carries no +CMGF
    desk.says(b"\r\n+CMGF: 0\r\n\r\nOK\r\n")
    assert desk.hears(b"\r") == b"AT+CSQ\r"
    desk.says(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert again.result(PATIENCE).lines == ("+CSQ: 18,99",)


def test_a_modem_without_sim_that_refuses_the_probe_is_in_step_too(desk: Desk) -> None:
    reply = desk.doing(desk.channel.resync)
    for _ in range(2):
        desk.hears(b"AT+CMGF?\r")
        desk.says(b"\r\n+CMS ERROR: 310\r\n")
    assert reply.result(PATIENCE).lines == ()


def test_knocking_ends_when_nobody_answers(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.knock(tries=2, patience=0.1))
    with pytest.raises(AtTimeout, match="baud rate"):
        reply.result(PATIENCE)
    assert desk.hears(b"ATQ0V1\r").count(b"AT\r") == 2


def test_a_lost_port_ends_the_question(desk: Desk) -> None:
    reply = desk.doing(lambda: desk.channel.ask("AT+CSQ"))
    desk.hears(b"\r")
    desk.channel.close()
    with pytest.raises(PortLost):
        reply.result(PATIENCE)
    with pytest.raises(PortLost, match="closed"):
        desk.channel.ask("AT")


def test_a_listener_that_fails_does_not_stop_the_reader() -> None:
    far, near = os.openpty()
    tty.setraw(near)

    def failing(news: News) -> None:
        raise RuntimeError("a bug elsewhere")

    channel = AtChannel(open_port(os.ttyname(near)), on_news=failing, name="failing")
    os.write(far, b"\r\nRING\r\n")
    desk = Desk(channel, far)
    reply = desk.doing(lambda: channel.ask("AT+CSQ"))
    desk.hears(b"\r")
    os.write(far, b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert reply.result(PATIENCE).lines == ("+CSQ: 18,99",)
    channel.close()
    desk.pool.shutdown()
    os.close(near)
    os.close(far)


@pytest.mark.parametrize(
    "command",
    [
        "AT+CMGS=1\rAT+CFUN=0",
        "AT+CMGS=1\nAT",
        "AT+X=\x1a",
        "AT+X=\x1b",
        'AT+X="open',
        'AT+CUSD=1,"*100#";+CFUN=0',
        "AT+CSQ;+CFUN=0",
        "AT+X=é",
        "+CSQ",
        "",
        "ATD+62811;+CFUN=0;",
    ],
)
def test_a_command_that_could_be_two_is_refused_unsent(desk: Desk, command: str) -> None:
    with pytest.raises(UnsafeCommand):
        desk.channel.ask(command)
    assert not select.select([desk.far], [], [], 0)[0]


@pytest.mark.parametrize("body", ["", "0", "00 11", "00\x1a", "AT+CFUN=0", "zz"])
def test_a_body_that_is_no_pdu_is_refused_unsent(desk: Desk, body: str) -> None:
    with pytest.raises(UnsafeCommand):
        desk.channel.submit("AT+CMGS=17", body)
    assert not select.select([desk.far], [], [], 0)[0]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ('AT+CPIN="4719"', "AT+CPIN=(6 characters)"),
        ('AT+CLCK="SC",1,"4719"', "AT+CLCK=(13 characters)"),
        ('AT+CUSD=1,"*100*4719#",15', "AT+CUSD=(17 characters)"),
        ("AT+CMGS=23", "AT+CMGS=23"),
    ],
)
def test_what_a_command_carries_is_not_shown(command: str, shown: str) -> None:
    assert safe(command) == shown


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("AT+COPS=?", 180.0),
        ('AT+CUSD=1,"*100#",15', 60.0),
        ("AT+CFUN=1,1", 40.0),
        ('AT+CPIN="1234"', 20.0),
        ("AT+CPIN?", 5.0),
        ("at+csq", 5.0),
    ],
)
def test_each_command_has_its_own_patience(command: str, seconds: float) -> None:
    assert patience(command) == seconds


def test_the_network_may_take_a_minute_or_two_for_a_message() -> None:
    assert all(60.0 <= family.send_timeout <= 120.0 for family in (GENERIC, *dialects()))
