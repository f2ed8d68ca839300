"""Who may come in: password, authenticator code, set-up code, and a code for those who forgot."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.settings.passwords import verify_password
from app.settings.store import SettingsStore
from app.settings.users import User
from app.web.admin import totp
from app.web.admin.recovery import Recovery
from app.web.guard import ADDRESS_FAILURES, Failures, neighbourhood
from app.web.signin import Denied, SignIn

NAME_FAILURES = 5
HALF_WAY = 300.0  # seconds between password and authenticator code
_MOST_HALF_WAY = 64


@dataclass(frozen=True)
class _HalfWay:
    item: str
    until: float


class People:
    """The users of the settings, read anew each time: a new password counts at once.

    wall(), steady(): seconds; verify as in `settings.passwords`.
    """

    def __init__(
        self,
        store: SettingsStore,
        wall: Callable[[], float],
        steady: Callable[[], float],
        verify: Callable[[str, str], bool] = verify_password,
    ) -> None:
        self.recovery = Recovery(steady)
        self._store = store
        self._wall = wall
        self._steady = steady
        self._sign_in: SignIn[User] = SignIn(verify, steady=steady, name_failures=NAME_FAILURES)
        self._codes = Failures(NAME_FAILURES)
        self._addresses = Failures(ADDRESS_FAILURES)
        self._used: dict[str, int] = {}  # the last period of each user whose authenticator code was taken
        self._half_way: dict[str, _HalfWay] = {}
        self._lock = threading.Lock()

    def users(self) -> Mapping[str, User]:
        return self._store.items(User)

    def usable(self, item: str) -> User | None:
        """The user if it may sign in."""
        user = self.users().get(item)
        return user if user is not None and user.active and not user.blocked and user.password else None

    def check_password(self, name: str, password: str, address: str) -> str:
        """The item of the user who has this name and password. Raises Denied."""
        users = self.users()
        self._sign_in.load(users.values())
        found = self._sign_in.named(name, password, address)
        return next(item for item, user in users.items() if user.username == found.username)

    def half_way(self, item: str) -> str:
        """A ticket for a user whose password was right and whose authenticator code is still to come."""
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            if len(self._half_way) >= _MOST_HALF_WAY:
                del self._half_way[next(iter(self._half_way))]
            self._half_way[ticket] = _HalfWay(item, self._steady() + HALF_WAY)
        return ticket

    def check_code(self, ticket: str, code: str, address: str) -> str:
        """The item of the ticket's user whose authenticator code this is. Raises Denied."""
        with self._lock:
            known = self._half_way.get(ticket)
            if known is None or known.until < self._steady():
                raise Denied("that took too long; sign in again")
            self._refuse_locked(known.item, address)
            user = self.usable(known.item)
            last = self._used.get(known.item, -1)
            period = totp.period_of(user.totp_key, code, self._wall(), last) if user else None
            if period is None:
                self._failed(known.item, address)
                raise Denied("the code is wrong, or was used already")
            self._used[known.item] = period
            self._codes.succeeded(known.item)
            del self._half_way[ticket]
            return known.item

    def check_secret(self, key: str, right: bool, address: str) -> None:
        """Count a try of a set-up or recovery code. Raises Denied when it was wrong, or too many were."""
        with self._lock:
            self._refuse_locked(key, address)
            if not right:
                self._failed(key, address)
                raise Denied("the code is wrong or has expired")
            self._codes.succeeded(key)

    def _refuse_locked(self, key: str, address: str) -> None:
        now = self._steady()
        wait = max(self._codes.locked(key, now), self._addresses.locked(neighbourhood(address), now))
        if wait:
            raise Denied("too many wrong codes; try again later", wait)

    def _failed(self, key: str, address: str) -> None:
        now = self._steady()
        self._codes.failed(key, now)
        self._addresses.failed(neighbourhood(address), now)
