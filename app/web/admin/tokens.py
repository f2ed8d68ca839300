"""Tokens against forged requests: bound to the visitor's cookie, different in every page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_NONCE = 9


class Tokens:
    """A token is a nonce and a keyed digest of nonce and cookie.

    The nonce makes each page's token another one, so that packing a page tells nothing about it (BREACH).
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, cookie: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._digest(nonce, cookie)).decode("ascii")

    def mark(self, value: str) -> str:
        """Tells one value from another without telling anything about either, secrets in it included."""
        return hmac.digest(self._key, b"mark" + value.encode("utf-8", "replace"), hashlib.sha256)[:12].hex()

    def fits(self, token: str, cookie: str) -> bool:
        try:
            octets = base64.b64decode(token, altchars=b"-_", validate=True)
        except ValueError:
            return False
        nonce, digest = octets[:_NONCE], octets[_NONCE:]
        return bool(cookie) and hmac.compare_digest(digest, self._digest(nonce, cookie))

    def _digest(self, nonce: bytes, cookie: str) -> bytes:
        return hmac.digest(self._key, nonce + cookie.encode("utf-8", "replace"), hashlib.sha256)
