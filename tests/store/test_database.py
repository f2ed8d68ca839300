"""The state database: writes are durable when awaited, and one at fault does not cost the others."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import StorageFailed
from app.store.database import Database, Write


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "state.db")
    yield database
    database.close()


def slot(value: int) -> str:
    return f"INSERT INTO part_reference (slot, value) VALUES ({value}, {value})"  # noqa: S608


def test_a_write_that_was_awaited_can_be_read(database: Database) -> None:
    database.submit(lambda connection: connection.execute(slot(1))).wait()
    assert database.read("SELECT value FROM part_reference") == [(1,)]


def test_a_wait_gives_what_the_work_returned(database: Database) -> None:
    assert database.submit(lambda connection: connection.execute("SELECT 41 + 1").fetchone()[0]).wait() == 42


def test_a_faulty_write_costs_only_itself(database: Database) -> None:
    hold = threading.Event()
    database.submit(lambda connection: hold.wait(10))  # so that the next ones share a commit
    writes = [database.submit(lambda connection, n=n: connection.execute(slot(n))) for n in (1, 2, 2, 3)]
    hold.set()
    outcomes = []
    for write in writes:
        try:
            write.wait()
            outcomes.append("kept")
        except StorageFailed:
            outcomes.append("refused")
    assert outcomes == ["kept", "kept", "refused", "kept"]
    assert database.read("SELECT slot FROM part_reference ORDER BY slot") == [(1,), (2,), (3,)]


@pytest.fixture
def commits(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes each commit carries."""
    carried: list[int] = []
    transaction = database._transaction

    def counted(batch: list[Write]) -> None:
        carried.append(len(batch))
        transaction(batch)

    monkeypatch.setattr(database, "_transaction", counted)
    return carried


def test_a_write_that_lingers_shares_the_commit_of_the_next(
    database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.LINGER", 10.0)
    first = database.submit(lambda connection: connection.execute(slot(1)), lingers=True)
    second = database.submit(lambda connection: connection.execute(slot(2)), lingers=True)
    database.submit(lambda connection: connection.execute(slot(3))).wait()
    first.wait()
    second.wait()
    assert commits == [3]
    assert database.read("SELECT slot FROM part_reference ORDER BY rowid") == [(1,), (2,), (3,)]


def test_a_write_that_lingers_is_durable_by_itself_after_a_moment(
    database: Database, commits: list[int]
) -> None:
    database.submit(lambda connection: connection.execute(slot(1)), lingers=True).wait()
    assert commits == [1]


def test_a_write_that_lingers_outlives_an_orderly_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.LINGER", 10.0)
    database = Database(tmp_path / "other.db")
    database.submit(lambda connection: connection.execute(slot(1)), lingers=True)
    database.close()
    database = Database(tmp_path / "other.db")
    assert database.read("SELECT slot FROM part_reference") == [(1,)]
    database.close()


def test_what_is_done_after_the_commit_sees_the_write(database: Database) -> None:
    seen: list[object] = []
    done = threading.Event()

    def look(_: object) -> None:
        seen.append(database.read("SELECT count(*) FROM part_reference"))
        done.set()

    database.submit(lambda connection: connection.execute(slot(5)), look)
    assert done.wait(10)
    assert seen == [[(1,)]]


def test_a_fault_after_a_write_does_not_end_the_writer(database: Database) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("somebody else's fault")

    database.submit(lambda connection: connection.execute(slot(1)), fail).wait()
    database.submit(lambda connection: connection.execute(slot(2))).wait()
    assert database.read("SELECT count(*) FROM part_reference") == [(2,)]


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is no database, and long enough not to look like an empty one" * 100)
    database = Database(path)
    assert database.read("SELECT count(*) FROM message") == [(0,)]
    assert path.with_suffix(".broken").exists()
    database.close()


def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageFailed, match="newer release"):
        Database(path)


def test_the_file_is_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


WRITER = """
import sys
from pathlib import Path
from app.store.database import Database
database = Database(Path(sys.argv[1]))
for n in range(100000):
    database.submit(lambda c: c.execute(f"INSERT INTO part_reference (slot, value) VALUES ({n}, {n})")).wait()
    print(n, flush=True)
"""


def test_what_was_awaited_outlives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as writer:
        assert writer.stdout is not None
        last = -1
        for _ in range(50):
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    database = Database(path)
    assert database.read("SELECT count(*) >= ? FROM part_reference", last + 1) == [(1,)]
    database.close()
