"""Checks logins against the password file without holding up the broker, and slows down who guesses."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto

from .gate import Login
from .htpasswd import Passwords, verify
from .watched import Watched

_REMEMBERED = 4096
_GUESSES = 10
_GUESSING_WINDOW = 60.0
_STAND_IN = "$2y$10$.TUlxR0Mpa7CEMSvh7M1p.zBIP9vqnBx26RWKvgTYO7q9DBUvZXZe"
"""Checked for unknown users while the file is empty, so that they take as long as known ones."""


class Verdict(Enum):
    WELCOME = auto()
    WRONG = auto()
    GUESSING = auto()
    """Too many wrong passwords for this user from this address: not even checked."""
    BUSY = auto()


class Doorman:
    """A login that was right once is remembered, keyed, as long as its line of the file stays the same."""

    def __init__(
        self, passwords: Watched[Passwords], pending: int, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._passwords = passwords
        self._pending_most = pending
        self._pending = 0
        self._steady = steady
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        # One thread: pure hashing on more would take the processor from the broker itself.
        self._hashing = ThreadPoolExecutor(1, "broker-hash")

    async def check(self, login: Login, address: str) -> Verdict:
        """Call from the event loop; only the hashing leaves it."""
        hashes = self._passwords.current.hashes
        stored = hashes.get(login.user)
        if stored is not None and self._fingerprint(login, stored) in self._known:
            return Verdict.WELCOME
        if self._guesses(address, login.user) >= _GUESSES:
            return Verdict.GUESSING
        if self._pending >= self._pending_most:
            return Verdict.BUSY
        self._pending += 1
        try:
            against = stored or next(iter(hashes.values()), _STAND_IN)
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._hashing, verify, against, login.password)
        finally:
            self._pending -= 1
        if right and stored is not None:
            self._remember(self._fingerprint(login, stored))
            return Verdict.WELCOME
        self._note_guess(address, login.user)
        return Verdict.WRONG

    def stored(self, user: str) -> str | None:
        """The user's line as it stands now; a client whose line has changed must log in anew."""
        return self._passwords.current.hashes.get(user)

    @property
    def trouble(self) -> str:
        return self._passwords.trouble

    def close(self) -> None:
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def _fingerprint(self, login: Login, stored: str) -> bytes:
        said = b"\0".join((login.user.encode("utf-8", "surrogateescape"), stored.encode(), login.password))
        return hmac.new(self._key, said, hashlib.sha256).digest()

    def _remember(self, fingerprint: bytes) -> None:
        self._known[fingerprint] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _guesses(self, address: str, user: str) -> int:
        times = self._wrong.get((address, user), [])
        times[:] = [at for at in times if at > self._steady() - _GUESSING_WINDOW]
        return len(times)

    def _note_guess(self, address: str, user: str) -> None:
        self._wrong.setdefault((address, user), []).append(self._steady())
        self._wrong.move_to_end((address, user))
        if len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)
