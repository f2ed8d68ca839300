"""Codes of authenticator apps: RFC 6238 with SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote

PERIOD = 30
DIGITS = 6
_SLACK = 1  # periods a clock may be off, either way (RFC 6238 §5.2)


def new_key() -> str:
    """A key of 160 bits in base32 (RFC 4226 §4)."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def code(key: str, period: int) -> str:
    """The code of one period (RFC 4226 §5.3)."""
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    digest = hmac.digest(secret, period.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def period_of(key: str, given: str, now: float, after: int = -1) -> int | None:
    """The period of a code, later than ``after`` so that none counts twice; None if it is wrong."""
    given = given.replace(" ", "")
    current = int(now // PERIOD)
    found = None
    for period in range(current - _SLACK, current + _SLACK + 1):
        if (
            hmac.compare_digest(code(key, period).encode(), given.encode("utf-8", "replace"))
            and period > after
        ):
            found = period
    return found


def address(key: str, user: str, device: str) -> str:
    """The ``otpauth`` address that an app takes by QR code."""
    return f"otpauth://totp/{quote(device)}:{quote(user)}?secret={key}&issuer={quote(device)}"
