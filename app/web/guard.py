"""Who may come in, by Basic credentials, failures and limits: the rules alone, with the time passed in."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from app.core import peers

FREE_FAILURES = 3  # answered at full speed; the next ones ever later
USER_FAILURES = 10  # then the name is locked …
ADDRESS_FAILURES = 20  # … and then the address, which may be many people's
LONGEST_DELAY = 2.0
FIRST_LOCK = 60.0
LONGEST_LOCK = 900.0
FORGET_AFTER = 1800.0
KEPT = 2048  # names, and as many addresses; the longest unseen are forgotten first

_SYNONYMS = {
    "create-otp": "request-otp",
    "validate-otp": "verify-otp",
    "send-mail": "send-email",
    "answer-ussd": "request-ussd",  # who may begin a session may go on with it
    "cancel-ussd": "request-ussd",
}
# A receiver decides what send-message is: who may use it may use its two halves.
_INCLUDED = {"send-sms": "send-message", "send-email": "send-message"}


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """User and password of an ``Authorization`` field (RFC 7617), or None; the password may hold colons.

    UTF-8, or Latin-1 where it is not, which some clients still send.
    """
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        octets = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon or any(sign < " " or sign == "\x7f" for sign in text):
        return None  # control characters have no place here (RFC 7617 §2)
    return user, password


def neighbourhood(address: str) -> str:
    """What failures are counted by: an IPv4 address, or the /64 of an IPv6 one, which is one customer's."""
    found = peers.parsed(address)
    if found is None:
        return address[:64]
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


def may(allowed: Iterable[str], commands: Iterable[str]) -> str:
    """The first command that is not among the allowed ones, or ""; nothing allowed means all are."""
    permitted = set(allowed)
    if permitted:
        for name in commands:
            plain = _SYNONYMS.get(name, name)
            if plain not in permitted and _INCLUDED.get(plain) not in permitted:
                return name
    return ""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0
    locked_until: float = 0.0


class Failures:
    """Wrong passwords by one kind of key (names or addresses), each key for itself. Not thread-safe.

    limit: how many until the key is locked, first for a minute, then twice as long with each further one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_key: dict[str, _Failures] = {}  # the longest unseen first

    def locked(self, key: str, now: float) -> float:
        """Seconds for which the key is still refused; 0 when it is not."""
        found = self._by_key.get(key)
        return max(0.0, found.locked_until - now) if found else 0.0

    def failed(self, key: str, now: float) -> float:
        """One more failure. Returns for how many seconds its answer is to be held back."""
        found = self._by_key.pop(key, None)
        if found is None or now - found.last > FORGET_AFTER:
            found = _Failures()
        self._by_key[key] = found
        if len(self._by_key) > KEPT:
            del self._by_key[next(iter(self._by_key))]
        found.count += 1
        found.last = now
        beyond = found.count - self._limit
        if beyond >= 0:
            # The exponent is bounded before the power: a patient attacker must not overflow it.
            found.locked_until = now + min(FIRST_LOCK * 2.0 ** min(beyond, 8), LONGEST_LOCK)
        steps = min(found.count - FREE_FAILURES, 8)
        return min(0.125 * 2.0**steps, LONGEST_DELAY) if steps > 0 else 0.0

    def succeeded(self, key: str) -> None:
        self._by_key.pop(key, None)

    def __len__(self) -> int:
        return len(self._by_key)


class MinuteLimit:
    """So many commands in any sixty seconds, counted by the second. Not thread-safe."""

    def __init__(self) -> None:
        self._seconds: dict[int, int] = {}  # second to how many: at most sixty entries

    def take(self, count: int, limit: int, now: float) -> int:
        """0 when so many more may pass and are counted; else whole seconds until it is worth another try.

        A limit of 0 is none.
        """
        if not limit:
            return 0
        second = int(now)
        for old in [s for s in self._seconds if s <= second - 60]:
            del self._seconds[old]
        if sum(self._seconds.values()) + count <= limit:
            self._seconds[second] = self._seconds.get(second, 0) + count
            return 0
        oldest = min(self._seconds, default=second)
        return max(1, oldest + 60 - second)
