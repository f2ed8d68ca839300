"""Two rules of the way in: nothing is sent without an owner, and a message may name its modem."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.commands import RequestOtp, SendSms, Source
from app.core.errors import NotSent
from app.core.intake import Rules
from tests.house import House

ADMIN = Source("admin", "ann")


def test_nothing_is_sent_before_the_device_has_an_owner(tmp_path: Path) -> None:
    house = House(tmp_path, rules=Rules(claimed=False))
    for command in (
        SendSms("send-sms", "081234567890", "hello"),
        RequestOtp("request-otp", "r", "081234567890", "%s"),
    ):
        reply = house.gateway.handle(command, ADMIN).result(10)
        assert (reply.code, reply.reason) == ("1102", "unclaimed")
    assert house.fleet.jobs == []
    house.close()


@pytest.mark.parametrize("via", ["m1", "m2"])
def test_a_message_goes_by_the_modem_it_names(tmp_path: Path, via: str) -> None:
    house = House(tmp_path)
    for _ in range(4):
        house.gateway.handle(SendSms("send-sms", "081234567890", "hello", via=via), ADMIN)
    assert {modem for modem, _ in house.fleet.jobs} == {via}
    house.close()


def test_a_message_that_names_its_modem_goes_by_no_other(tmp_path: Path) -> None:
    house = House(tmp_path)
    answer = house.gateway.handle(SendSms("send-sms", "081234567890", "hello", via="m1"), ADMIN)
    _, job = house.fleet.take()
    job.begin()
    job.refused(NotSent("no"))
    assert not answer.result(10).ok
    assert house.fleet.jobs == []
    house.close()
