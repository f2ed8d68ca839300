"""The rules of the door, with the time passed in."""

from __future__ import annotations

import base64

import pytest

from app.web.guard import (
    ADDRESS_FAILURES,
    FORGET_AFTER,
    KEPT,
    USER_FAILURES,
    Failures,
    MinuteLimit,
    basic_credentials,
    may,
    neighbourhood,
)


def field(octets: bytes) -> str:
    return "Basic " + base64.b64encode(octets).decode()


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [
        ("Basic c2hvcDpzZWNyZXQ=", ("shop", "secret")),
        ("basic  c2hvcDpzZWNyZXQ= ", ("shop", "secret")),
        (field(b"shop:a:b:"), ("shop", "a:b:")),
        (field("shöp:pä ss".encode()), ("shöp", "pä ss")),
        (field("shop:pä".encode("latin-1")), ("shop", "pä")),
        (field(b":"), ("", "")),
        (field(b"shop"), None),
        (field(b"sh\nop:x"), None),
        (field(b"shop:x\x7f"), None),
        ("Basic ???", None),
        ("Basic c2hvcDpzZWNyZXQ", None),  # its padding is missing
        ("Bearer c2hvcDpzZWNyZXQ=", None),
        ("Basic", None),
        ("", None),
    ],
)
def test_basic_credentials(authorization: str, credentials: tuple[str, str] | None) -> None:
    assert basic_credentials(authorization) == credentials


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.168.0.7", "192.168.0.7"),
        ("::ffff:192.168.0.7", "192.168.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_failures_are_counted_by_neighbourhood(address: str, counted_as: str) -> None:
    assert neighbourhood(address) == counted_as


def test_no_list_of_commands_allows_all_of_them() -> None:
    assert may((), ["send-sms", "request-ussd"]) == ""


def test_synonyms_are_the_same_command() -> None:
    assert may(("verify-otp",), ["validate-otp"]) == ""
    assert may(("send-email",), ["send-mail"]) == ""
    assert may(("request-otp",), ["create-otp", "verify-otp"]) == "verify-otp"


def test_send_message_includes_its_two_halves_and_not_the_other_way_round() -> None:
    assert may(("send-message",), ["send-sms", "send-email", "send-mail"]) == ""
    assert may(("send-sms", "send-email"), ["send-message"]) == "send-message"


def test_failures_are_slowed_down_and_then_locked_out() -> None:
    failures = Failures(USER_FAILURES)
    delays = [failures.failed("u", 0.0) for _ in range(9)]
    assert delays == [0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert failures.locked("u", 0.0) == 0.0
    failures.failed("u", 5.0)
    assert failures.locked("u", 5.0) == 60.0
    assert failures.locked("u", 64.0) == 1.0
    assert failures.locked("u", 65.0) == 0.0
    assert failures.locked("somebody else", 5.0) == 0.0


def test_each_further_failure_locks_for_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    failures = Failures(1)
    waits = []
    for _ in range(6):
        failures.failed("u", 0.0)
        waits.append(failures.locked("u", 0.0))
    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    for _ in range(2000):
        failures.failed("u", 0.0)
    assert failures.locked("u", 0.0) == 900.0


def test_failures_are_forgotten_after_a_while_and_by_a_success() -> None:
    failures = Failures(2)
    failures.failed("u", 0.0)
    failures.failed("u", FORGET_AFTER + 1)
    assert failures.locked("u", FORGET_AFTER + 1) == 0.0
    failures.succeeded("u")
    failures.failed("u", FORGET_AFTER + 2)
    assert failures.locked("u", FORGET_AFTER + 2) == 0.0


def test_failures_do_not_fill_the_memory() -> None:
    failures = Failures(ADDRESS_FAILURES)
    for number in range(KEPT * 2):
        failures.failed(str(number), 0.0)
    assert len(failures) == KEPT


def test_a_minute_limit_counts_any_sixty_seconds() -> None:
    limit = MinuteLimit()
    assert limit.take(2, 3, 100.0) == 0
    assert limit.take(1, 3, 130.9) == 0
    assert limit.take(1, 3, 131.0) == 29  # until the first two are a minute old
    assert limit.take(1, 3, 159.9) == 1
    assert limit.take(2, 3, 160.0) == 0
    assert limit.take(1, 3, 160.0) == 30


def test_what_is_refused_does_not_count() -> None:
    limit = MinuteLimit()
    assert limit.take(4, 3, 0.0) > 0
    assert limit.take(3, 3, 0.0) == 0


def test_no_limit() -> None:
    limit = MinuteLimit()
    assert all(limit.take(500, 0, 0.0) == 0 for _ in range(100))
