"""What the pages read and write: an older file brought up, the book searched, the audit kept short."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from app.store.audit import KEPT_REFUSALS, KEPT_ROWS, Audit
from app.store.book import Filter, LedgerBook
from app.store.database import STEPS, Database


def test_a_file_of_the_first_release_is_brought_up_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as old:
        old.executescript(f"BEGIN; {STEPS[0]} PRAGMA user_version = 1; COMMIT;")
        old.execute("INSERT INTO part_reference VALUES (7, 8)")
    old.close()
    database = Database(path)
    assert database.read("SELECT value FROM part_reference WHERE slot = 7") == [(8,)]
    assert database.read("SELECT count(*) FROM audit") == [(0,)]
    assert database.read("PRAGMA user_version") == [(len(STEPS),)]
    database.close()


def _filled(path: Path) -> Database:
    database = Database(path)

    def work(connection: sqlite3.Connection) -> None:
        for seq in range(1, 1201):
            connection.execute(
                "INSERT INTO message (seq, id, command, owner, receiver, fingerprint, state, modem, accepted)"
                " VALUES (?, ?, 'send-sms', ?, ?, x'00', ?, 'm1', ?)",
                (
                    seq,
                    f"id{seq}",
                    f"rest:{seq % 2}",
                    f"62812{seq:06d}",
                    "failed" if seq % 3 == 0 else "sent",
                    seq,
                ),
            )

    database.submit(work).wait()
    return database


def test_the_book_is_read_newest_first_a_page_or_a_day_at_a_time(tmp_path: Path) -> None:
    database = _filled(tmp_path / "state.db")
    book = LedgerBook(tmp_path / "state.db")
    assert [row.seq for _, row in book.page(Filter(), limit=3)] == [1200, 1199, 1198]
    assert [row.seq for _, row in book.page(Filter(), before=1199, limit=2)] == [1198, 1197]
    assert [row.seq for _, row in book.page(Filter(state="failed", owner="rest:0"), limit=2)] == [1200, 1194]
    assert [row.seq for _, row in book.page(Filter(receiver="62812000777"))] == [777]
    assert [row.seq for _, row in book.page(Filter(receiver="%"))] == []
    assert [row.seq for _, row in book.day(100.0, 1100.0)] == list(range(100, 1100))
    assert book.counts(1.0) == {"failed": 400, "sent": 800}
    assert book.one(5) is not None and book.one(5000) is None
    book.close()
    database.close()


def test_the_oldest_of_the_audit_goes_and_a_search_takes_signs_as_they_are(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    audit = Audit(database)
    audit.note(1.0, "ann", "127.0.0.1", "settings.changed", "100% of a_b")
    audit.note(2.0, "bob", "127.0.0.1", "signed-in")
    database.submit(lambda connection: None).wait()
    assert [one.who for one in audit.page(0, 10)] == ["bob", "ann"]
    assert [one.who for one in audit.page(0, 10, "%")] == ["ann"]
    assert [one.who for one in audit.page(0, 10, "a_b")] == ["ann"]
    assert audit.page(0, 10, "axb") == []
    _many(database, "signed-in", KEPT_ROWS - 1)
    audit.sweep()
    database.submit(lambda connection: None).wait()
    assert database.read("SELECT count(*) FROM audit WHERE who = 'bob'") == [(1,)]
    assert database.read("SELECT count(*) FROM audit") == [(KEPT_ROWS,)]  # ann's was the oldest
    database.close()


def test_refusals_drive_nothing_else_out_of_the_audit(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    audit = Audit(database)
    audit.note(1.0, "ann", "127.0.0.1", "settings.changed")
    _many(database, "refused", KEPT_ROWS + 1)
    audit.note(2.0, "?", "::1", "locked-out")
    audit.sweep()
    database.submit(lambda connection: None).wait()
    assert database.read("SELECT what, count(*) FROM audit GROUP BY what ORDER BY what") == [
        ("locked-out", 1),
        ("refused", KEPT_REFUSALS - 1),
        ("settings.changed", 1),
    ]
    database.close()


def _many(database: Database, what: str, count: int) -> None:
    rows = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO audit (at, who, address, what) SELECT i, 'many', '', ? FROM n"
    )
    database.submit(lambda connection: connection.execute(rows, (count, what))).wait()
