"""Timestamps and periods: TS 23.040 §9.2.3.11 and §9.2.3.12."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hw.gsm.errors import PduError
from hw.gsm.timestamp import decode_time, encode_time, read_validity, relative_octet, relative_seconds

JAKARTA = timezone(timedelta(hours=7))
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800


def test_seven_swapped_octets_with_the_zone_in_quarters() -> None:
    octets = bytes.fromhex("52 11 02 90 51 34 82")  # 25-11-20 09:15:43, 28 quarters
    assert decode_time(octets) == datetime(2025, 11, 20, 9, 15, 43, tzinfo=JAKARTA)
    assert encode_time(datetime(2025, 11, 20, 9, 15, 43, tzinfo=JAKARTA)) == octets


def test_a_zone_west_of_greenwich_has_bit_3_set() -> None:
    time = datetime(2025, 11, 20, 9, 15, 43, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    assert encode_time(time) == bytes.fromhex("52 11 02 90 51 34 49")  # 14 quarters, minus
    read = decode_time(bytes.fromhex("52 11 02 90 51 34 49"))
    assert read == time
    assert read is not None
    assert read.utcoffset() == timedelta(hours=-3, minutes=-30)


def test_two_digits_of_a_year_since_1990() -> None:
    ninety, eighty_nine = (
        decode_time(bytes.fromhex("09101000000000")),
        decode_time(bytes.fromhex("98101000000000")),
    )
    assert ninety is not None
    assert eighty_nine is not None
    assert (ninety.year, eighty_nine.year) == (1990, 2089)


@pytest.mark.parametrize(
    "octets",
    [
        "00000000000000",  # month 0
        "52 20 03 00 00 00 00",  # 30 February
        "52 11 02 42 00 00 00",  # 24 o'clock
        "52 11 02 90 06 00 00",  # minute 60
        "A2 11 02 90 51 34 00",  # a digit above 9
        "52 11 02 90 51 34 C2",  # likewise in the zone
        "FFFFFFFFFFFFFF",
        "52 11 02 90 51 34",
    ],
)
def test_nonsense_is_no_time(octets: str) -> None:
    assert decode_time(bytes.fromhex(octets)) is None


def test_a_time_without_zone_is_not_written() -> None:
    with pytest.raises(PduError, match="no time zone"):
        encode_time(datetime(2025, 11, 20))


@pytest.mark.parametrize(
    ("seconds", "octet"),
    [
        (-1, 0),
        (0, 0),
        (1, 0),
        (5 * MINUTE, 0),
        (5 * MINUTE + 1, 1),
        (12 * HOUR, 143),
        (12 * HOUR + 1, 144),
        (24 * HOUR, 167),
        (24 * HOUR + 1, 168),
        (30 * DAY, 196),
        (30 * DAY + 1, 197),
        (63 * WEEK, 255),
        (64 * WEEK, 255),
        (float("inf"), 255),
    ],
)
def test_validity_is_rounded_up_to_the_grid(seconds: float, octet: int) -> None:
    assert relative_octet(seconds) == octet


def test_the_grid() -> None:
    assert [relative_seconds(octet) for octet in (0, 143, 144, 167, 168, 196, 197, 255)] == [
        5 * MINUTE, 12 * HOUR, 12 * HOUR + 30 * MINUTE, DAY, 2 * DAY, 30 * DAY, 5 * WEEK, 63 * WEEK,
    ]  # fmt: skip


def test_not_a_number_is_no_validity() -> None:
    with pytest.raises(PduError):
        relative_octet(float("nan"))


@pytest.mark.parametrize(
    ("octets", "seconds"),
    [
        ("00000000000000", None),  # no validity given
        ("01A70000000000", DAY),  # relative, as in the short form
        ("022D0000000000", 45),  # seconds
        ("03104532000000", 1 * HOUR + 54 * MINUTE + 23),  # hours, minutes, seconds in swapped BCD
        ("03FF0000000000", None),
        ("81A70000000000", None),  # an extension of the first octet
        ("07000000000000", None),  # reserved
    ],
)
def test_enhanced_validity(octets: str, seconds: int | None) -> None:
    validity = read_validity(1, bytes.fromhex(octets))
    assert validity is not None
    assert (validity.format, validity.seconds) == ("enhanced", seconds)


def test_absolute_validity() -> None:
    validity = read_validity(3, bytes.fromhex("52110290513482"))
    assert validity is not None
    assert validity.time == datetime(2025, 11, 20, 9, 15, 43, tzinfo=JAKARTA)


def test_no_validity() -> None:
    assert read_validity(0, b"") is None
