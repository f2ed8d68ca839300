"""What a simulated network sends: TS 23.040 §9.2.2.1 and §9.2.2.3."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hw.gsm.pdu import PduError, encode_deliver, encode_status_report

WHEN = datetime(2025, 11, 20, 9, 15, 43, tzinfo=timezone(timedelta(hours=7)))


def test_a_message_from_a_number() -> None:
    assert encode_deliver("+628123456789", "Hello", WHEN, smsc="+62811000005") == [
        "07912618010000F5" + "04" + "0C91261832547698" + "0000" + "52110290513482" + "05C8329BFD06"
    ]


def test_a_message_from_a_name() -> None:
    assert encode_deliver("hello", "你", WHEN) == [
        "0004" + "09D0E8329BFD06" + "0008" + "52110290513482" + "024F60"
    ]


def test_a_long_message() -> None:
    _, second = encode_deliver("123", "x" * 161, WHEN, reference=42)
    assert second == "0044" + "038121F3" + "0000" + "52110290513482" + "0F0500032A0202F0783C1E8FC7E301"


def test_a_report() -> None:
    report = encode_status_report("+628123456789", 0x17, WHEN, WHEN + timedelta(seconds=17), status=0x46)
    assert report == "0006" + "17" + "0C91261832547698" + "52110290513482" + "52110290610082" + "46"


def test_a_name_too_long_or_outside_of_the_alphabet_is_refused() -> None:
    for name in ("twelve chars", "你好"):
        with pytest.raises(PduError):
            encode_deliver(name, "Hello", WHEN)
