"""The tables of what comes in: parts as the network sent them, messages, forwarding, delivery reports."""

from __future__ import annotations

# inbox_part.message: NULL while the part waits for others. deleted: the modem said that its copy is gone.
INCOMING = """
CREATE TABLE inbox_part (
    id INTEGER PRIMARY KEY,
    sim TEXT NOT NULL,
    modem TEXT NOT NULL,
    place INTEGER,
    pdu TEXT NOT NULL,
    arrived REAL NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    message INTEGER
);
CREATE INDEX inbox_part_open ON inbox_part (sim, place) WHERE deleted = 0;
CREATE INDEX inbox_part_message ON inbox_part (message);
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    sim TEXT NOT NULL,
    modem TEXT NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    sent REAL,
    arrived REAL NOT NULL,
    parts INTEGER NOT NULL,
    missing TEXT NOT NULL DEFAULT '',
    raw TEXT NOT NULL DEFAULT '',
    read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX inbox_sim ON inbox (sim, id);
CREATE TABLE forward (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    rule TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (message, rule)
);
CREATE INDEX forward_new ON forward (id) WHERE state = 'new';
CREATE INDEX forward_due ON forward (due) WHERE state = 'waiting';
CREATE TABLE part_report (
    seq INTEGER NOT NULL,
    part INTEGER NOT NULL,
    status INTEGER NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (seq, part)
) WITHOUT ROWID;
CREATE INDEX message_sim ON message (sim, seq) WHERE sim <> '';
CREATE TABLE sim_of_modem (imei TEXT PRIMARY KEY, iccid TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE balance (iccid TEXT PRIMARY KEY, amount REAL, said TEXT NOT NULL, at REAL NOT NULL)
    WITHOUT ROWID;
"""
