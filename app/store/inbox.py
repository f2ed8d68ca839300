"""The inbox in the state database: parts, kept before they are deleted from the SIM, and messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.inbox import InboxMessage, NewMessage, NewPart
from app.store.database import Database

_COLUMNS = "id, sim, modem, sender, text, sent, arrived, parts, missing, raw, read"
_LIKE = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


@dataclass(frozen=True, slots=True)
class Card:
    """A SIM card that messages came in on. modem: where it was when the last of them came."""

    sim: str
    modem: str
    messages: int
    unread: int
    latest: float


class SqliteInbox:
    """``core.inbox.InboxStore``, and what pages and rules ask of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_part(self, part: NewPart) -> int | None:
        """The same PDU at the same place whose deletion was never confirmed is the same message.

        After a confirmed deletion it is another message with the same words: rather shown twice than lost.
        """

        def work(connection: sqlite3.Connection) -> int | None:
            if part.place is not None:
                known = connection.execute(
                    "SELECT pdu FROM inbox_part WHERE sim = ? AND place = ? AND deleted = 0",
                    (part.sim, part.place),
                ).fetchall()
                if (part.pdu,) in known:
                    return None
                # Another message lies there now, so what was there before is gone.
                connection.execute(
                    "UPDATE inbox_part SET deleted = 1 WHERE sim = ? AND place = ? AND deleted = 0",
                    (part.sim, part.place),
                )
            return connection.execute(
                "INSERT INTO inbox_part (sim, modem, place, pdu, arrived, deleted) VALUES (?, ?, ?, ?, ?, ?)",
                (part.sim, part.modem, part.place, part.pdu, part.arrived, int(part.place is None)),
            ).lastrowid

        number: int | None = self._database.submit(work).wait()
        return number

    def keep_message(self, message: NewMessage, parts: Sequence[int]) -> InboxMessage:
        def work(connection: sqlite3.Connection) -> int | None:
            number = connection.execute(
                "INSERT INTO inbox (sim, modem, sender, text, sent, arrived, parts, missing, raw)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message.sim,
                    message.modem,
                    message.sender,
                    message.text,
                    message.sent,
                    message.arrived,
                    message.parts,
                    ",".join(map(str, message.missing)),
                    message.raw,
                ),
            ).lastrowid
            # In one step with the message: the rules look at it once, whatever happens to this process.
            connection.execute(
                "INSERT INTO forward (message, rule, state, due) VALUES (?, '', 'new', 0)", (number,)
            )
            connection.executemany(
                "UPDATE inbox_part SET message = ? WHERE id = ?", [(number, part) for part in parts]
            )
            return number

        return InboxMessage(int(self._database.submit(work).wait()), message)

    def keep_repeat(self, number: int, known: int) -> None:
        # 0: somebody has deleted the message meanwhile; the part waits for nothing all the same.
        self._database.submit(
            lambda connection: connection.execute(
                "UPDATE inbox_part SET message = coalesce((SELECT message FROM inbox_part WHERE id = ?), 0)"
                " WHERE id = ?",
                (known, number),
            )
        ).wait()

    def part_deleted(self, sim: str, place: int) -> None:
        self._database.submit(
            lambda connection: connection.execute(
                "UPDATE inbox_part SET deleted = 1 WHERE sim = ? AND place = ? AND deleted = 0", (sim, place)
            )
        )

    def recent_parts(self, sim: str, since: float) -> Sequence[tuple[int, NewPart, bool]]:
        rows = self._database.read(
            "SELECT id, sim, modem, place, pdu, arrived, message FROM inbox_part"
            " WHERE sim = ? AND (arrived >= ? OR message IS NULL) ORDER BY id",
            sim,
            since,
        )
        return [(row[0], NewPart(*row[1:6]), row[6] is not None) for row in rows]

    # What pages ask.

    def page(
        self, *, sim: str = "", search: str = "", before: int = 0, limit: int = 50
    ) -> Sequence[InboxMessage]:
        """The newest messages older than the number ``before`` (0: all), newest first.

        sim: an ICCID, or empty for all; search: words that the sender or the text holds.
        """
        wanted = f"%{search.translate(_LIKE)}%"
        rows = self._database.search(
            f"SELECT {_COLUMNS} FROM inbox WHERE (? = '' OR sim = ?) AND (? = 0 OR id < ?)"  # noqa: S608
            " AND (sender LIKE ? ESCAPE '\\' OR text LIKE ? ESCAPE '\\') ORDER BY id DESC LIMIT ?",
            sim,
            sim,
            before,
            before,
            wanted,
            wanted,
            limit,
        )
        return [_message(row) for row in rows]

    def one(self, number: int) -> InboxMessage | None:
        rows = self._database.search(f"SELECT {_COLUMNS} FROM inbox WHERE id = ?", number)  # noqa: S608
        return _message(rows[0]) if rows else None

    def cards(self) -> Sequence[Card]:
        """The SIM cards that something came in on, the latest first."""
        rows = self._database.search(
            "SELECT sim, modem, count(*), sum(read = 0), max(arrived) FROM inbox GROUP BY sim"
            " ORDER BY max(arrived) DESC LIMIT 200"
        )
        return [Card(*row) for row in rows]

    def unread(self) -> dict[str, int]:
        """Unread messages by SIM."""
        return dict(self._database.search("SELECT sim, count(*) FROM inbox WHERE read = 0 GROUP BY sim"))

    def mark_read(self, number: int, read: bool = True) -> None:
        self._run("UPDATE inbox SET read = ? WHERE id = ?", int(read), number)

    def delete(self, number: int) -> None:
        """Forget a message. A part whose copy still lies in the modem stays known, or it would come again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM inbox WHERE id = ?", (number,))
            connection.execute("DELETE FROM inbox_part WHERE message = ? AND deleted = 1", (number,))
            connection.execute("DELETE FROM forward WHERE message = ?", (number,))

        self._database.submit(work).wait()

    def sweep(self, before: float) -> None:
        """Forget the parts, older than a Unix time, of messages that are shown.

        The messages themselves are somebody's post: they stay until a person deletes them.
        """
        self._run("DELETE FROM inbox_part WHERE arrived < ? AND deleted = 1 AND message IS NOT NULL", before)

    def _run(self, query: str, *values: Any) -> None:
        self._database.submit(lambda connection: connection.execute(query, values))


def _message(row: tuple[Any, ...]) -> InboxMessage:
    number, sim, modem, sender, text, sent, arrived, parts, missing, raw, read = row
    gaps = tuple(int(one) for one in missing.split(",") if one)
    kept = NewMessage(sim, modem, sender, text, sent, arrived, parts, gaps, raw)
    return InboxMessage(number, kept, bool(read))
