"""The audit: who changed what, when and from where; secrets never."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.store.database import Database

KEPT_ROWS = 20_000
# What a stranger may cause has a room of its own, so that it drives out nothing else.
REFUSALS = ("refused", "locked-out")
KEPT_REFUSALS = 2_000
LONGEST = 2000  # characters of detail


@dataclass(frozen=True, slots=True)
class Entry:
    """at: Unix seconds; who: a user, or "-"; what: a slug such as ``settings.changed``."""

    seq: int
    at: float
    who: str
    address: str
    what: str
    detail: str


class Audit:
    """Rows that are only ever added; the oldest go when there are too many."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, at: float, who: str, address: str, what: str, detail: str = "") -> None:
        """Returns at once; what came from a client keeps no control characters."""
        values = (at, _plain(who, 64), _plain(address, 64), what, _plain(detail, LONGEST))
        self._database.submit(
            lambda connection: connection.execute(
                "INSERT INTO audit (at, who, address, what, detail) VALUES (?, ?, ?, ?, ?)", values
            )
        )

    def page(self, before: int, limit: int, search: str = "") -> Sequence[Entry]:
        """The newest entries older than ``before`` (0: all) that hold the text, newest first."""
        wanted = f"%{search.translate(_LIKE)}%"
        rows = self._database.read(
            "SELECT seq, at, who, address, what, detail FROM audit WHERE (? = 0 OR seq < ?)"
            " AND (? = '%%' OR who LIKE ? ESCAPE '\\' OR what LIKE ? ESCAPE '\\' OR detail LIKE ? ESCAPE '\\'"
            " OR address LIKE ? ESCAPE '\\') ORDER BY seq DESC LIMIT ?",
            before,
            before,
            *[wanted] * 5,
            limit,
        )
        return [Entry(*row) for row in rows]

    def sweep(self) -> None:
        def trim(connection: sqlite3.Connection) -> None:
            for refusals, kept in ((True, KEPT_REFUSALS), (False, KEPT_ROWS)):
                which = (*REFUSALS, refusals)
                connection.execute(
                    "DELETE FROM audit WHERE (what IN (?, ?)) = ? AND seq <= (SELECT seq FROM audit"
                    " WHERE (what IN (?, ?)) = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                    (*which, *which, kept),
                )

        self._database.submit(trim)


_LIKE = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


def _plain(text: str, longest: int) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text[:longest])
