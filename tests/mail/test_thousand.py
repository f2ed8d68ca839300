"""A thousand mails over twenty accounts with a limit of fifty each, across a SIGKILL in the middle."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from app.core.message import State
from app.mail.letter import words_of
from app.mail.senders import THREADS
from app.store.database import Database
from app.store.mail import MailUsage
from tests.mail.gateway_process import ACCOUNTS, LIMIT, MAILS
from tests.mail.servers import MailServer, Received, running

ALL = {f"mail {number}" for number in range(MAILS)}


class HoldingServer(MailServer):
    """Takes ``hold_from`` mails as they come, then keeps each of the next waiting for its verdict."""

    def __init__(self, hold_from: int) -> None:
        self._hold_from = hold_from
        self._held = 0
        self._free = asyncio.Event()
        self.all_held = threading.Event()
        super().__init__()

    async def handle_DATA(self, *what: Any) -> str:
        verdict = await super().handle_DATA(*what)
        if len(self.mails) > self._hold_from and not self._free.is_set():
            self._held += 1
            if self._held == THREADS:
                self.all_held.set()
            await self._free.wait()
        return verdict

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._free.set)


def gateway(folder: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.mail.gateway_process", str(folder), str(port), *more]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2])


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def kept(folder: Path) -> tuple[dict[str, State], dict[str, int]]:
    """What the state database says: the state of each text, and the mails counted for each account."""
    database = Database(folder / "state.db")
    try:
        rows = database.read("SELECT id, state FROM message")
        states = {"mail " + message_id.removeprefix("m"): State(state) for message_id, state in rows}
        return states, dict(MailUsage(database).of("2026-11-20"))
    finally:
        database.close()


def texts(mails: list[Received]) -> Counter[str]:
    return Counter(words_of(mail.octets) for mail in mails)


def test_exactly_fifty_each_none_lost_none_twice_across_a_kill(tmp_path: Path) -> None:
    """The kill comes when every sender thread has handed over a whole mail and waits for the verdict."""
    with running(HoldingServer(MAILS // 2)) as server:
        assert isinstance(server, HoldingServer)
        first = gateway(tmp_path, server.port, str(MAILS))
        try:
            assert server.all_held.wait(120), f"only {len(server.mails)} mails arrived"
        finally:
            kill(first)
        server.release()
        assert gateway(tmp_path, server.port).wait(180) == 0
    assert texts(server.mails) == dict.fromkeys(ALL, 1)
    assert Counter(mail.sender for mail in server.mails) == {
        f"a{number}@example.com": LIMIT for number in range(ACCOUNTS)
    }
    states, counted = kept(tmp_path)
    assert counted == {f"a{number}": LIMIT for number in range(ACCOUNTS)}
    # Those whose verdict nobody heard are unknown for ever: they were not sent again.
    assert Counter(states.values()) == {State.SENT: MAILS - THREADS, State.UNKNOWN: THREADS}


def test_killed_at_any_moment_no_mail_is_sent_twice_and_none_is_lost_in_silence(tmp_path: Path) -> None:
    with running(MailServer()) as server:
        process = gateway(tmp_path, server.port, "300")
        arrived = 0
        for _ in range(3):
            arrived += random.randint(20, 80)
            server.wait_for(arrived, 120)
            kill(process)
            arrived = len(server.mails)
            process = gateway(tmp_path, server.port)
        assert process.wait(180) == 0
    received = texts(server.mails)
    states, counted = kept(tmp_path)
    taken = set((tmp_path / "taken").read_text().splitlines())
    assert set(received.values()) == {1}
    assert taken | set(received) <= set(states)
    assert set(states.values()) <= {State.SENT, State.UNKNOWN}
    missing = set(states) - set(received)
    assert all(states[text] is State.UNKNOWN for text in missing)
    assert sum(state is State.UNKNOWN for state in states.values()) <= 3 * THREADS
    assert max(Counter(mail.sender for mail in server.mails).values()) <= LIMIT
    assert max(counted.values()) <= LIMIT
