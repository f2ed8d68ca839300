"""Reading PDUs, the broken ones of the field too: TS 23.040 §9.2.2."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hw.gsm.dcs import MessageWaiting
from hw.gsm.pdu import Deliver, PduError, StatusReport, Submit, decode
from hw.gsm.udh import Concat, Element, Ports

SMSC = "07912618010000F5"  # +62811000005
SENDER = "0C91261832547698"  # +628123456789
TIME = "52110290513482"  # 2025-11-20 09:15:43 +07:00
WHEN = datetime(2025, 11, 20, 9, 15, 43, tzinfo=timezone(timedelta(hours=7)))


def deliver(coding: str, user_data: str, first_octet: str = "04", time: str = TIME) -> Deliver:
    message = decode(SMSC + first_octet + SENDER + coding + time + user_data)
    assert isinstance(message, Deliver)
    return message


def test_a_plain_message() -> None:
    message = deliver("0000", "05C8329BFD06")
    assert message.text == "Hello"
    assert (message.address.number, message.smsc, message.scts) == ("+628123456789", "+62811000005", WHEN)
    assert (message.more_to_send, message.pid, message.dcs) == (False, 0, 0)
    assert (message.tpdu_length, message.problems) == (24, ())
    assert message.raw == "07912618010000F5040C9126183254769800005211029051348205C8329BFD06"


def test_small_letters_and_line_ends_around_the_pdu() -> None:
    message = decode(f"  {SMSC}04{SENDER}0000{TIME}05C8329BFD06\r\n".lower())
    assert isinstance(message, Deliver)
    assert message.text == "Hello"


def test_without_service_centre_field() -> None:
    message = decode(f"04{SENDER}0000{TIME}05C8329BFD06", has_smsc=False)
    assert (message.smsc, message.tpdu_length) == (None, 24)


def test_more_messages_wait_when_the_bit_is_not_set() -> None:
    assert deliver("0000", "00", first_octet="00").more_to_send


def test_a_part_of_a_long_message() -> None:
    message = deliver("0000", "0F0500032A0202F0783C1E8FC7E301", first_octet="44")
    assert message.content.part_of == Concat(ref=42, bits=8, total=2, seq=2)
    assert message.content.elements == (Element(0, bytes.fromhex("2A0202")),)
    assert (message.text, message.content.units) == ("xxxxxxxx", b"xxxxxxxx")


@pytest.mark.parametrize("part", ["0200", "0203", "0000", "0001"])
def test_an_impossible_part_number_is_a_message_of_its_own(part: str) -> None:
    message = deliver("0008", f"080500032A{part}4F60", first_octet="44")
    assert message.content.concat is not None
    assert message.content.part_of is None
    assert message.text == "你"
    assert "message of its own" in message.problems[0]


def test_national_tables_in_the_header() -> None:
    assert deliver("0000", "0703240101D89C01", first_octet="44").text == "ğ"
    assert deliver("0000", "06032501016000", first_octet="44").text == "ğ"


def test_tables_can_be_forced() -> None:
    message = decode(f"00 04 {SENDER} 00 00 {TIME} 01 0C".replace(" ", ""), tables=(1, 0))
    assert isinstance(message, Deliver)
    assert message.text == "ğ"


def test_data_is_not_shown_as_text() -> None:
    message = deliver("00F5", "0A" + "0605040B8423F0" + "010606", first_octet="44")
    assert message.text is None
    assert message.content.data == bytes.fromhex("010606")
    assert message.content.ports == Ports(dst=2948, src=9200, bits=16)


def test_class_and_waiting() -> None:
    assert deliver("0010", "00").content.message_class == 0
    waiting = MessageWaiting("voicemail", active=True, store=False)
    assert deliver("00C8", "00").content.mwi == waiting


def test_the_header_can_announce_waiting_messages_too() -> None:
    message = deliver("0000", "06" + "0401028003", first_octet="44")
    assert message.content.mwi == MessageWaiting("voicemail", active=True, store=True)


def test_a_reserved_coding_reads_as_septets() -> None:
    message = deliver("0080", "05C8329BFD06")
    assert (message.text, message.content.alphabet) == ("Hello", "gsm7")
    assert "0x80" in message.problems[0]


def test_compressed_text_is_not_made_up() -> None:
    message = deliver("0020", "05C8329BFD06")
    assert message.text is None
    assert "compressed" in message.problems[0]


def test_a_bad_timestamp_gives_none_and_keeps_the_message() -> None:
    message = deliver("0000", "05C8329BFD06", time="52110290513 4C2".replace(" ", ""))
    assert (message.scts, message.text) == (None, "Hello")
    assert "timestamp" in message.problems[0]


def test_less_data_than_announced() -> None:
    message = deliver("0008", "0A4F60597D")
    assert (message.text, message.content.truncated) == ("你好", True)
    message = deliver("0000", "09C8329BFD06")
    assert message.text == "Hello"
    assert message.content.udl == 9


def test_more_data_than_announced() -> None:
    message = deliver("0000", "05C8329BFD06FFFF")
    assert (message.text, message.content.extra) == ("Hello", 2)


def test_half_a_character_of_ucs2() -> None:
    message = deliver("0008", "034F6059")
    assert message.text == "你"
    assert "odd" in message.problems[0]


def test_half_a_surrogate_pair_keeps_its_code_unit() -> None:
    message = deliver("0008", "040041D83D")
    assert (message.text, message.content.units) == ("A\ufffd", bytes.fromhex("0041D83D"))


def test_a_header_beyond_the_data() -> None:
    message = deliver("0000", "05FF329BFD06", first_octet="44")
    assert (message.text, message.content.elements) == (None, ())
    assert "header" in message.problems[0]


def test_a_header_with_a_broken_element_is_ignored_but_not_shown() -> None:
    message = deliver("0008", "07" + "040003 2A02".replace(" ", "") + "4F60", first_octet="44")
    assert (message.text, message.content.concat) == ("你", None)


def test_a_status_report() -> None:
    report = decode(f"{SMSC}0617{SENDER}{TIME}5211029061008200")
    assert isinstance(report, StatusReport)
    assert (report.message_reference, report.status, report.outcome) == (0x17, 0, "delivered")
    assert report.address.number == "+628123456789"
    assert (report.scts, report.discharge) == (WHEN, WHEN.replace(minute=16, second=0))
    assert (report.pid, report.dcs, report.content) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("00", "delivered"),
        ("02", "delivered"),
        ("1F", "delivered"),
        ("20", "pending"),
        ("3F", "pending"),
        ("40", "failed"),
        ("7F", "failed"),
        ("80", "failed"),
        ("FF", "failed"),
    ],
)
def test_outcomes_by_range(status: str, outcome: str) -> None:
    report = decode(f"000600{SENDER}{TIME}{TIME}{status}")
    assert isinstance(report, StatusReport)
    assert report.outcome == outcome


def test_a_status_report_with_optional_fields() -> None:
    report = decode(f"000600{SENDER}{TIME}{TIME}00" + "07" + "00" + "08" + "044F60597D")
    assert isinstance(report, StatusReport)
    assert (report.pid, report.dcs) == (0, 8)
    assert report.content is not None
    assert report.content.text == "你好"


@pytest.mark.parametrize("rest", ["07", "0700", "070008", "02", "00"])
def test_a_status_report_whose_optional_fields_are_missing(rest: str) -> None:
    report = decode(f"000600{SENDER}{TIME}{TIME}00{rest}")
    assert isinstance(report, StatusReport)
    assert report.content is None


def test_a_stored_message() -> None:
    message = decode(f"00B117{SENDER}0000A705C8329BFD06", direction="MO")
    assert isinstance(message, Submit)
    assert (message.message_reference, message.report_requested, message.reject_duplicates) == (
        0x17,
        True,
        False,
    )
    assert message.validity is not None
    assert message.validity.seconds == 86_400
    assert message.text == "Hello"


@pytest.mark.parametrize("pdu", ["", "0", "0G", "00", "Hello", "00" * 600, "０４", "00 04"])
def test_what_is_no_pdu_is_refused(pdu: str) -> None:
    with pytest.raises(PduError):
        decode(pdu)


@pytest.mark.parametrize("cut", range(2, 46, 2))
def test_a_pdu_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(PduError):
        decode(f"00{'04'}{SENDER}0000{TIME}"[:cut])


@pytest.mark.parametrize(
    ("first_octet", "direction"), [("01", "MT"), ("03", "MT"), ("00", "MO"), ("02", "MO")]
)
def test_types_that_carry_no_message_are_refused(first_octet: str, direction: str) -> None:
    with pytest.raises(PduError, match="is no message"):
        decode(f"00{first_octet}{SENDER}0000{TIME}00", direction="MT" if direction == "MT" else "MO")


def test_no_sentence_and_no_log_line_holds_the_text() -> None:
    with pytest.raises(PduError) as caught:
        decode(f"00{SENDER}0000{TIME}05C8329BFD06")
    assert "C8329BFD06" not in str(caught.value)
    assert "Hello" not in repr(deliver("0000", "05C8329BFD06"))
    assert "C8329BFD06" not in repr(deliver("0000", "05C8329BFD06"))
