"""SMS-SUBMIT, octet by octet: TS 23.040 §9.2.2.2."""

from __future__ import annotations

import pytest

from hw.errors import HwError
from hw.gsm.pdu import PduError, SubmitPdu, encode_submit

NUMBER = "+628123456789"
DESTINATION = "0C91261832547698"


def test_the_shortest_message() -> None:
    # SMSC of the SIM | SUBMIT, no validity | TP-MR | TP-DA | TP-PID | TP-DCS | 5 septets
    assert encode_submit(NUMBER, "Hello") == [
        SubmitPdu("00" + "01" + "00" + DESTINATION + "00" + "00" + "05C8329BFD06", 18, 1, 1)
    ]


def test_report_validity_and_reference() -> None:
    (pdu,) = encode_submit(NUMBER, "Hello", report=True, validity=86_400, message_reference=0x17)
    assert pdu.hex == "00" + "31" + "17" + DESTINATION + "00" + "00" + "A7" + "05C8329BFD06"
    assert pdu.tpdu_length == 19


def test_flash_is_class_0() -> None:
    assert encode_submit(NUMBER, "Hello", flash=True)[0].hex == "000100" + DESTINATION + "001005C8329BFD06"
    assert encode_submit(NUMBER, "你好", flash=True)[0].hex == "000100" + DESTINATION + "0018044F60597D"


def test_ucs2_is_utf16_big_endian() -> None:
    (pdu,) = encode_submit(NUMBER, "你好😉")
    assert pdu.hex == "000100" + DESTINATION + "0008" + "08" + "4F60597DD83DDE09"
    assert pdu.tpdu_length == 21


def test_a_service_centre_of_ones_own_is_not_counted() -> None:
    (pdu,) = encode_submit(NUMBER, "Hello", smsc="+62811000005")
    assert pdu.hex == "07912618010000F5" + "0100" + DESTINATION + "0000" + "05C8329BFD06"
    assert pdu.tpdu_length == 18


def test_a_short_code() -> None:
    assert encode_submit("123", "Hello")[0].hex == "000100" + "038121F3" + "0000" + "05C8329BFD06"


def test_the_parts_of_a_long_message() -> None:
    first, second = encode_submit(NUMBER, "x" * 161, reference=42)
    assert first.hex.startswith(
        "00" + "41" + "00" + DESTINATION + "0000" + "A0" + "0500032A0201" + "F0783C1E"
    )
    assert (first.tpdu_length, first.part, first.parts) == (2 + 8 + 2 + 1 + 140, 1, 2)
    # 7 septets of header and fill, 8 of text, one bit further up than without the header
    assert (
        second.hex == "00" + "41" + "00" + DESTINATION + "0000" + "0F" + "0500032A0202" + "F0783C1E8FC7E301"
    )
    assert (second.tpdu_length, second.part, second.parts) == (2 + 8 + 2 + 1 + 14, 2, 2)


def test_a_long_reference_needs_no_fill_bit() -> None:
    _, second = encode_submit(NUMBER, "x" * 161, reference=0x122A, wide_reference=True)
    assert second.hex.endswith("11" + "060804122A0202" + "783C1E8FC7E3F178")


def test_a_long_message_in_ucs2() -> None:
    first, second = encode_submit(NUMBER, "你" * 71, reference=255)
    assert first.hex == "004100" + DESTINATION + "0008" + "8C" + "050003FF0201" + "4F60" * 67
    assert second.hex == "004100" + DESTINATION + "0008" + "0E" + "050003FF0202" + "4F60" * 4


def test_turkish_by_locking_shift() -> None:
    (pdu,) = encode_submit(NUMBER, "ğ", national=True)
    # 4 octets of header are 32 bits: 3 fill bits make 5 septets. 0x0C << 3, over 10 bits
    assert pdu.hex == "004100" + DESTINATION + "0000" + "06" + "03250101" + "6000"


def test_turkish_by_single_shift() -> None:
    (pdu,) = encode_submit(NUMBER, "ğ", national=(0, 1))
    # 0x1B << 3 | 0x67 << 10
    assert pdu.hex == "004100" + DESTINATION + "0000" + "07" + "03240101" + "D89C01"


def test_concatenation_stands_before_the_languages() -> None:
    first, _ = encode_submit(NUMBER, "\u0915\u0966" * 60, national=(6, 6), reference=7)
    assert "0B" + "0003070201" + "250106" + "240106" in first.hex


@pytest.mark.parametrize("number", ["OTP-Pi", "", "0812 3456", '08123456"', "08123\x1a", "8" * 21])
def test_a_recipient_is_a_number(number: str) -> None:
    with pytest.raises(PduError):
        encode_submit(number, "Hello")


@pytest.mark.parametrize("smsc", ["network", "+62811\r"])
def test_a_service_centre_is_a_number(smsc: str) -> None:
    with pytest.raises(PduError):
        encode_submit(NUMBER, "Hello", smsc=smsc)


def test_refusals_are_hardware_errors_and_value_errors_without_the_text() -> None:
    for text in ("4711" * 20_000, "4711\ud800"):
        with pytest.raises(PduError) as caught:
            encode_submit(NUMBER, text)
        assert isinstance(caught.value, HwError)
        assert isinstance(caught.value, ValueError)
        assert "4711" not in str(caught.value)


def test_a_log_line_about_a_pdu_does_not_hold_it() -> None:
    assert "C8329BFD06" not in repr(encode_submit(NUMBER, "Hello"))
