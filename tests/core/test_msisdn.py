"""Telephone numbers in their one canonical form."""

from __future__ import annotations

import pytest

from app.core.errors import BadRequest
from app.core.msisdn import Numbering, dialled
from app.core.receiver import canonical, masked
from app.numbering import normalise


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("081234567890", "6281234567890"),
        ("+62 812-3456-7890", "6281234567890"),
        ("6281234567890", "6281234567890"),
        ("0062 812 3456 7890", "6281234567890"),
        ("(0812) 3456.7890", "6281234567890"),
        ("+62 (0)812 3456 7890", "6281234567890"),  # the trunk zero of a business card
        ("+1 415 555 0100", "14155550100"),
        ("+39 06 1234 5678", "390612345678"),  # Italy keeps its zero
        ("363", "363"),
        ("123456", "123456"),
    ],
)
def test_numbers_become_international_digits(given: str, expected: str) -> None:
    assert Numbering("62", normalise).canonical(given) == expected


def test_without_knowledge_of_the_world_the_plain_rule_decides() -> None:
    assert Numbering("49").canonical("0171 2345678") == "491712345678"


@pytest.mark.parametrize(
    "given", ["", "12", "abcdefgh", "+", "++6281234567", "0812x345678", "٠٨١٢٣٤٥٦٧٨", "9" * 16]
)
def test_what_is_no_number_is_named_in_the_refusal(given: str) -> None:
    with pytest.raises(BadRequest, match="is not a telephone number"):
        Numbering("62", normalise).canonical(given)


def test_the_modem_gets_a_plus_but_not_before_a_short_code() -> None:
    assert dialled("6281234567890") == "+6281234567890"
    assert dialled("363") == "363"


def test_a_mail_address_is_free_of_case_in_its_domain_only() -> None:
    assert canonical("Ann@Example.COM", Numbering("62")) == "Ann@example.com"


@pytest.mark.parametrize(
    "address", ["a@", "@b", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", 'a"@b', "a,b@c"]
)
def test_an_address_that_could_break_a_header_is_refused(address: str) -> None:
    with pytest.raises(BadRequest, match="is not a mail address"):
        canonical(address, Numbering("62"))


def test_receivers_are_shown_masked() -> None:
    assert masked("6281234567890") == "62812******90"
    assert masked("ann@example.com") == "a***@example.com"
    assert masked("363") == "363"
