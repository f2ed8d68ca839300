"""Section blocking: numbers that get no message, and numbers that always may."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from app.settings.option import option
from app.settings.problems import Wrong
from app.settings.section import About, Section


def canonical(text: str) -> str:
    """A number in the form the gateway compares: digits only, international; short codes too."""
    if not re.fullmatch(r"[1-9]\d{2,14}", text, re.ASCII):
        raise Wrong("is not a number in international form, digits only, such as 628123456789")
    return text


class BlockedNumber(Section):
    """One number of the list; the item's id is the number."""

    about: ClassVar[About] = About(
        name="blocking", title="Block list", reset="RESET_BLOCKING", many=True, key="number"
    )

    number: Annotated[str, AfterValidator(canonical)] = option(..., "Number")
    state: Literal["blocked", "whitened"] = option(
        "blocked",
        "State",
        choices={"blocked": "Blocked", "whitened": "Whitened"},
        help="Whitened: freed by hand, and not blocked again by a rule.",
    )
    since: int = option(
        0, "Since", unit="s", minimum=0, maximum=99_999_999_999, help="Unix time of the last change."
    )
    by: str = option("", "By", longest=100, help="Who changed it: an administrator, an API user or a rule.")
