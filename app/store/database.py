"""The state database: one SQLite file, one thread that writes, many writes a commit."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from app.core.errors import StorageFailed
from app.core.faults import described
from app.store.incoming import INCOMING

log = logging.getLogger(__name__)

Work = Callable[[sqlite3.Connection], Any]

# The most writes one commit carries; more only makes the first of them wait longer.
BATCH = 256
# How long a write that nobody waits for yet lingers for another to share its commit with (seconds).
LINGER = 0.01
# A card that takes longer than this for one commit is broken.
PATIENCE = 30.0

# One step a version; a file of an older release is brought up by the steps it has not seen.
STEPS = (
    """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    command TEXT NOT NULL,
    owner TEXT NOT NULL,
    receiver TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    modem TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    sim TEXT NOT NULL DEFAULT '',
    parts INTEGER NOT NULL DEFAULT 0,
    refs TEXT NOT NULL DEFAULT '',
    accepted REAL NOT NULL,
    finished REAL,
    expires REAL,
    tries TEXT NOT NULL DEFAULT '[]',
    otp_key BLOB,
    otp_mark BLOB
);
CREATE INDEX message_fingerprint ON message (fingerprint);
CREATE INDEX message_id ON message (id);
CREATE INDEX message_unfinished ON message (seq) WHERE finished IS NULL;
CREATE TABLE otp (
    key BLOB PRIMARY KEY,
    mark BLOB NOT NULL,
    expires REAL NOT NULL,
    state TEXT NOT NULL,
    wrong INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE part_reference (slot INTEGER PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE refused_pin (mark BLOB PRIMARY KEY) WITHOUT ROWID;
""",
    # 2: what the pages show: who changed what, the figures of every minute, messages of a day.
    """
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    address TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT ''
);
CREATE TABLE history (minute INTEGER PRIMARY KEY, figures TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX message_accepted ON message (accepted);
""",
    # 3: what comes in: parts, messages, what is handed on, delivery reports.
    INCOMING,
    # 4: where delivery reports go until they are published, every SIM card of a modem, the canary's day.
    """
ALTER TABLE message ADD COLUMN callback TEXT NOT NULL DEFAULT '';
CREATE INDEX message_callback ON message (seq) WHERE callback <> '';
ALTER TABLE sim_of_modem RENAME TO last_sim;
CREATE TABLE sim_of_modem (
    imei TEXT NOT NULL,
    iccid TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (imei, iccid)
) WITHOUT ROWID;
INSERT INTO sim_of_modem SELECT imei, iccid, since FROM last_sim;
DROP TABLE last_sim;
CREATE TABLE canary (day TEXT PRIMARY KEY, sent INTEGER NOT NULL) WITHOUT ROWID;
""",
    # 5: reports find their message, and the sweep what is old, without reading the whole table; reports go
    # with their message; what is handed on again is told from what was handed on before.
    """
DROP INDEX message_sim;
CREATE INDEX message_reported ON message (sim, substr(receiver, -7), finished) WHERE sim <> '';
CREATE INDEX message_unknown ON message (modem, finished) WHERE state = 'unknown';
CREATE INDEX message_finished ON message (finished) WHERE finished IS NOT NULL;
DELETE FROM part_report WHERE seq NOT IN (SELECT seq FROM message);
CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN
    DELETE FROM part_report WHERE seq = old.seq;
END;
ALTER TABLE forward ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;
""",
)
SCHEMA_VERSION = len(STEPS)


class Write:
    """A write on its way to the disk."""

    __slots__ = ("_done", "_gate", "_work", "error", "lingers", "value")

    def __init__(self, work: Work, done: Callable[[Write], None] | None, lingers: bool) -> None:
        self._work = work
        self._done = done
        self.lingers = lingers
        self._gate = threading.Lock()  # held until the commit: the cheapest thing to wait on
        self._gate.acquire()
        self.value: Any = None
        self.error: Exception | None = None

    def wait(self) -> Any:
        """What the work returned, once it is durable. Raises StorageFailed."""
        if not self._gate.acquire(timeout=PATIENCE):
            raise StorageFailed(f"the state database took more than {PATIENCE:.0f} s for a write")
        self._gate.release()
        if self.error is not None:
            raise StorageFailed(f"the state database refused a write: {self.error}") from self.error
        return self.value

    def run(self, connection: sqlite3.Connection) -> None:
        self.value = self._work(connection)

    def end(self, error: Exception | None) -> None:
        self.error = error
        self._gate.release()
        if self._done is None:
            return
        try:
            self._done(self)
        except Exception as fault:
            # The writer serves everybody; what one caller does afterwards must not end it.
            log.error("what follows a write failed with %s", described(fault))


class Database:
    """Writes are handed to the writer's thread; reads share one connection and see what is committed."""

    def __init__(self, path: Path) -> None:
        """Raises StorageFailed when the file cannot be opened; one that is no database is put aside."""
        self._path = path
        try:
            self._writer = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StorageFailed(f"{path} cannot be opened: {error}") from error
            _put_aside(path)
            self._writer = _open(path)
        self._reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._reading = threading.Lock()
        self._searcher = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._searching = threading.Lock()
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Work, done: Callable[[Write], None] | None = None, *, lingers: bool = False
    ) -> Write:
        """Returns at once. ``done`` is called in the writer's thread after the commit, or its failure.

        lingers: it may wait a moment for the next write, to share a commit. The order stays.
        """
        write = Write(work, done, lingers)
        self._queue.put(write)
        return write

    def read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Raises StorageFailed."""
        with self._reading:
            return _fetched(self._reader, query, values)

    def search(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """As ``read``, on a connection of its own: what may take long must not keep the doors waiting."""
        with self._searching:
            return _fetched(self._searcher, query, values)

    def close(self) -> None:
        """Carry out what was submitted, then stop."""
        self._queue.put(None)
        self._thread.join(PATIENCE)
        self._reader.close()
        self._searcher.close()

    def _run(self) -> None:
        while True:
            batch, stopping = self._next_batch()
            if batch:
                self._commit(batch)
            if stopping:
                self._writer.close()
                return

    def _next_batch(self) -> tuple[list[Write], bool]:
        batch: list[Write] = []
        write = self._queue.get()
        until = time.monotonic() + LINGER
        while write is not None:
            batch.append(write)
            if len(batch) == BATCH:
                return batch, False
            if not write.lingers:
                until = 0.0
            try:
                left = until - time.monotonic()
                write = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[Write]) -> None:
        try:
            self._transaction(batch)
        except Exception as error:
            if len(batch) > 1:
                # One of them is at fault: each on its own, so that the others do not pay for it.
                for write in batch:
                    self._commit([write])
                return
            log.error("a write to the state database failed: %s", error)
            batch[0].end(error)
            return
        for write in batch:
            write.end(None)

    def _transaction(self, batch: list[Write]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for write in batch:
                write.run(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise


def _fetched(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise StorageFailed(f"reading the state database failed: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        connection.close()
        raise StorageFailed(f"{path} was written by a newer release; update, or restore a backup")
    for number, step in enumerate(STEPS[version:], version + 1):
        connection.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
    return connection


def _put_aside(path: Path) -> None:
    aside = path.with_suffix(".broken")
    path.replace(aside)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    log.error("%s is damaged and was put aside as %s; a new one was begun", path, aside)
