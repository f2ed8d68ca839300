"""What is remembered of modems over restarts: part references, the day's count, PINs that were refused."""

from __future__ import annotations

import sqlite3

from app.core.digest import KeyedDigest
from app.store.database import Database

# Receivers share reference counters by hash, which keeps the table small.
_SLOTS = 4096


class ModemMemory:
    """Reads and writes wait for the store; they are rare: long messages, starts, refused PINs."""

    def __init__(self, database: Database, digest: KeyedDigest) -> None:
        self._database = database
        self._digest = digest

    def part_reference(self, receiver: str) -> int:
        """The next reference of a long message to this receiver, 0 to 65535."""
        slot = int.from_bytes(self._digest("part reference", receiver)[:4], "big") % _SLOTS

        def step(connection: sqlite3.Connection) -> int:
            rows = connection.execute(
                "INSERT INTO part_reference (slot, value) VALUES (?, 1)"
                " ON CONFLICT (slot) DO UPDATE SET value = (value + 1) % 65536 RETURNING value",
                (slot,),
            )
            return int(rows.fetchone()[0])

        return int(self._database.submit(step).wait())

    def sent_since(self, modem: str, sim: str, since: float) -> int:
        """Messages this SIM carried, or may have, since a Unix time: seeds its daily limit.

        modem: where it is now; sim: its ICCID, or empty where the card does not tell. A message whose outcome
        is unknown names no card: it counts for the one that was in the modem then.
        """
        rows = self._database.read(
            "SELECT count(*) FROM message WHERE accepted >= ?"
            " AND (state IN ('sending', 'sent', 'delivered', 'unknown') OR reason = 'undelivered')"
            " AND (sim <> '' AND sim = ? OR modem = ?"
            " AND (? = '' OR sim IN ('', 'modem:' || modem) AND accepted >= "
            " (SELECT coalesce(max(since), 0) FROM sim_of_modem WHERE iccid = ?)))",
            since,
            sim,
            modem,
            sim,
            sim,
        )
        return int(rows[0][0])

    def pin_was_refused(self, card: str, pin: str) -> bool:
        """A PIN that a SIM refused is never tried again: three wrong ones lock the card."""
        return self._is_marked(self._digest("refused pin", card, pin))

    def remember_refused_pin(self, card: str, pin: str) -> None:
        self._mark(self._digest("refused pin", card, pin))

    def pin_was_unanswered(self, card: str, pin: str) -> bool:
        """A PIN that was given and not answered may have cost a try."""
        return self._is_marked(self._digest("unanswered pin", card, pin))

    def remember_unanswered_pin(self, card: str, pin: str) -> None:
        self._mark(self._digest("unanswered pin", card, pin))

    def forget_unanswered_pin(self, card: str, pin: str) -> None:
        mark = self._digest("unanswered pin", card, pin)
        self._database.submit(
            lambda connection: connection.execute("DELETE FROM refused_pin WHERE mark = ?", (mark,))
        ).wait()

    def sim_of(self, imei: str) -> str | None:
        """The ICCID that was last seen in a modem."""
        rows = self._database.read(
            "SELECT iccid FROM sim_of_modem WHERE imei = ? ORDER BY since DESC LIMIT 1", imei
        )
        return str(rows[0][0]) if rows else None

    def remember_sim(self, imei: str, iccid: str, since: float) -> None:
        """A record of its own for each card a modem has had; the one with the latest time is in it now."""
        self._database.submit(
            lambda connection: connection.execute(
                # A clock that was set back must not make an earlier card the present one.
                "INSERT OR REPLACE INTO sim_of_modem (imei, iccid, since) SELECT ?, ?,"
                " max(?, (SELECT coalesce(max(since), 0) + 0.001 FROM sim_of_modem WHERE imei = ?))",
                (imei, iccid, since, imei),
            )
        ).wait()

    def sims_of(self, imei: str) -> list[tuple[str, float]]:
        """Every card a modem has had, the present one first: ICCID and since when (Unix seconds)."""
        rows = self._database.read(
            "SELECT iccid, since FROM sim_of_modem WHERE imei = ? ORDER BY since DESC", imei
        )
        return [(iccid, since) for iccid, since in rows]

    def canary_spent(self, day: str) -> int:
        """Messages that the canary has sent on a local day."""
        rows = self._database.read("SELECT sent FROM canary WHERE day = ?", day)
        return int(rows[0][0]) if rows else 0

    def spend_canary(self, day: str) -> None:
        """One more, on record before it is sent."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM canary WHERE day <> ?", (day,))
            connection.execute(
                "INSERT INTO canary (day, sent) VALUES (?, 1)"
                " ON CONFLICT (day) DO UPDATE SET sent = sent + 1",
                (day,),
            )

        self._database.submit(work).wait()

    def remember_balance(self, iccid: str, amount: float | None, said: str, at: float) -> None:
        self._database.submit(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO balance (iccid, amount, said, at) VALUES (?, ?, ?, ?)",
                (iccid, amount, said, at),
            )
        )

    def balances(self) -> dict[str, tuple[float | None, str, float]]:
        """By ICCID: the amount where it could be read, the network's words, when (Unix seconds)."""
        rows = self._database.read("SELECT iccid, amount, said, at FROM balance")
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def _is_marked(self, mark: bytes) -> bool:
        return bool(self._database.read("SELECT 1 FROM refused_pin WHERE mark = ?", mark))

    def _mark(self, mark: bytes) -> None:
        self._database.submit(
            lambda connection: connection.execute("INSERT OR IGNORE INTO refused_pin VALUES (?)", (mark,))
        ).wait()
