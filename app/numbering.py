"""The world's numbering plans, by the phonenumbers library, for the core that must not know it."""

from __future__ import annotations

import phonenumbers


def normalise(digits: str) -> str | None:
    """International digits without a plus as their region writes them, or None where it knows better.

    ``620812…`` (a trunk zero somebody left in) becomes ``62812…``.
    """
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"
