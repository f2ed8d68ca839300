"""Who a message goes to: a telephone number or a mail address, and how either is shown."""

from __future__ import annotations

import re

from app.core.errors import BadRequest
from app.core.msisdn import Numbering

# What a header or an SMTP dialogue could not survive is refused; the rest is the mail server's to judge.
_MAIL = re.compile(r"[^@\s\x00-\x20\x7f<>\",;:\\()\[\]]{1,64}@[^@\s\x00-\x20\x7f<>\",;:\\()]{1,253}")


def is_mail_address(receiver: str) -> bool:
    """A receiver with ``@`` is mail, everything else a telephone number (wire §3, send-message)."""
    return "@" in receiver


def canonical(given: str, numbering: Numbering) -> str:
    """The form by which receivers are compared. Raises BadRequest."""
    if not is_mail_address(given):
        return numbering.canonical(given)
    if not _MAIL.fullmatch(given):
        raise BadRequest("the receiver is not a mail address")
    # Only the domain is free of case (RFC 5321 §2.4).
    name, _, domain = given.rpartition("@")
    return f"{name}@{domain.lower()}"


def masked(receiver: str) -> str:
    """``628121*****90`` or ``j***@example.com``: enough to recognise, not enough to call."""
    name, at, domain = receiver.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    if len(receiver) < 8:
        return receiver
    return receiver[:5] + "*" * (len(receiver) - 7) + receiver[-2:]
