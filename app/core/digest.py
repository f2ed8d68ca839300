"""Keyed fingerprints of several fields: what is stored in place of what must not be."""

from __future__ import annotations

import hashlib
import hmac


class KeyedDigest:
    """HMAC-SHA256 over fields, each preceded by its length so that no two lists of fields run together.

    key: 32 octets of a device key that lies outside the store, so that a stolen store gives no codes away.
    """

    def __init__(self, key: bytes) -> None:
        self._start = hmac.new(key, digestmod=hashlib.sha256)

    def __call__(self, *fields: str) -> bytes:
        """32 octets."""
        digest = self._start.copy()
        for one in fields:
            # Lone surrogates reach us through JSON escapes; they count as they are.
            octets = one.encode("utf-8", "surrogatepass")
            digest.update(len(octets).to_bytes(4, "big") + octets)
        return digest.digest()
