"""Forgotten passwords: a code for ten minutes and five tries, the same answer for whoever is not there."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LIFETIME = 600.0
TRIES = 5
PAUSE = 60.0  # seconds between two codes for one user
MOST = 256
USER_DAILY = 10
ADDRESS_DAILY = 5
DAY = 86400.0
KEPT = 2048  # users and addresses remembered


@dataclass(slots=True)
class _Pending:
    digest: bytes = field(repr=False)
    until: float
    tries: int = 0


class _Days:
    """What was drawn within the last 24 hours, by key. Not thread-safe."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[float]] = {}  # the longest unused first

    def may(self, key: tuple[str, str], most: int, now: float) -> bool:
        return sum(at > now - DAY for at in self._times.get(key, ())) < most

    def count(self, keys: Iterable[tuple[str, str]], now: float) -> None:
        for key in keys:
            self._times[key] = [*(at for at in self._times.pop(key, ()) if at > now - DAY), now]
            if len(self._times) > KEPT:
                del self._times[next(iter(self._times))]


class Recovery:
    """steady(): seconds. Codes are kept in memory, as digests under a key that ends with the process."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._key = secrets.token_bytes(32)
        self._pending: dict[str, _Pending] = {}
        self._drawn = _Days()
        self._lock = threading.Lock()

    def draw(self, item: str, address: str) -> str:
        """A new code for a user, or "" when one was drawn just now, or too many were: each costs an SMS.

        address: where it is asked from; it has a smaller share than the user, who can still ask elsewhere.
        """
        code = f"{secrets.randbelow(10**6):06d}"
        now = self._steady()
        with self._lock:
            old = self._pending.get(item)
            if old is not None and old.until - now > LIFETIME - PAUSE:
                return ""
            if not self._drawn.may(("user", item), USER_DAILY, now):
                return ""
            if not self._drawn.may(("address", address), ADDRESS_DAILY, now):
                return ""
            self._drawn.count((("user", item), ("address", address)), now)
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
