"""Section metrics: who may read the device's figures."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from app.settings.checks import or_none
from app.settings.option import option
from app.settings.problems import Wrong
from app.settings.section import About, Section


def token(text: str) -> str:
    """Long enough not to be guessed, of characters that an Authorization field carries (RFC 6750 §2.1)."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]{20,200}=*", text):
        raise Wrong("is not a token: 20 characters or more, letters, digits and . _ ~ + / -")
    return text


TokenOrNone = Annotated[str, AfterValidator(or_none(token))]


class Metrics(Section):
    """Figures for Prometheus at /metrics of these pages' port; from this device itself no token is asked."""

    about: ClassVar[About] = About(
        name="metrics", title="Metrics", help="Figures for Prometheus. They hold no number and no text."
    )

    token: TokenOrNone = option(
        "",
        "Token",
        secret=True,
        help="The collector sends it as a bearer token. Empty: nobody outside reads.",
    )
