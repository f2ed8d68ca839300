"""The outbox of messages that are handed on, in the state database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.forwarding import Work
from app.store.database import Database

_AGAIN = (
    "UPDATE forward SET state = 'waiting', tries = 0, due = ?, error = '',"
    " replays = replays + (state <> 'waiting')"  # what is still under way keeps its name
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a rule, such as ``orders/webhook``, with how many messages are where; error: one of them."""

    name: str
    waiting: int
    done: int
    failed: int
    error: str


class SqliteForward:
    """``core.forwarding.ForwardStore``; ``SqliteInbox.keep_message`` puts a mark for each new message."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fresh(self) -> Sequence[int]:
        rows = self._database.read("SELECT message FROM forward WHERE state = 'new' ORDER BY id")
        return [row[0] for row in rows]

    def plan(self, message: int, ways: Sequence[str], now: float) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM forward WHERE message = ? AND state = 'new'", (message,))
            connection.executemany(
                "INSERT OR IGNORE INTO forward (message, rule, due) VALUES (?, ?, ?)",
                [(message, way, now) for way in ways],
            )

        self._database.submit(work).wait()

    def due(self, now: float) -> Sequence[Work]:
        rows = self._database.read(
            "SELECT id, message, rule, tries, replays FROM forward WHERE state = 'waiting' AND due <= ?"
            " ORDER BY due LIMIT 50",
            now,
        )
        return [Work(*row) for row in rows]

    def done(self, work: int) -> None:
        self._run("UPDATE forward SET state = 'done', tries = tries + 1, error = '' WHERE id = ?", work)

    def again(self, work: int, tries: int, due: float, error: str) -> None:
        self._run("UPDATE forward SET tries = ?, due = ?, error = ? WHERE id = ?", tries, due, error, work)

    def give_up(self, work: int, tries: int, error: str) -> None:
        self._run(
            "UPDATE forward SET state = 'failed', tries = ?, error = ? WHERE id = ?", tries, error, work
        )

    def replay(self, message: int, now: float) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                f"{_AGAIN} WHERE message = ? AND state IN ('done', 'failed', 'waiting')",
                (now, message),
            ).rowcount

        return int(self._database.submit(work).wait())

    def of(self, message: int) -> Sequence[tuple[str, str, int, str]]:
        """What became of handing a message on: way, state (waiting, done, failed), tries, last error."""
        return [
            (row[0], row[1], row[2], row[3])
            for row in self._database.read(
                "SELECT rule, state, tries, error FROM forward WHERE message = ? AND state <> 'new'"
                " ORDER BY id",
                message,
            )
        ]

    def replay_failed(self, now: float) -> int:
        """Hand everything on again that was given up; how many ways."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                f"{_AGAIN} WHERE state = 'failed'",
                (now,),
            ).rowcount

        return int(self._database.submit(work).wait())

    def ways(self) -> Sequence[Way]:
        """How handing on fares by each way that anything went."""
        rows = self._database.read(
            "SELECT rule, sum(state = 'waiting'), sum(state = 'done'), sum(state = 'failed'),"
            " coalesce(max(CASE WHEN state <> 'done' THEN error END), '')"
            " FROM forward WHERE state <> 'new' GROUP BY rule ORDER BY rule"
        )
        return [Way(*row) for row in rows]

    def _run(self, query: str, *values: Any) -> None:
        self._database.submit(lambda connection: connection.execute(query, values)).wait()
