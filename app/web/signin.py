"""Lets API users in: checked credentials are kept in memory under a key, all others cost one slow hash."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from app.web.guard import (
    ADDRESS_FAILURES,
    USER_FAILURES,
    Failures,
    MinuteLimit,
    basic_credentials,
    neighbourhood,
)

VERIFIED = 1024  # credentials remembered
HASHES_WAITING = 24  # one is computed at a time; each costs up to 0.3 s on the slowest device
HASHES_PER_ADDRESS = 12
_HASH_SECONDS = 20.0
_BUSY = "too many sign-ins at once; try again in a moment"


class Account(Protocol):
    """Who may sign in. password: its hash, "" for one who cannot."""

    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def blocked(self) -> bool: ...


class User(Account, Protocol):
    """An item of the section api_users."""

    @property
    def allowed_commands(self) -> tuple[str, ...]: ...
    @property
    def per_minute_limit(self) -> int: ...


class Denied(Exception):
    """Nobody is let in. retry_after: whole seconds for a 429, or 0 for a 401."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = math.ceil(retry_after)


@dataclass(frozen=True, slots=True)
class _Check:
    stored: str
    password: str = field(repr=False)
    usable: bool


A = TypeVar("A", bound=Account)


class SignIn(Generic[A]):
    """Knows the accounts and who among those who come is one of them.

    verify(hash, password): whether they belong together; takes equally long for an empty hash.
    pause(seconds): holds a thread back; steady(): seconds. name_failures: wrong passwords that lock a name.
    """

    def __init__(
        self,
        verify: Callable[[str, str], bool],
        users: Iterable[A] = (),
        steady: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        name_failures: int = USER_FAILURES,
    ) -> None:
        self._verify = verify
        self._steady = steady
        self._pause = pause
        # Keyed, so that neither a dump of the memory's tables nor their timing tells a password.
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._verified: dict[bytes, None] = {}  # the longest unused first
        self._pending: dict[bytes, Future[bool]] = {}
        self._at_work: dict[str, int] = {}  # hashes waiting, by address
        self._names = Failures(name_failures)
        self._addresses = Failures(ADDRESS_FAILURES)
        self._limits: dict[str, MinuteLimit] = {}
        self._users: dict[str, A] = {}
        self.load(users)

    def load(self, users: Iterable[A]) -> None:
        """Take over the users as the settings now have them; a changed password counts from here on."""
        known = {user.username: user for user in users}
        with self._lock:
            self._users = known
            self._limits = {name: self._limits.get(name, MinuteLimit()) for name in known}

    def user(self, authorization: str, address: str) -> A:
        """Who sends this ``Authorization`` field from that address. Raises Denied."""
        credentials = basic_credentials(authorization)
        if credentials is None:
            raise Denied("send the name and the password of an API user with Basic authentication")
        return self.named(*credentials, address)

    def named(self, name: str, password: str, address: str) -> A:
        """The user of that name, if the password is theirs. Raises Denied."""
        found = self._users.get(name)
        usable = found is not None and found.active and not found.blocked and found.password != ""
        mark = self._mark(name, password, found.password if found else "")
        if found is not None and usable and self._remembered(mark):
            return found
        check = _Check(found.password if found else "", password, usable)
        name_mark = self._mark(name).hex()
        if self._hashed(mark, check, name_mark, neighbourhood(address)) and found is not None:
            return found
        raise Denied("the user name or the password is wrong, or the user is not active")

    def take(self, user: User, count: int) -> int:
        """Count so many commands against the user's limit: 0, or seconds to wait before another try."""
        with self._lock:
            limit = self._limits.get(user.username)
            return limit.take(count, user.per_minute_limit, self._steady()) if limit else 0

    def _mark(self, *fields: str) -> bytes:
        text = "\0".join(fields).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remembered(self, mark: bytes) -> bool:
        with self._lock:
            if mark not in self._verified:
                return False
            del self._verified[mark]
            self._verified[mark] = None
            return True

    def _remember(self, mark: bytes, name: str) -> None:
        with self._lock:
            self._verified[mark] = None
            if len(self._verified) > VERIFIED:
                del self._verified[next(iter(self._verified))]
            # The address keeps its failures: whoever owns one account could else try out the others.
            self._names.succeeded(name)

    def _hashed(self, mark: bytes, check: _Check, name: str, address: str) -> bool:
        """Whether the password is right, by one slow hash for all who ask the same. Raises Denied."""
        with self._lock:
            if check.usable and mark in self._verified:
                return True  # it was found out while this one was on its way here
            self._refuse_locked(name, address)
            pending = self._pending.get(mark)
            if pending is None:
                here = self._at_work.get(address, 0)
                if sum(self._at_work.values()) >= HASHES_WAITING or here >= HASHES_PER_ADDRESS:
                    raise Denied(_BUSY, 1.0)
                self._at_work[address] = here + 1
                ours = self._pending[mark] = Future()
        if pending is not None:
            try:
                return pending.result(_HASH_SECONDS)
            except Late:
                raise Denied(_BUSY, 1.0) from None
        try:
            right = self._in_turn(check, name, address)
            if right:  # before it is no longer pending: whoever comes now must find the one or the other
                self._remember(mark, name)
            ours.set_result(right)
        except BaseException as error:
            ours.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._pending[mark]
                self._at_work[address] -= 1
                if not self._at_work[address]:
                    del self._at_work[address]
        return right

    def _in_turn(self, check: _Check, name: str, address: str) -> bool:
        with self._turn:
            with self._lock:
                # Those who came together with the one that locked the door stay outside as well.
                self._refuse_locked(name, address)
            right = self._verify(check.stored, check.password) and check.usable
            delay = 0.0 if right else self._failed(name, address)
        if delay:
            # The place among those at work is kept: an attacker's next try waits behind this one.
            self._pause(delay)
        return right

    def _failed(self, name: str, address: str) -> float:
        with self._lock:
            now = self._steady()
            return max(self._names.failed(name, now), self._addresses.failed(address, now))

    def _refuse_locked(self, name: str, address: str) -> None:
        now = self._steady()
        wait = max(self._names.locked(name, now), self._addresses.locked(address, now))
        if wait:
            raise Denied("too many wrong passwords; try again later", wait)
