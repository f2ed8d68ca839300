"""USSD through the fleet: a single answer, a menu that is answered, one that is cancelled, every encoding."""

from __future__ import annotations

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import pytest

from app import wire
from app.core import commands as core
from app.core.errors import UssdFailed
from app.web.guard import may
from tests.modems.yard import Yard

MENU = {"*123#": ("1. Balance\n2. Packages", True), "1": "Your balance is Rp 25.000.", "2": ("3. More", True)}


def asked(yard: Yard, what: str, *words: str) -> Mapping[str, Any] | Exception:
    answers: SimpleQueue[Mapping[str, Any] | Exception] = SimpleQueue()
    getattr(yard.fleet, what)("a", *words, answers.put)
    return answers.get(timeout=30)


@pytest.mark.parametrize("make", ["generic", "huawei", "sim7600", "zte", "wavecom"])
def test_a_menu_is_answered_in_the_encoding_of_each_family(yard: Yard, make: str) -> None:
    modem = yard.ready(make=make)
    modem.menu.update(MENU)
    first = asked(yard, "ussd", "*123#")
    assert isinstance(first, Mapping)
    assert first["ussd_response"] == "1. Balance\n2. Packages" and first["replyable"] is True
    second = asked(yard, "answer_ussd", "1")
    assert isinstance(second, Mapping)
    assert (second["ussd_response"], second["replyable"]) == ("Your balance is Rp 25.000.", False)


def test_an_answer_without_a_menu_is_refused_and_never_sent(yard: Yard) -> None:
    modem = yard.ready()
    before = modem.counts.commands
    refused = asked(yard, "answer_ussd", "1")
    assert isinstance(refused, UssdFailed) and "begin with a code" in str(refused)
    assert modem.counts.commands == before


def test_a_session_is_cancelled(yard: Yard) -> None:
    modem = yard.ready()
    modem.menu.update(MENU)
    asked(yard, "ussd", "*123#")
    assert modem.session
    assert asked(yard, "cancel_ussd") == {"modem_id": "a"}
    assert not modem.session
    assert isinstance(asked(yard, "answer_ussd", "1"), UssdFailed)


def test_a_code_that_could_end_the_command_is_refused(yard: Yard) -> None:
    yard.ready()
    assert isinstance(asked(yard, "ussd", '*1#",15;+CMGD=1,4'), UssdFailed)


def test_the_wire_has_commands_for_the_whole_session() -> None:
    (answer,) = wire.parse(b'{"command":"answer-ussd","data":{"modem_id":"m1","ussd_answer":1}}').commands
    assert answer == core.AnswerUssd("answer-ussd", "m1", "1")
    (end,) = wire.parse(b'{"command":"cancel-ussd","data":{"modem_id":"m1"}}').commands
    assert end == core.CancelUssd("cancel-ussd", "m1")


def test_who_may_begin_a_session_may_go_on_with_it() -> None:
    assert may(["request-ussd"], ["answer-ussd", "cancel-ussd"]) == ""
    assert may(["send-sms"], ["answer-ussd"]) != ""
