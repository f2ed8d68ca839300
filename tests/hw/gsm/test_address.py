"""Addresses: TS 23.040 §9.1.2.5."""

from __future__ import annotations

import pytest

from hw.gsm.address import Address, decode_address, decode_smsc, encode_address, encode_smsc, recipient
from hw.gsm.errors import PduError


def test_an_international_number() -> None:
    octets = bytes.fromhex("0C 91 26 18 32 54 76 98")
    assert encode_address(recipient("+628123456789")) == octets
    assert decode_address(octets, 0) == (Address("+628123456789", 0x91), 8)


def test_an_odd_number_of_digits_is_filled_with_f() -> None:
    assert encode_address(recipient("+62812345678")) == bytes.fromhex("0B 91 26 18 32 54 76 F8")


@pytest.mark.parametrize("number", ["123", "46645", "123456"])
def test_short_codes_are_left_to_the_network(number: str) -> None:
    assert recipient(number) == Address(number, 0x81)
    assert encode_address(recipient("123")) == bytes.fromhex("03 81 21 F3")


def test_a_national_number_is_left_to_the_network() -> None:
    assert recipient("08123456789") == Address("08123456789", 0x81)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "++62812",
        "62 812",
        "+62-812",
        "OTP-Pi",
        "62812a",
        "١٢٣",
        "１２３",
        "1" * 21,
        "62812\r\nATD1;",
        '62812"',
    ],
)
def test_only_numbers_can_be_written_to(number: str) -> None:
    with pytest.raises(PduError, match="is not a telephone number"):
        recipient(number)


def test_a_long_nonsense_is_not_repeated_in_full() -> None:
    with pytest.raises(PduError) as caught:
        recipient("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_star_hash_and_letters_are_digits_too() -> None:
    assert decode_address(bytes.fromhex("04 81 1A B2"), 0)[0] == Address("*12#", 0x81)
    assert decode_address(bytes.fromhex("03 81 DC FE"), 0)[0] == Address("abc", 0x81)
    assert encode_address(Address("abc", 0x81)) == bytes.fromhex("03 81 DC FE")


def test_a_name_counts_semi_octets_of_packed_septets() -> None:
    octets = bytes.fromhex("0A D0 E8 32 9B FD 06")  # five septets are 35 bits: 9 semi-octets
    assert decode_address(octets, 0)[0] == Address("hello", 0xD0)
    assert encode_address(Address("hello", 0xD0)) == bytes.fromhex("09 D0 E8 32 9B FD 06")


def test_a_name_of_seven_has_no_phantom_at_sign() -> None:
    septets = bytes.fromhex("31 D9 8C 56 B3 DD 00")
    assert decode_address(bytes([0x0E, 0xD0]) + septets, 0)[0].number == "1234567"
    assert decode_address(bytes([0x0D, 0xD0]) + septets, 0)[0].number == "1234567"


def test_an_at_sign_inside_a_name_stays() -> None:
    assert decode_address(bytes.fromhex("04 D0 61 00"), 0)[0].number == "a@"


def test_a_name_can_have_eleven_characters() -> None:
    with pytest.raises(PduError, match="longer than the 11 characters"):
        encode_address(Address("twelve chars", 0xD0))


@pytest.mark.parametrize(
    ("toa", "ton", "npi"),
    [(0x91, "international", "isdn"), (0xA1, "national", "isdn"), (0x85, "unknown", "sc-specific")],
)
def test_types_in_words(toa: int, ton: str, npi: str) -> None:
    assert (Address("1", toa).ton, Address("1", toa).npi) == (ton, npi)


@pytest.mark.parametrize("octets", ["", "0B", "0B 91 26 18", "15 91" + "11" * 11, "FF 81" + "11" * 200])
def test_an_address_that_cannot_be_is_refused(octets: str) -> None:
    with pytest.raises(PduError):
        decode_address(bytes.fromhex(octets), 0)


def test_the_service_centre_counts_octets() -> None:
    octets = bytes.fromhex("07 91 26 18 01 00 00 F5")
    assert encode_smsc(recipient("+62811000005")) == octets
    assert decode_smsc(octets + b"\x04") == ("+62811000005", 8)


def test_no_service_centre_is_one_zero_octet() -> None:
    assert encode_smsc(None) == b"\0"
    assert decode_smsc(bytes.fromhex("00 04")) == (None, 1)


@pytest.mark.parametrize("octets", ["", "07 91 26", "0C" + "11" * 20])
def test_a_service_centre_that_cannot_be_is_refused(octets: str) -> None:
    with pytest.raises(PduError):
        decode_smsc(bytes.fromhex(octets))
