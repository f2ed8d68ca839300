"""USSD strings in the encodings that modems use."""

from __future__ import annotations

import pytest

from hw.at.replies import Ussd
from hw.errors import UnsafeCommand
from hw.gsm.ussd import UssdAnswer, best, parameter, read, text_of


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("*100#", "text", '"*100#"'),
        ("*100#", "ucs2", '"002A0031003000300023"'),
        # *100# is 2A 31 30 30 23 in septets; 23.038 §6.1.2.3 packs them from the low end
        ("*100#", "packed", '"AA180C3602"'),
        # seven characters leave seven bits, which CR fills: the last octet is 1A
        ("*100*1#", "packed", '"AA180CA68A8D1A"'),
    ],
)
def test_a_code_as_the_modem_wants_it(text: str, mode: str, expected: str) -> None:
    assert parameter(text, mode) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ['1"', "1\r", "1\x1a", "é", "1" * 183])
def test_an_answer_that_would_leave_its_quotes_is_refused(text: str) -> None:
    with pytest.raises(UnsafeCommand):
        parameter(text, "text")


@pytest.mark.parametrize(
    ("raw", "dcs", "text"),
    [
        ("Saldo Rp 1.000", 15, "Saldo Rp 1.000"),
        ("00530061006C0064006F", 72, "Saldo"),
        # 17: UCS-2 behind the language in two octets of packed septets, "en" here (23.038 §5)
        ("653700530061006C0064006F", 17, "Saldo"),
        ("00530061006C0064006F", 15, "Saldo"),
        ("53616C646F2052702031303030", 68, "Saldo Rp 1000"),
        ("53616C646F2052702031303030", 15, "Saldo Rp 1000"),
        ("D3309BFC0649E1A018", None, "Saldo Rp 1"),
        ("04110430043B0430043D0441", 72, "Баланс"),
        ("4F59989D4F59989D", 72, "余额余额"),
        ("0645063100000000FFFFFFFF", 72, "مر"),
        ("12345678", 15, "12345678"),
        ("0812345678", 15, "0812345678"),
        ("ABBA", 15, "ABBA"),
        ("CAFE", None, "CAFE"),
        ("", 15, ""),
        ("ABC", 15, "ABC"),
    ],
)
def test_the_looks_decide_where_the_scheme_cannot(raw: str, dcs: int | None, text: str) -> None:
    assert text_of(raw, dcs) == text


def test_national_letters_where_the_modem_says_gsm() -> None:
    assert text_of("Bitte w{hlen: $5 @home", 15, "GSM") == "Bitte wählen: $5 @home"


def test_the_answer_is_picked_out_of_what_surrounds_it() -> None:
    def answer(status: int, text: str) -> UssdAnswer:
        return read(Ussd(status, text, 15))

    release, other = answer(2, "Initiating Release"), answer(3, "Other client")
    reply, menu, nothing = answer(0, "Rp 1.000"), answer(1, "Menu"), answer(0, "")
    assert best([release, reply]) is reply
    assert best([other, menu]) is menu
    assert best([nothing, release]) is release
    assert best([nothing]) is nothing
    assert best([]) is None


def test_an_answer_does_not_show_its_text() -> None:
    assert "secret" not in repr(read(Ussd(0, "secret words", 15)))
