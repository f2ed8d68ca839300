"""Status figures of every minute, kept for seven days."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from app.store.database import Database

KEPT_MINUTES = 7 * 24 * 60


class History:
    """One row a minute: the name of a figure to its value."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, at: float, figures: Mapping[str, float]) -> None:
        """at: Unix seconds; a minute that is there already is replaced, what is too old goes."""
        minute = int(at // 60)
        text = json.dumps({name: round(value, 2) for name, value in figures.items()})
        self._database.submit(
            lambda connection: (
                connection.execute("INSERT OR REPLACE INTO history VALUES (?, ?)", (minute, text)),
                connection.execute("DELETE FROM history WHERE minute < ?", (minute - KEPT_MINUTES,)),
            )
        )

    def since(self, at: float, most: int = 600) -> Sequence[tuple[int, Mapping[str, float]]]:
        """Minutes (Unix seconds of their begin) and figures, thinned evenly to ``most`` of them."""
        first = int(at // 60)
        count = self._database.read("SELECT count(*) FROM history WHERE minute >= ?", first)[0][0]
        step = max(1, -(-int(count) // most))
        rows = self._database.read(
            "SELECT minute, figures FROM history WHERE minute >= ? AND minute % ? = 0 ORDER BY minute",
            first,
            step,
        )
        return [(minute * 60, json.loads(figures)) for minute, figures in rows]
