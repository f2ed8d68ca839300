"""Who is signed in: sessions kept at the server, each with a random id and an end."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

IDLE = 30 * 60.0
LONGEST = 12 * 3600.0
MOST_NOTICES = 8  # that wait in a session to be shown
MOST = 64  # sessions at once; the longest unseen makes room


@dataclass(slots=True)
class Session:
    """item: the user's item in the settings; mark: the password hash it began with; times are steady seconds.

    handle: names the session in lists and forms, where its id must not stand.
    """

    id: str = field(repr=False)
    item: str
    mark: str = field(repr=False)
    address: str
    agent: str
    began: float
    seen: float
    handle: str
    notices: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)


class Sessions:
    """steady(): seconds. Ids come from the system's random source and are never taken from a client."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._by_id: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, item: str, mark: str, address: str, agent: str) -> Session:
        now = self._steady()
        made = Session(
            secrets.token_urlsafe(32), item, mark, address, agent[:200], now, now, secrets.token_hex(8)
        )
        with self._lock:
            self._drop_ended(now)
            if len(self._by_id) >= MOST:
                del self._by_id[min(self._by_id.values(), key=lambda one: one.seen).id]
            self._by_id[made.id] = made
        return made

    def find(self, session_id: str, touch: bool = True) -> Session | None:
        """The session of that id if it has not ended; touch: its owner is at work, which keeps it alive."""
        now = self._steady()
        with self._lock:
            found = self._by_id.get(session_id)
            if found is None:
                return None
            if _ended(found, now):
                del self._by_id[session_id]
                return None
            if touch:
                found.seen = now
            return found

    def end(self, session: Session) -> None:
        with self._lock:
            self._by_id.pop(session.id, None)

    def of(self, item: str) -> Sequence[Session]:
        """The sessions of one user, the newest first."""
        now = self._steady()
        with self._lock:
            mine = [one for one in self._by_id.values() if one.item == item and not _ended(one, now)]
        return sorted(mine, key=lambda one: one.began, reverse=True)

    def all(self) -> Sequence[Session]:
        """Everybody's that have not ended."""
        now = self._steady()
        with self._lock:
            return [one for one in self._by_id.values() if not _ended(one, now)]

    def _drop_ended(self, now: float) -> None:
        for one in [one for one in self._by_id.values() if _ended(one, now)]:
            del self._by_id[one.id]

    def __len__(self) -> int:
        return len(self._by_id)


def _ended(session: Session, now: float) -> bool:
    return now - session.seen > IDLE or now - session.began > LONGEST
