"""The ledger: every accepted message without its text, and the one way it ended."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from app.core.errors import StorageFailed
from app.core.message import ON_THE_AIR, LedgerRow, Message, Outcome, State, Try
from app.store.database import Database, Write
from app.store.otp import forget

log = logging.getLogger(__name__)

ROW = (
    "seq, id, command, owner, receiver, state, code, reason, error,"
    " modem, name, parts, accepted, finished, tries"
)


@dataclass(slots=True)
class _End:
    """An outcome on its way to the disk. tries: how often the disk did not take it."""

    seq: int
    values: tuple[Any, ...]
    free: tuple[bytes, bytes] | None
    done: Callable[[], None]
    tries: int = 0

    def work(self, connection: sqlite3.Connection) -> bool:
        """Whether the message was on record."""
        found = connection.execute(
            "UPDATE message SET state = ?, code = ?, reason = ?, error = ?, modem = ?, name = ?, sim = ?,"
            " parts = ?, refs = ?, finished = ?, tries = ?, otp_key = NULL, otp_mark = NULL WHERE seq = ?",
            self.values,
        ).rowcount
        if self.free is not None:
            forget(connection, *self.free)
        return found == 1


class SqliteLedger:
    """``core.ports.Ledger`` over the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owed: list[_End] = []
        self._owing = threading.Lock()
        newest = database.read("SELECT coalesce(max(seq), 0) FROM message")[0][0]
        self._seqs = count(newest + 1)

    def next_seq(self) -> int:
        number: int = next(self._seqs)
        return number

    def accept(self, message: Message, *, at_once: bool = False) -> Write:
        """at_once: not together with the next step, for somebody who waits for this one."""
        key, mark = message.otp or (None, None)
        values = (
            message.seq,
            message.id,
            message.command,
            message.owner,
            message.receiver,
            message.fingerprint,
            State.QUEUED.value,
            message.accepted,
            message.expires,
            key,
            mark,
            message.callback if message.report else "",
        )
        insert = (
            "INSERT INTO message (seq, id, command, owner, receiver, fingerprint, state, accepted, expires,"
            " otp_key, otp_mark, callback) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        # While somebody waits for the outcome, ``sending`` or ``close`` makes it durable with itself.
        lingers = not (message.detached or at_once)
        return self._database.submit(lambda connection: connection.execute(insert, values), lingers=lingers)

    def sending(self, seq: int, modem: str) -> Write:
        def work(connection: sqlite3.Connection) -> None:
            found = connection.execute(
                "UPDATE message SET state = 'sending', modem = ? WHERE seq = ?", (modem, seq)
            ).rowcount
            if found != 1:
                raise StorageFailed(f"message {seq} is not on record")

        return self._database.submit(work)

    def requeue(self, seq: int) -> None:
        self._run("UPDATE message SET state = 'queued', modem = '' WHERE seq = ?", seq)

    def close(
        self,
        seq: int,
        outcome: Outcome,
        finished: float,
        done: Callable[[], None],
        free: tuple[bytes, bytes] | None = None,
    ) -> None:
        sent = outcome.sent
        values = (
            outcome.state.value,
            outcome.code,
            outcome.reason,
            outcome.error,
            sent.modem if sent else "",
            sent.name if sent else "",
            sent.sim if sent else "",
            sent.parts if sent else 0,
            ",".join(map(str, sent.references)) if sent else "",
            finished,
            json.dumps([[one.modem, one.at, one.result] for one in outcome.tries]),
            seq,
        )
        self._write(_End(seq, values, free, done))

    def settle(self) -> None:
        """Once a second: what the disk did not take is written again, until it does."""
        with self._owing:
            owed, self._owed = self._owed, []
        for end in owed:
            self._write(end)

    def _write(self, end: _End) -> None:
        self._database.submit(end.work, lambda write: self._written(end, write))

    def _written(self, end: _End, write: Write) -> None:
        if write.error is None:
            if not write.value:
                log.error("message %d ended and was never on record", end.seq)
            if end.tries < 2:
                end.done()
            return
        end.tries += 1
        with self._owing:
            self._owed.append(end)
        if end.tries <= 2:
            log.error("the end of message %d is not on record and is written again", end.seq)
        if end.tries == 2:  # whoever waits is told; a repeat hears "unknown" until the disk takes it
            end.done()

    def recall(self, fingerprint: bytes, since: float, now: float) -> LedgerRow | None:
        rows = self._database.read(
            f"SELECT {ROW} FROM message WHERE fingerprint = ? AND state IN (?, ?, ?, ?)"  # noqa: S608
            " AND (accepted >= ? OR expires > ?) ORDER BY seq DESC LIMIT 1",
            fingerprint,
            *(state.value for state in ON_THE_AIR),
            since,
            now,
        )
        return row_of(rows[0]) if rows else None

    def find(self, owner: str, message_id: str) -> LedgerRow | None:
        rows = self._database.read(
            f"SELECT {ROW} FROM message WHERE id = ? AND owner = ? ORDER BY seq DESC LIMIT 1",  # noqa: S608
            message_id,
            owner,
        )
        return row_of(rows[0]) if rows else None

    def unfinished(self) -> Sequence[tuple[LedgerRow, tuple[bytes, bytes] | None]]:
        rows = self._database.read(
            f"SELECT {ROW}, otp_key, otp_mark FROM message WHERE finished IS NULL ORDER BY seq"  # noqa: S608
        )
        return [(row_of(row[:-2]), (row[-2], row[-1]) if row[-2] is not None else None) for row in rows]

    def shift(self, seconds: float, since: float, now: float) -> None:
        """The wall clock jumped: what ``recall`` found before, with the times of then, it finds still."""
        self._run(
            "UPDATE message SET accepted = accepted + ?1, expires = expires + ?1, finished = finished + ?1"
            " WHERE accepted >= ?2 OR expires > ?3",
            seconds,
            since,
            now,
        )

    def sweep(self, before: float) -> None:
        """Forget messages that ended before a Unix time."""
        self._run("DELETE FROM message WHERE finished < ?", before)

    def _run(self, query: str, *values: Any) -> Write:
        return self._database.submit(lambda connection: connection.execute(query, values))


def row_of(values: Sequence[Any]) -> LedgerRow:
    seq, message_id, command, owner, receiver, state, code, reason, error, *where, tries = values
    modem, name, parts, accepted, finished = where
    return LedgerRow(
        seq=seq,
        id=message_id,
        command=command,
        owner=owner,
        receiver=receiver,
        state=State(state),
        code=code,
        reason=reason,
        error=error,
        modem=modem,
        name=name,
        parts=parts,
        accepted=accepted,
        finished=finished,
        tries=tuple(Try(*one) for one in json.loads(tries)),
    )
