"""A text becomes parts: TS 23.038 §6, TS 23.040 §9.2.3.24.1."""

from __future__ import annotations

import pytest

from hw.gsm.errors import PduError
from hw.gsm.pdu import PartCount, measure
from hw.gsm.segment import lay_out


def pieces(text: str, **options: bool) -> list[str]:
    """The parts of a text in UCS-2."""
    layout = lay_out(text, **options)
    assert layout.alphabet == "ucs2"
    return [part.decode("utf-16-be") for part in layout.parts]


def septets(text: str, *, wide_reference: bool = False) -> list[bytes]:
    layout = lay_out(text, wide_reference=wide_reference)
    assert layout.alphabet == "gsm7"
    return list(layout.parts)


def test_160_septets_fit_one_part() -> None:
    assert septets("x" * 160) == [b"x" * 160]
    assert septets("") == [b""]


def test_then_153_or_152_fit_each() -> None:
    assert list(map(len, septets("x" * 161))) == [153, 8]
    assert list(map(len, septets("x" * 161, wide_reference=True))) == [152, 9]
    assert list(map(len, septets("x" * 459))) == [153, 153, 153]


def test_70_code_units_then_67_or_66() -> None:
    assert list(map(len, pieces("你" * 70))) == [70]
    assert list(map(len, pieces("你" * 71))) == [67, 4]
    assert list(map(len, pieces("你" * 71, wide_reference=True))) == [66, 5]


def test_an_escape_pair_stays_together() -> None:
    assert septets("a" * 152 + "[" * 5) == [b"a" * 152, b"\x1b<" * 5]
    assert septets("a" * 151 + "[" * 5) == [b"a" * 151 + b"\x1b<", b"\x1b<" * 4]


def test_a_line_end_stays_together() -> None:
    assert septets("a" * 152 + "\r\n" + "b" * 10) == [b"a" * 152, b"\r\n" + b"b" * 10]


def test_a_surrogate_pair_stays_together() -> None:
    assert pieces("你" * 66 + "😀😀😀") == ["你" * 66, "😀😀😀"]


@pytest.mark.parametrize(
    "cluster", ["👍🏽", "👨\u200d👩\u200d👧", "🇮🇩", "e\u0301", "\u0915\u093f", "\r\n"], ids=ascii
)
def test_what_a_reader_sees_as_one_character_stays_together(cluster: str) -> None:
    assert pieces("你" * 66 + cluster + "你" * 10) == ["你" * 66, cluster + "你" * 10]


def test_a_cluster_longer_than_a_part_is_cut_between_its_characters() -> None:
    assert pieces("e" + "\u0301" * 200) == ["e" + "\u0301" * 66, "\u0301" * 67, "\u0301" * 67]


def test_255_parts_and_no_more() -> None:
    assert len(septets("x" * 153 * 255)) == 255
    with pytest.raises(PduError, match="256 parts"):
        lay_out("x" * 153 * 255 + "x")
    with pytest.raises(PduError, match="255 at most"):
        lay_out("你" * 67 * 255 + "你")


def test_cutting_well_can_need_a_part_more_than_fits() -> None:
    """33 emoji in each part of 67: 255 parts by the count of code units, but an odd one is left each time."""
    assert len(pieces("😀" * 33 * 255)) == 255
    with pytest.raises(PduError, match="parts"):
        lay_out("😀" * (33 * 255 + 1))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(PduError, match="character 1"):
        lay_out("\udc00")


def test_national_tables_only_when_asked_for() -> None:
    assert lay_out("ğ").alphabet == "ucs2"
    assert lay_out("ğ", national=True).tables == (1, 0)
    assert lay_out("ğ", national=(0, 1)).tables == (0, 1)


def test_the_default_alphabet_needs_no_national_table() -> None:
    assert lay_out("plain", national=(1, 1)).tables == (0, 0)


def test_the_cheapest_pair_of_tables() -> None:
    # Few Turkish letters among è, which only the default locking table has: escape those few.
    assert lay_out("è" * 20 + "ğ", national=True).tables == (0, 1)
    # Hindi letters with Hindi digits need both tables.
    assert lay_out("\u0915\u0916\u0966", national=True).tables == (6, 6)
    # Urdu letters only.
    assert lay_out("\u0633\u0644\u0627\u0645", national=True).tables == (13, 0)


def test_a_national_table_can_save_a_part_of_the_default_alphabet() -> None:
    saved = lay_out("€" * 100, national=True)
    assert (len(saved.parts), saved.tables) == (1, (1, 0))
    assert len(lay_out("€" * 100).parts) == 2
    assert lay_out("x" * 161, national=True).tables == (0, 0)  # nothing to save


def test_a_given_pair_is_used_as_given() -> None:
    assert lay_out("ğ", national=(1, 1)).tables == (1, 1)
    with pytest.raises(PduError, match="no pair of national languages"):
        lay_out("ğ", national=(14, 0))


def test_a_pair_that_does_not_hold_the_text_falls_back_to_ucs2() -> None:
    assert lay_out("ğ", national=(3, 3)).alphabet == "ucs2"
    assert lay_out("ğ你", national=True).alphabet == "ucs2"


def test_national_headers_cost_septets() -> None:
    assert list(map(len, lay_out("ğ" * 155, national=(1, 0)).parts)) == [155]
    assert list(map(len, lay_out("ğ" * 156, national=(1, 0)).parts)) == [149, 7]


def test_a_vowel_sign_stays_with_its_letter_in_septets_too() -> None:
    first, second = lay_out("\u0915" * 148 + "\u0915\u093f" + "\u0915" * 20, national=True).parts
    assert (len(first), second[:2]) == (148, bytes([0x15, 0x51]))


def test_measure_for_a_preview() -> None:
    assert measure("Hello[") == PartCount("gsm7", parts=1, units=7, used=7, left=153, tables=(0, 0))
    assert measure("x" * 161) == PartCount("gsm7", parts=2, units=161, used=8, left=145, tables=(0, 0))
    assert measure("你😀") == PartCount("ucs2", parts=1, units=3, used=3, left=67, tables=(0, 0))
    assert measure("ğ", national=True) == PartCount("gsm7", 1, units=1, used=1, left=154, tables=(1, 0))
    assert measure("") == PartCount("gsm7", parts=1, units=0, used=0, left=160, tables=(0, 0))
