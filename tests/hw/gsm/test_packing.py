"""Septets in octets: TS 23.038 §6.1.2.1."""

from __future__ import annotations

import pytest

from hw.gsm.packing import pack, unpack


def test_five_septets_take_five_octets_least_significant_bit_first() -> None:
    # h=68 e=65 l=6C l=6C o=6F: 68 | 65<<7 | 6C<<14 | 6C<<21 | 6F<<28, lowest octet first
    assert pack(b"hello") == bytes.fromhex("E8329BFD06")


def test_eight_septets_fill_seven_octets() -> None:
    assert pack(b"12345678") == bytes.fromhex("31D98C56B3DD70")


def test_one_fill_bit_after_a_header_of_six_octets() -> None:
    assert pack(b"x", fill=1) == bytes.fromhex("F0")  # 0x78 << 1
    assert pack(b"xx", fill=1) == bytes.fromhex("F078")  # 0x78 << 1 | 0x78 << 8


def test_fill_bits_can_cost_an_octet_more() -> None:
    assert pack(bytes([0x7F]), fill=6) == bytes.fromhex("C01F")


def test_nothing_packs_to_nothing() -> None:
    assert pack(b"") == b""
    assert pack(b"", fill=5) == b"\0"
    assert unpack(b"", 0) == b""


def test_unpack_ignores_what_is_behind_the_last_septet() -> None:
    assert unpack(bytes.fromhex("E8329BFDFE"), 5) == b"hello"


def test_seven_octets_hold_seven_or_eight_septets() -> None:
    octets = bytes.fromhex("31D98C56B3DD00")
    assert unpack(octets, 7) == b"1234567"
    assert unpack(octets, 8) == b"1234567\0"


def test_unpack_gives_what_is_there_when_octets_are_missing() -> None:
    assert unpack(bytes.fromhex("E832"), 5) == b"he"
    assert unpack(bytes.fromhex("F0"), 9, fill=1) == b"x"
    assert unpack(b"\0", -3) == b""


def test_a_part_never_has_more_than_256_septets() -> None:
    with pytest.raises(ValueError, match="257 septets"):
        pack(bytes(257))
