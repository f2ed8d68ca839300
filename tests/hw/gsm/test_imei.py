"""IMEIs and their check digit."""

from __future__ import annotations

import pytest

from hw.gsm.imei import check_digit, completed, is_valid


@pytest.mark.parametrize(
    ("body", "digit"), [("49015420323751", 8), ("35209900176148", 1), ("00000000000000", 0)]
)
def test_the_check_digit(body: str, digit: int) -> None:
    assert check_digit(body) == digit


@pytest.mark.parametrize(
    ("imei", "valid"),
    [
        ("490154203237518", True),
        ("490154203237517", False),
        ("49015420323751", False),
        ("4901542032375182", False),
        ("49015420323751a", False),
        ("４９０１５４２０３２３７５１８", False),
        ("", False),
    ],
)
def test_only_fifteen_digits_with_the_right_one_are_valid(imei: str, valid: bool) -> None:
    assert is_valid(imei) == valid


@pytest.mark.parametrize(
    ("told", "imei"),
    [
        ("490154203237518", "490154203237518"),
        ("49015420323751", "490154203237518"),
        ("4901542032375102", "490154203237518"),
        ("123", None),
    ],
)
def test_what_modems_tell_is_completed(told: str, imei: str | None) -> None:
    assert completed(told) == imei


@pytest.mark.parametrize("body", ["", "4901542032375", "490154203237518", "4901542032375x"])
def test_a_check_digit_needs_fourteen_digits(body: str) -> None:
    with pytest.raises(ValueError, match="14 digits"):
        check_digit(body)
