"""Forgotten passwords: a code for ten minutes and five tries, the same answer for whoever is not there."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

LIFETIME = 600.0
TRIES = 5
PAUSE = 60.0  # seconds between two codes for one user
MOST = 256


@dataclass(slots=True)
class _Pending:
    digest: bytes = field(repr=False)
    until: float
    tries: int = 0


class Recovery:
    """steady(): seconds. Codes are kept in memory, as digests under a key that ends with the process."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._key = secrets.token_bytes(32)
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()

    def draw(self, item: str) -> str:
        """A new code for a user, or "" when one was drawn just now."""
        code = f"{secrets.randbelow(10**6):06d}"
        now = self._steady()
        with self._lock:
            old = self._pending.get(item)
            if old is not None and old.until - now > LIFETIME - PAUSE:
                return ""
            if len(self._pending) >= MOST:
                del self._pending[next(iter(self._pending))]
            self._pending[item] = _Pending(self._digest(item, code), now + LIFETIME)
        return code

    def take(self, item: str, code: str) -> bool:
        """Whether this is the user's code; right or the fifth wrong, it is used up."""
        with self._lock:
            pending = self._pending.get(item)
            if pending is None or pending.until < self._steady():
                return False
            right = hmac.compare_digest(pending.digest, self._digest(item, code.strip()))
            pending.tries += 1
            if right or pending.tries >= TRIES:
                del self._pending[item]
            return right

    def _digest(self, item: str, code: str) -> bytes:
        return hmac.digest(self._key, f"{item}\0{code}".encode("utf-8", "replace"), hashlib.sha256)
