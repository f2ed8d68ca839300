"""Live OTP references in the state database, by keyed digest."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable
from typing import Any

from app.core.ports import Verdict
from app.store.database import Database

# An ended reference is kept this long, so that a late try hears "expired" rather than "unknown".
KEPT = 24 * 3600.0


class SqliteOtpStore:
    """``core.ports.OtpStore``: each call runs whole in the writer's thread, so two never interleave."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, key: bytes, mark: bytes, expires: float, now: float) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT state, expires FROM otp WHERE key = ?", (key,)).fetchone()
            if row is not None and row[0] == "alive" and row[1] > now:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO otp (key, mark, expires, state, wrong) VALUES (?, ?, ?, 'alive', 0)",
                (key, mark, expires),
            )
            return True

        return bool(self._database.submit(work).wait())

    def check(self, key: bytes, mark: bytes, now: float, tries: int) -> Verdict:
        def work(connection: sqlite3.Connection) -> Verdict:
            row = connection.execute(
                "SELECT mark, expires, state, wrong FROM otp WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return Verdict.UNKNOWN
            kept, expires, state, wrong = row
            if state != "alive":
                return Verdict(state)
            if expires <= now:
                return Verdict.EXPIRED
            if hmac.compare_digest(kept, mark):
                connection.execute("UPDATE otp SET state = 'used' WHERE key = ?", (key,))
                return Verdict.RIGHT
            wrong += 1
            verdict = Verdict.LOCKED if wrong >= tries else Verdict.WRONG
            state = "locked" if verdict is Verdict.LOCKED else "alive"
            connection.execute("UPDATE otp SET wrong = ?, state = ? WHERE key = ?", (wrong, state, key))
            return verdict

        verdict = self._database.submit(work).wait()
        assert isinstance(verdict, Verdict)
        return verdict

    def shift(self, seconds: float) -> None:
        """The wall clock jumped: what was alive stays alive as long as it would have been."""
        self._database.submit(
            lambda connection: connection.execute("UPDATE otp SET expires = expires + ?", (seconds,))
        )

    def sweep(self, now: float) -> None:
        self._database.submit(
            lambda connection: connection.execute("DELETE FROM otp WHERE expires < ?", (now - KEPT,))
        )


def forget(connection: sqlite3.Connection, key: bytes, mark: bytes) -> None:
    """Free the reference if it still holds this very code: with the outcome of its message, in one commit."""
    connection.execute("DELETE FROM otp WHERE key = ? AND mark = ?", (key, mark))


def figures(read: Callable[..., list[tuple[Any, ...]]], now: float) -> dict[str, int]:
    """How many references are alive, used, locked and expired; nothing that tells which.

    read(query, *values) gives the rows, by a connection of the caller's choice.
    """
    counted = {"alive": 0, "used": 0, "locked": 0, "expired": 0}
    rows = read(
        "SELECT CASE WHEN state = 'alive' AND expires <= ? THEN 'expired' ELSE state END, count(*)"
        " FROM otp GROUP BY 1",
        now,
    )
    return counted | dict(rows)
