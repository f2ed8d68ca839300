"""How many mails each account has sent on each day: what a daily limit is counted by."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping

from app.store.database import Database, Write

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mail_usage (
    account TEXT NOT NULL, day TEXT NOT NULL, mails INTEGER NOT NULL, PRIMARY KEY (account, day)
) WITHOUT ROWID
"""


class MailUsage:
    """Counts are kept in memory too: a write that is not yet committed counts already."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._days: dict[str, dict[str, int]] = {}
        database.submit(lambda connection: connection.execute(_SCHEMA)).wait()

    def of(self, day: str) -> Mapping[str, int]:
        """Account id → mails of that day ("2026-11-20", in local time)."""
        with self._lock:
            return dict(self._counts(day))

    def add(self, account: str, day: str, mails: int) -> Write:
        """One more (or, known not to be sent, one less)."""
        with self._lock:
            counts = self._counts(day)
            counts[account] = counts.get(account, 0) + mails

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO mail_usage (account, day, mails) VALUES (?, ?, ?)"
                " ON CONFLICT (account, day) DO UPDATE SET mails = mails + excluded.mails",
                (account, day, mails),
            )

        return self._database.submit(work)

    def sweep(self, before: str) -> None:
        """Forget the days before this one."""
        with self._lock:
            self._days = {day: counts for day, counts in self._days.items() if day >= before}
        self._database.submit(
            lambda connection: connection.execute("DELETE FROM mail_usage WHERE day < ?", (before,))
        )

    def _counts(self, day: str) -> dict[str, int]:
        if day not in self._days:
            rows = self._database.read("SELECT account, mails FROM mail_usage WHERE day = ?", day)
            self._days[day] = dict(rows)
        return self._days[day]
