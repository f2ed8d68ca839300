"""National tables, row by row as annex A of TS 23.038 prints them."""

from __future__ import annotations

import pytest

from hw.gsm.national import BLANK, LANGUAGES, LOCKING, SINGLE

TR, ES, PT, BN, GU, HI, KN, ML, OR, PA, TA, TE, UR = range(1, 14)


def test_there_are_thirteen_languages_and_the_default() -> None:
    assert len(LANGUAGES) == len(LOCKING) == len(SINGLE) == 14
    assert {len(table) for table in LOCKING} == {128}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_table_has_a_character_at_the_escape(language: int) -> None:
    assert LOCKING[language][0x1B] == BLANK
    assert 0x1B not in SINGLE[language]
    assert BLANK not in SINGLE[language].values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_locking_table_has_a_character_twice(language: int) -> None:
    present = LOCKING[language].replace(BLANK, "")
    assert len(set(present)) == len(present)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_keeps_line_ends_and_digits_in_place(language: int) -> None:
    table = LOCKING[language]
    assert (table[0x0A], table[0x0D], table[0x20], table[0x30:0x3C]) == ("\n", "\r", " ", "0123456789:;")
    assert table[0x61:0x7B] == "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_single_shift_table_holds_the_extension(language: int) -> None:
    expected = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]"}
    assert expected.items() <= SINGLE[language].items()
    assert (SINGLE[language][0x40], SINGLE[language][0x65]) == ("|", "€")


def test_spanish_has_no_locking_table() -> None:
    assert LOCKING[ES] == LOCKING[0]


@pytest.mark.parametrize(
    ("language", "place", "row"),
    [
        (TR, 0x00, "@£$¥€éùıòÇ\nĞğ\rÅå"),
        (TR, 0x18, "ΣΘΞ·ŞşßÉ"),
        (PT, 0x00, "@£$¥êéúíóç\nÔô\rÁá"),
        (PT, 0x10, "Δ_ªÇÀ∞^\\€Ó|·ÂâÊÉ"),
        (PT, 0x78, "xyzãõ`üà"),
        (BN, 0x00, "\u0981\u0982\u0983\u0985\u0986\u0987\u0988\u0989\u098a\u098b\n\u098c·\r·\u098f"),
        (BN, 0x10, "\u0990··\u0993\u0994\u0995\u0996\u0997\u0998\u0999\u099a·\u099b\u099c\u099d\u099e"),
        (BN, 0x40, "\u09ac\u09ad\u09ae\u09af\u09b0·\u09b2···\u09b6\u09b7\u09b8\u09b9\u09bc\u09bd"),
        (BN, 0x50, "\u09be\u09bf\u09c0\u09c1\u09c2\u09c3\u09c4··\u09c7\u09c8··\u09cb\u09cc\u09cd"),
        (BN, 0x78, "xyz\u09d7\u09dc\u09dd\u09f0\u09f1"),
        (GU, 0x20, " !\u0a9f\u0aa0\u0aa1\u0aa2\u0aa3\u0aa4)(\u0aa5\u0aa6,\u0aa7.\u0aa8"),
        (GU, 0x58, "·\u0ac7\u0ac8\u0ac9·\u0acb\u0acc\u0acd\u0ad0a"),
        (KN, 0x20, " !\u0c9f\u0ca0\u0ca1\u0ca2\u0ca3\u0ca4)(\u0ca5\u0ca6,\u0ca7.\u0ca8"),
        (KN, 0x78, "xyz\u0cd6\u0ce0\u0ce1\u0ce2\u0ce3"),
        (
            ML,
            0x40,
            "\u0d2c\u0d2d\u0d2e\u0d2f\u0d30\u0d31\u0d32\u0d33\u0d34\u0d35\u0d36\u0d37\u0d38\u0d39·\u0d3d",
        ),
        (ML, 0x5C, "\u0d4a\u0d4b\u0d4c\u0d4d\u0d57a"),
        (OR, 0x00, "\u0b01\u0b02\u0b03\u0b05\u0b06\u0b07\u0b08\u0b09\u0b0a\u0b0b\n\u0b0c·\r·\u0b0f"),
        (OR, 0x60, "\u0b56abc"),
        (PA, 0x40, "\u0a2c\u0a2d\u0a2e\u0a2f\u0a30·\u0a32\u0a33·\u0a35\u0a36·\u0a38\u0a39\u0a3c·"),
        (PA, 0x78, "xyz\u0a70\u0a71\u0a72\u0a73\u0a74"),
        (
            UR,
            0x40,
            "\u0635\u0636\u0637\u0638\u0639\u0641\u0642\u06a9\u06aa\u06ab\u06af\u06b3\u06b1\u0644\u0645\u0646",
        ),
    ],
)
def test_rows_of_locking_shift_tables(language: int, place: int, row: str) -> None:
    assert LOCKING[language][place : place + len(row)] == row.replace("·", BLANK)


@pytest.mark.parametrize(
    ("language", "place", "row"),
    [
        (TR, 0x47, "Ğ·İ"),
        (ES, 0x49, "Í·····Ó·····Ú"),
        (PT, 0x0B, "Ôô·Áá"),
        (PT, 0x12, "ΦΓ^ΩΠΨΣΘ"),
        (
            BN,
            0x17,
            "#*\u09e6\u09e7·\u09e8\u09e9\u09ea\u09eb\u09ec\u09ed\u09ee\u09ef\u09df\u09e0\u09e1\u09e2{}",
        ),
        (BN, 0x2A, "\u09e3\u09f2\u09f3\u09f4\u09f5\\\u09f6\u09f7\u09f8\u09f9\u09fa·······[~]·|A"),
        (GU, 0x19, "\u0964\u0965·\u0ae6\u0ae7\u0ae8\u0ae9\u0aea\u0aeb\u0aec\u0aed\u0aee\u0aef··{}·····\\"),
        (KN, 0x26, "\u0cde\u0cf1{}\u0cf2····\\"),
        (ML, 0x26, "\u0d70\u0d71{}\u0d72\u0d73\u0d74\u0d75\u0d7a\\\u0d7b\u0d7c\u0d7d\u0d7e\u0d7f·"),
        (OR, 0x26, "\u0b5c\u0b5d{}\u0b5f\u0b70\u0b71··\\"),
        (PA, 0x26, "\u0a59\u0a5a{}\u0a5b\u0a5c\u0a5e\u0a75·\\"),
        (TE, 0x17, "#*···\u0c66\u0c67\u0c68\u0c69\u0c6a\u0c6b\u0c6c\u0c6d\u0c6e\u0c6f\u0c58\u0c59{}"),
        (UR, 0x37, "\u066b\u066c\u0672\u0673\u06cd[~]\u06d4|A"),
    ],
)
def test_rows_of_single_shift_tables(language: int, place: int, row: str) -> None:
    table = SINGLE[language]
    assert "".join(table.get(place + at, "·") for at in range(len(row))) == row
