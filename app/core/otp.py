"""The book of one-time passwords: issue and verify; a code is never kept, only its keyed mark."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.commands import Params
from app.core.digest import KeyedDigest
from app.core.errors import BadRequest, Duplicated, Expired, InvalidOtp, OtpLocked
from app.core.ports import OtpStore, Verdict

PLACE = "%s"


@dataclass(frozen=True, slots=True)
class OtpPolicy:
    """digits: 4 to 10; tries: wrong ones until a reference dies; lifetime: seconds."""

    digits: int = 6
    tries: int = 5
    lifetime: float = 300.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A code that was drawn but is not yet good for anything, until ``OtpBook.issue`` enters it."""

    key: bytes
    mark: bytes
    expires: float
    text: str


class OtpBook:
    """Issues and verifies codes bound to reference, receiver, parameters and the code's length."""

    def __init__(self, store: OtpStore, digest: KeyedDigest, clock: Clock, policy: OtpPolicy) -> None:
        self._store = store
        self._digest = digest
        self._clock = clock
        self.policy = policy

    def expiry(self, wanted: float | None) -> float:
        """When a code asked for now ends, in Unix seconds. Raises Expired when that is past.

        While the wall clock was never set, a caller's absolute time means nothing to us and the
        policy's lifetime counts instead.
        """
        now = self._clock.wall()
        if wanted is None or not self._clock.trusted:
            return now + self.policy.lifetime
        if wanted <= now:
            raise Expired("the expiration lies in the past; nothing was sent")
        return wanted

    def draw(self, reference: str, receiver: str, params: Params, template: str, expires: float) -> Ticket:
        """A fresh code written into the template. Raises BadRequest unless there is exactly one place."""
        if template.count(PLACE) != 1:
            raise BadRequest(f"the message must hold {PLACE} exactly once, where the code goes")
        digits = self.policy.digits
        code = f"{secrets.randbelow(10**digits):0{digits}d}"
        return Ticket(
            key=self._digest("reference", reference),
            mark=self._mark(reference, receiver, params, code),
            expires=expires,
            text=template.replace(PLACE, code),
        )

    def issue(self, ticket: Ticket) -> None:
        """Make the code good. Raises Duplicated while the reference is alive."""
        if not self._store.issue(ticket.key, ticket.mark, ticket.expires, self._clock.wall()):
            raise Duplicated("this reference is still alive; verify it, let it expire, or use another")

    def verify(self, reference: str, receiver: str, params: Params, code: str) -> None:
        """Returns when the code is right, once. Raises InvalidOtp, OtpLocked or Expired."""
        verdict = self._store.check(
            self._digest("reference", reference),
            self._mark(reference, receiver, params, code),
            self._clock.wall(),
            self.policy.tries,
        )
        match verdict:
            case Verdict.RIGHT:
                return
            case Verdict.EXPIRED:
                raise Expired("the code has expired; request a new one")
            case Verdict.LOCKED:
                raise OtpLocked("too many wrong tries: this reference is dead; request a new code")
            case _:
                # Used, unknown and wrong look alike on purpose: each tells a guesser nothing.
                raise InvalidOtp("the code does not match; check it, or request a new one")

    def _mark(self, reference: str, receiver: str, params: Params, code: str) -> bytes:
        return self._digest("otp", reference, receiver, *params, str(len(code)), code)
