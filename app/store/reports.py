"""Delivery reports meet the ledger, by SIM, reference, last digits and time; whole when all parts are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.store.database import Database, Write

# A network tries for three days at the most; a reference of 8 bits comes round again, the newest is meant.
PATIENCE = 3 * 24 * 3600.0
# After a send whose outcome is unknown a report within this time may be about it.
ADOPTED = 3600.0
# Each by an index of its own (step 5): they run in the thread that writes for everybody.
FIND = (
    "SELECT seq, refs FROM message WHERE sim = ? AND sim <> '' AND substr(receiver, -7) = ? AND finished >= ?"
    " AND ',' || refs || ',' LIKE ? AND state IN ('sent', 'delivered', 'failed')"
    " ORDER BY finished DESC, seq DESC"
)
ADOPT = (
    "SELECT seq FROM message WHERE modem = ? AND state = 'unknown' AND finished >= ? AND refs = ''"
    " AND parts = 1 AND substr(receiver, -7) = ? LIMIT 2"
)
_ROW = "seq, id, command, owner, modem, name, state, parts, callback"


@dataclass(frozen=True, slots=True)
class Reported:
    """What the reports on one message now say. state: sent, delivered or failed.

    callback: the topic that is to hear of it; empty unless this report ended the message.
    """

    seq: int
    id: str
    command: str
    owner: str
    modem: str
    name: str
    state: str
    parts: int
    delivered: int
    callback: str = ""


class SqliteReports:
    """``core.inbox.ReportStore``; ``changed`` is told in the writer's thread and must only enqueue."""

    def __init__(self, database: Database, changed: Callable[[Reported], None]) -> None:
        self._database = database
        self._changed = changed

    def match(
        self, sim: str, reference: int, tail: str, status: int, outcome: str, at: float, modem: str = ""
    ) -> Write:
        def work(connection: sqlite3.Connection) -> Reported | None:
            found = _find(connection, sim, reference, tail, at)
            adopted = found is None and _adopt(connection, sim, reference, tail, at, modem)
            if adopted:
                found = _find(connection, sim, reference, tail, at)
            if found is None:
                return None
            seq, part = found
            if outcome == "pending":  # the network has it and goes on trying: no more is known
                return _settle(connection, seq) if adopted else None
            connection.execute(
                "INSERT OR REPLACE INTO part_report (seq, part, status, at) VALUES (?, ?, ?, ?)",
                (seq, part, status, at),
            )
            return _settle(connection, seq)

        return self._database.submit(work, lambda write: self._tell(write.value))

    def late_reference(self, seq: int, sim: str, reference: int) -> None:
        def work(connection: sqlite3.Connection) -> Reported | None:
            changed = connection.execute(
                "UPDATE message SET state = 'sent', code = '0000', reason = '', error = '', sim = ?,"
                " refs = ?, parts = 1 WHERE seq = ? AND state = 'unknown' AND refs = ''",
                (sim, str(reference), seq),
            ).rowcount
            return _settle(connection, seq) if changed else None

        self._database.submit(work, lambda write: self._tell(write.value))

    def untold(self) -> Sequence[Reported]:
        """What ended, as far as the network reported, and was not published to its topic before a restart."""
        rows = self._database.read(
            f"SELECT {_ROW}, (SELECT count(*) FROM part_report p WHERE p.seq = m.seq AND p.status < 32)"  # noqa: S608
            " FROM message m WHERE callback <> '' AND state IN ('delivered', 'failed')"
            " AND EXISTS (SELECT 1 FROM part_report p WHERE p.seq = m.seq) ORDER BY seq"
        )
        return [_reported(row[:-2], row[-1], row[-2]) for row in rows]

    def told(self, seq: int) -> None:
        """The topic has it."""
        self._database.submit(
            lambda connection: connection.execute("UPDATE message SET callback = '' WHERE seq = ?", (seq,))
        )

    def _tell(self, reported: object) -> None:
        if isinstance(reported, Reported):
            self._changed(reported)


def _find(
    connection: sqlite3.Connection, sim: str, reference: int, tail: str, at: float
) -> tuple[int, int] | None:
    """The newest message of this SIM with the reference and the receiver's last digits; which part it is."""
    row = connection.execute(FIND, (sim, tail, at - PATIENCE, f"%,{reference},%")).fetchone()
    if row is None:
        return None
    seq, refs = row
    reported = {part for (part,) in connection.execute("SELECT part FROM part_report WHERE seq = ?", (seq,))}
    places = [part for part, text in enumerate(refs.split(",")) if text == str(reference)]
    return seq, next((part for part in places if part not in reported), places[0])


def _adopt(
    connection: sqlite3.Connection, sim: str, reference: int, tail: str, at: float, modem: str
) -> bool:
    """A report that fits no message is about the one whose outcome is unknown, if there is just one.

    Its modem went silent before it told the reference; the network's word is proof that it was sent.
    """
    rows = connection.execute(ADOPT, (modem, at - ADOPTED, tail)).fetchall()
    if len(rows) != 1:
        return False
    connection.execute(
        "UPDATE message SET state = 'sent', code = '0000', reason = '', error = '', sim = ?, refs = ?"
        " WHERE seq = ?",
        (sim, str(reference), rows[0][0]),
    )
    return True


def _settle(connection: sqlite3.Connection, seq: int) -> Reported | None:
    row = connection.execute(f"SELECT {_ROW} FROM message WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
    if row is None:
        return None
    *who, before, parts, callback = row
    counts = [
        status for (status,) in connection.execute("SELECT status FROM part_report WHERE seq = ?", (seq,))
    ]
    delivered = sum(status < 0x20 for status in counts)  # 3GPP TS 23.040 §9.2.3.15
    state = before
    if delivered == parts:
        state = "delivered"
        connection.execute(
            "UPDATE message SET state = 'delivered', reason = '', error = '' WHERE seq = ?", (seq,)
        )
    elif delivered < len(counts):
        state = "failed"
        connection.execute(
            "UPDATE message SET state = 'failed', reason = 'undelivered',"
            " error = 'the network could not deliver it; check the number' WHERE seq = ?",
            (seq,),
        )
    return _reported((*who, state, parts), delivered, callback if state != before else "")


def _reported(row: tuple[Any, ...], delivered: int, callback: str) -> Reported:
    """row: the columns of _ROW but the last."""
    seq, id, command, owner, modem, name, state, parts = row
    return Reported(seq, id, command, owner, modem, name, state, parts, delivered, callback)
