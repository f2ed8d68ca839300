"""Characters and septets: TS 23.038 §6.2.1."""

from __future__ import annotations

import pytest

from hw.gsm.charset import NotInAlphabet, decode_septets, decode_ucs2, encode_septets, encode_ucs2
from hw.gsm.errors import PduError

TURKISH, PORTUGUESE = 1, 3


def test_the_default_alphabet_is_not_ascii() -> None:
    assert encode_septets("@$_é\n") == bytes([0x00, 0x02, 0x11, 0x05, 0x0A])
    assert decode_septets(bytes([0x00, 0x02, 0x11, 0x05, 0x0A])) == "@$_é\n"


def test_brackets_braces_and_the_euro_sign_take_an_escape() -> None:
    assert encode_septets("a[€]") == bytes([0x61, 0x1B, 0x3C, 0x1B, 0x65, 0x1B, 0x3E])
    assert decode_septets(bytes([0x61, 0x1B, 0x3C, 0x1B, 0x65, 0x1B, 0x3E])) == "a[€]"


@pytest.mark.parametrize("char", ["`", "ç", "\t", "\x1b", "\x00", "€́", "你", "😀"])
def test_what_the_alphabet_does_not_have_is_refused(char: str) -> None:
    with pytest.raises(NotInAlphabet):
        encode_septets(f"code {char}")


def test_the_refusal_does_not_tell_the_text() -> None:
    with pytest.raises(NotInAlphabet) as caught:
        encode_septets("secret 你")
    assert "你" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_shifted_place_without_a_character_shows_the_plain_one() -> None:
    assert decode_septets(bytes([0x1B, 0x41])) == "A"
    assert decode_septets(bytes([0x1B, 0x04]), (TURKISH, 0)) == "€"  # of the locking table


def test_an_escape_behind_an_escape_shows_a_space() -> None:
    assert decode_septets(bytes([0x61, 0x1B, 0x1B, 0x3C])) == "a <"
    assert decode_septets(bytes([0x1B, 0x1B, 0x1B, 0x3C])) == " ["


def test_an_escape_at_the_end_shows_a_space() -> None:
    assert decode_septets(bytes([0x61, 0x1B])) == "a "


def test_national_tables_replace_places() -> None:
    assert encode_septets("ğ€", (TURKISH, 0)) == bytes([0x0C, 0x04])
    assert encode_septets("ğ", (0, TURKISH)) == bytes([0x1B, 0x67])
    assert decode_septets(bytes([0x1B, 0x61, 0x7B]), (PORTUGUESE, PORTUGUESE)) == "Âã"


def test_a_place_without_a_character_shows_a_space() -> None:
    assert decode_septets(bytes([0x0C, 0x15]), (4, 0)) == " \u0995"  # Bengali


def test_a_language_outside_of_the_standard_reads_as_the_default() -> None:
    assert decode_septets(bytes([0x04, 0x1B, 0x65]), (14, 255)) == "è€"


def test_ucs2_is_utf16_with_surrogate_pairs() -> None:
    assert encode_ucs2("é😉") == bytes.fromhex("00E9 D83D DE09")
    assert decode_ucs2(bytes.fromhex("00E9 D83D DE09")) == "é😉"


def test_half_a_pair_shows_a_replacement_and_keeps_the_rest() -> None:
    assert decode_ucs2(bytes.fromhex("0041 D83D")) == "A\ufffd"
    assert decode_ucs2(bytes.fromhex("DE09 0042")) == "\ufffdB"
    assert decode_ucs2(bytes.fromhex("D83D D83D DE09")) == "\ufffd😉"


def test_an_odd_octet_is_left_out() -> None:
    assert decode_ucs2(bytes.fromhex("004100")) == "A"


def test_half_a_pair_is_not_sent() -> None:
    with pytest.raises(PduError, match="character 3 of the text") as caught:
        encode_ucs2("ab\ud83d")
    assert caught.value.__context__ is None  # the codec's own error would carry the text
