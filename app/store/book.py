"""The ledger as people read it: newest first, filtered, a page or a day at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.message import LedgerRow
from app.store.ledger import ROW, row_of
from app.store.otp import figures

PIECE = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty means any. receiver: digits that occur in the number; since, until: Unix seconds."""

    state: str = ""
    modem: str = ""
    receiver: str = ""
    owner: str = ""
    since: float = 0.0
    until: float = 0.0

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its values."""
        parts: list[tuple[str, Any]] = []
        if self.state:
            parts.append(("state = ?", self.state))
        if self.modem:
            parts.append(("modem = ?", self.modem))
        if self.receiver:
            parts.append(("instr(receiver, ?) > 0", self.receiver))
        if self.owner:
            parts.append(("instr(owner, ?) > 0", self.owner))
        if self.since:
            parts.append(("accepted >= ?", self.since))
        if self.until:
            parts.append(("accepted < ?", self.until))
        return " AND ".join(text for text, _ in parts) or "1", [value for _, value in parts]


class LedgerBook:
    """Reads through a connection of its own: a long search must not keep the doors waiting."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA query_only = ON")
        self._lock = threading.Lock()

    def page(self, wanted: Filter, before: int = 0, limit: int = 50) -> Sequence[tuple[str, LedgerRow]]:
        """Owner and row of each message older than the sequence number ``before`` (0: all)."""
        where, values = wanted.where()
        if before:
            where, values = f"({where}) AND seq < ?", [*values, before]
        rows = self._read(
            f"SELECT owner, {ROW} FROM message WHERE {where} ORDER BY seq DESC LIMIT ?",  # noqa: S608
            *values,
            limit,
        )
        return [(row[0], row_of(row[1:])) for row in rows]

    def one(self, seq: int) -> tuple[str, LedgerRow] | None:
        rows = self._read(f"SELECT owner, {ROW} FROM message WHERE seq = ?", seq)  # noqa: S608
        return (rows[0][0], row_of(rows[0][1:])) if rows else None

    def reports(self, seq: int) -> Sequence[tuple[int, int, float]]:
        """What the network reported on a message: part from 1, status (23.040 §9.2.3.15), Unix time."""
        rows = self._read("SELECT part, status, at FROM part_report WHERE seq = ? ORDER BY at, part", seq)
        return [(part + 1, status, at) for part, status, at in rows]

    def day(self, since: float, until: float) -> Iterator[tuple[str, LedgerRow]]:
        """Every message accepted in a span, oldest first, read in pieces."""
        last = 0
        while True:
            rows = self._read(
                f"SELECT owner, {ROW} FROM message WHERE accepted >= ? AND accepted < ? AND seq > ?"  # noqa: S608
                " ORDER BY seq LIMIT ?",
                since,
                until,
                last,
                PIECE,
            )
            for row in rows:
                yield row[0], row_of(row[1:])
            if len(rows) < PIECE:
                return
            last = rows[-1][1]

    def counts(self, since: float) -> dict[str, int]:
        """How many messages accepted since then are in each state."""
        return dict(
            self._read("SELECT state, count(*) FROM message WHERE accepted >= ? GROUP BY state", since)
        )

    def otps(self, since: float, now: float) -> dict[str, int]:
        """Codes: issued since then; and of the references still known: alive, used, locked, expired."""
        issued = self._read(
            "SELECT count(*) FROM message WHERE accepted >= ? AND command IN ('request-otp', 'create-otp')",
            since,
        )
        return {"issued": issued[0][0], **figures(self._read, now)}

    def close(self) -> None:
        self._connection.close()

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()
