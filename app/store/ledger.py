"""The ledger: every accepted message without its text, and the one way it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from app.core.message import LedgerRow, Message, Outcome, State, Try
from app.store.database import Database, Write

ROW = (
    "seq, id, command, owner, receiver, state, code, reason, error,"
    " modem, name, parts, accepted, finished, tries"
)
# What may have reached the network, so that a repeat must not be sent.
_ON_THE_AIR = (State.SENDING, State.SENT, State.DELIVERED, State.UNKNOWN)


class SqliteLedger:
    """``core.ports.Ledger`` over the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        newest = database.read("SELECT coalesce(max(seq), 0) FROM message")[0][0]
        self._seqs = count(newest + 1)

    def next_seq(self) -> int:
        number: int = next(self._seqs)
        return number

    def accept(self, message: Message) -> Write:
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
        return self._run(
            "INSERT INTO message (seq, id, command, owner, receiver, fingerprint, state, accepted, expires,"
            " otp_key, otp_mark, callback) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *values,
        )

    def sending(self, seq: int, modem: str) -> Write:
        return self._run("UPDATE message SET state = 'sending', modem = ? WHERE seq = ?", modem, seq)

    def requeue(self, seq: int) -> None:
        self._run("UPDATE message SET state = 'queued', modem = '' WHERE seq = ?", seq)

    def close(self, seq: int, outcome: Outcome, finished: float, done: Callable[[], None]) -> None:
        sent = outcome.sent
        self._run(
            "UPDATE message SET state = ?, code = ?, reason = ?, error = ?, modem = ?, name = ?, sim = ?,"
            " parts = ?, refs = ?, finished = ?, tries = ?, otp_key = NULL, otp_mark = NULL WHERE seq = ?",
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
            done=lambda _: done(),
        )

    def recall(self, fingerprint: bytes, since: float, now: float) -> LedgerRow | None:
        rows = self._database.read(
            f"SELECT {ROW} FROM message WHERE fingerprint = ? AND state IN (?, ?, ?, ?)"  # noqa: S608
            " AND (accepted >= ? OR expires > ?) ORDER BY seq DESC LIMIT 1",
            fingerprint,
            *(state.value for state in _ON_THE_AIR),
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

    def sweep(self, before: float) -> None:
        """Forget messages that ended before a Unix time."""
        self._run("DELETE FROM message WHERE finished < ?", before)

    def _run(self, query: str, *values: Any, done: Callable[[Write], None] | None = None) -> Write:
        return self._database.submit(lambda connection: connection.execute(query, values), done)


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
