"""What became of each update of a name: for the page, and so that a restart sends nothing anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.store.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ddns_history (
    number INTEGER PRIMARY KEY, record TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL,
    address TEXT NOT NULL, mark TEXT NOT NULL, state TEXT NOT NULL, words TEXT NOT NULL
)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS ddns_history_record ON ddns_history (record, number)"
KEPT = 200  # entries a record


@dataclass(frozen=True, slots=True)
class Entry:
    """state: done, later or stop; mark: fingerprint of the settings it was done with; at: Unix seconds."""

    record: str
    name: str
    at: float
    address: str
    mark: str
    state: str
    words: str


class DdnsHistory:
    def __init__(self, database: Database) -> None:
        self._database = database
        database.submit(_make).wait()

    def add(self, entry: Entry) -> None:
        """Keep an entry, and forget the record's oldest."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO ddns_history (record, name, at, address, mark, state, words)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entry.record, entry.name, entry.at, entry.address, entry.mark, entry.state, entry.words),
            )
            connection.execute(
                "DELETE FROM ddns_history WHERE record = ? AND number NOT IN"
                " (SELECT number FROM ddns_history WHERE record = ? ORDER BY number DESC LIMIT ?)",
                (entry.record, entry.record, KEPT),
            )

        self._database.submit(work).wait()

    def latest(self, record: str, count: int = KEPT) -> Sequence[Entry]:
        rows = self._database.read(
            "SELECT record, name, at, address, mark, state, words FROM ddns_history"
            " WHERE record = ? ORDER BY number DESC LIMIT ?",
            record,
            count,
        )
        return [Entry(*row) for row in rows]


def _make(connection: sqlite3.Connection) -> None:
    connection.execute(_SCHEMA)
    connection.execute(_INDEX)
