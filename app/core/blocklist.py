"""Numbers that must not be written to, whatever door the message came through."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.core.errors import Blocked
from app.core.receiver import masked


class BlockList:
    """The set of blocked canonical numbers; ``keep`` makes a change last before it is answered.

    keep(number, blocked, by) writes the change to the settings; it may raise a GatewayError.
    """

    def __init__(self, keep: Callable[[str, bool, str], None], blocked: Iterable[str] = ()) -> None:
        self._keep = keep
        self._blocked = frozenset(blocked)

    def load(self, blocked: Iterable[str]) -> None:
        """Take over the list as the settings now have it."""
        self._blocked = frozenset(blocked)

    def __contains__(self, number: str) -> bool:
        return number in self._blocked

    def check(self, number: str) -> None:
        if number in self._blocked:
            raise Blocked(f"{masked(number)} is on the block list; unblock it first")

    def block(self, number: str, by: str) -> None:
        self._keep(number, True, by)
        self._blocked |= {number}

    def unblock(self, number: str, by: str) -> None:
        """Whiten a number; one that was not blocked is no error."""
        self._keep(number, False, by)
        self._blocked -= {number}
