"""The user data header: TS 23.040 §9.2.3.24."""

from __future__ import annotations

import pytest

from hw.gsm.dcs import MessageWaiting
from hw.gsm.udh import (
    Concat,
    Element,
    Ports,
    build_header,
    concat_element,
    concat_of,
    language_elements,
    parse_elements,
    ports_of,
    tables_of,
    waiting_of,
)


def elements(header: str) -> tuple[Element, ...]:
    parsed = parse_elements(bytes.fromhex(header))
    assert parsed is not None
    return parsed


def test_concatenation_with_a_short_reference() -> None:
    assert concat_of(elements("00 03 2A 03 01")) == Concat(ref=42, bits=8, total=3, seq=1)
    assert build_header((concat_element(42, 3, 1, wide=False),)) == bytes.fromhex("05 00 03 2A 03 01")


def test_concatenation_with_a_long_reference() -> None:
    assert concat_of(elements("08 04 12 2A 03 01")) == Concat(ref=0x122A, bits=16, total=3, seq=1)
    assert build_header((concat_element(0x122A, 3, 1, wide=True),)) == bytes.fromhex("06 08 04 12 2A 03 01")


def test_a_counter_runs_over() -> None:
    assert concat_element(0x122A, 2, 1, wide=False).data == bytes.fromhex("2A 02 01")
    assert concat_element(0x1_0001, 2, 1, wide=True).data == bytes.fromhex("0001 02 01")


@pytest.mark.parametrize(
    ("total", "seq", "valid"),
    [(3, 1, True), (3, 3, True), (1, 1, True), (3, 0, False), (3, 4, False), (0, 0, False), (0, 1, False)],
)
def test_a_part_number_outside_of_the_total_is_no_part(total: int, seq: int, valid: bool) -> None:
    assert Concat(7, 8, total, seq).valid is valid


def test_unknown_elements_are_skipped_and_kept() -> None:
    parsed = elements("7F 02 AA BB 00 03 01 02 02 70 00")
    assert parsed == (Element(0x7F, b"\xaa\xbb"), Element(0x00, b"\x01\x02\x02"), Element(0x70, b""))
    assert concat_of(parsed) == Concat(1, 8, 2, 2)


def test_of_repeated_elements_the_last_counts() -> None:
    assert concat_of(elements("00 03 01 02 01 08 04 00 05 03 02")) == Concat(5, 16, 3, 2)


def test_an_element_of_the_wrong_length_is_ignored() -> None:
    assert concat_of(elements("00 02 01 02")) is None
    assert ports_of(elements("05 03 0B 84 23")) is None


@pytest.mark.parametrize("header", ["00", "00 03", "00 03 2A 03", "00 03 2A 03 01 05", "05 FF 00"])
def test_a_header_that_its_elements_do_not_fill_is_ignored(header: str) -> None:
    assert parse_elements(bytes.fromhex(header)) is None


def test_ports_wide_and_narrow() -> None:
    assert ports_of(elements("05 04 0B 84 23 F0")) == Ports(dst=2948, src=9200, bits=16)
    assert ports_of(elements("04 02 F5 01")) == Ports(dst=245, src=1, bits=8)


def test_languages_lock_first_then_shift() -> None:
    assert tables_of(elements("25 01 03 24 01 01")) == (3, 1)
    assert build_header(language_elements((3, 1))) == bytes.fromhex("06 25 01 03 24 01 01")
    assert build_header(language_elements((0, 1))) == bytes.fromhex("03 24 01 01")


def test_reserved_languages_are_ignored() -> None:
    assert tables_of(elements("25 01 0E 24 01 FF")) == (0, 0)


def test_nothing_to_say_is_no_header() -> None:
    assert build_header(language_elements((0, 0))) == b""


def test_waiting_messages() -> None:
    assert waiting_of(elements("01 02 80 05")) == MessageWaiting("voicemail", active=True, store=True)
    assert waiting_of(elements("01 02 02 00")) == MessageWaiting("email", active=False, store=False)
