"""Whose turn it is: accounts one after the other, none over its daily limit, none that just failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.clock import Clock
from app.core.ports import Commit
from app.mail.account import Account

log = logging.getLogger(__name__)

# An account that fails is left alone for a minute, then two, four, … at most a quarter of an hour.
FIRST_REST = 60.0
LONGEST_REST = 900.0


class Usage(Protocol):
    """How many mails each account has sent on each day; kept over restarts."""

    def of(self, day: str) -> Mapping[str, int]:
        """Account id → mails of that day. Raises StorageFailed."""
        ...

    def add(self, account: str, day: str, mails: int) -> Commit:
        """One more (or, known not to be sent, one less)."""
        ...


@dataclass(slots=True)
class Turn:
    """The right to send one mail by an account; ``day`` is the one it was charged to, empty before."""

    account: Account
    day: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """An account for the page. resting: seconds until it is tried again; error: what it failed with."""

    account: Account
    sent_today: int
    resting: float
    error: str


class _Record:
    """What is known of one account; guarded by the lock of its Turns.

    sent: mails charged today; open: turns taken and not ended; uncharged: those of them not yet charged.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.sent = 0
        self.open = 0
        self.uncharged = 0
        self.failures = 0
        self.rests_until = 0.0
        self.error = ""
        # Until it has worked once, and again after a failure, one mail tries an account at a time: an
        # unreachable server then costs its timeout once, not once for each thread.
        self.proven = False

    @property
    def full(self) -> bool:
        limit = self.account.daily_limit
        return limit > 0 and self.sent + self.uncharged >= limit


class Turns:
    """Round robin over the accounts; ``day`` names the local day and changes at midnight."""

    def __init__(self, usage: Usage, clock: Clock, day: Callable[[], str]) -> None:
        self._usage = usage
        self._clock = clock
        self._day_now = day
        self._records: list[_Record] = []
        self._day = ""
        self._next = 0
        self._change = threading.Condition()

    def load(self, accounts: Sequence[Account]) -> None:
        """Take over the accounts of the settings; one whose settings changed gets a new chance."""
        with self._change:
            known = {record.account.id: record for record in self._records}
            records = []
            for account in accounts:
                record = known.get(account.id)
                if record is None or record.account != account:
                    fresh = _Record(account)
                    if record is not None:
                        fresh.open, fresh.uncharged = record.open, record.uncharged
                    record = fresh
                records.append(record)
            self._records = records
            self._day = ""  # new accounts have sent too, before they were taken away
            self._change.notify_all()

    def take(self, tried: Collection[str], hopeless: Callable[[], bool] = lambda: False) -> Turn | None:
        """The next account that may send; None when none may, or when waiting became ``hopeless``.

        Waits only for what another mail is finding out right now: whether an account works, or whether
        its last place of the day is used up. Raises StorageFailed.
        """
        with self._change:
            while not hopeless():
                self._begin_day()
                now = self._clock.steady()
                busy = False
                for offset in range(len(self._records)):
                    place = (self._next + offset) % len(self._records)
                    record = self._records[place]
                    if record.account.id in tried or record.rests_until > now:
                        continue
                    if record.full or not record.proven:
                        if record.open:
                            busy = True
                            continue
                        if record.full:
                            continue
                    self._next = place + 1
                    record.open += 1
                    record.uncharged += 1
                    return Turn(record.account)
                if not busy:
                    return None
                self._change.wait(0.5)
        return None

    def charge(self, turn: Turn) -> Commit:
        """Called before the last octet that makes a mail the server's: from here on it counts."""
        with self._change:
            self._begin_day()
            turn.day = self._day
            record = self._record(turn)
            if record:
                record.sent += 1
                record.uncharged -= 1
            return self._usage.add(turn.account.id, turn.day, +1)

    def sent(self, turn: Turn) -> None:
        with self._change:
            record = self._end(turn)
            if record:
                if record.error:
                    log.info("mail account %s works again", turn.account.name)
                record.proven, record.failures, record.error = True, 0, ""

    def refused(self, turn: Turn, fault: str = "") -> None:
        """The mail is known not to be sent. fault: a sentence when the account is to blame for it."""
        with self._change:
            record = self._end(turn)
            if turn.day:
                self._usage.add(turn.account.id, turn.day, -1)
                if record and turn.day == self._day:
                    record.sent -= 1
            if record and fault:
                self._rest(record, fault)
            elif record:
                record.proven = True

    def lost(self, turn: Turn, why: str) -> None:
        """Nobody knows whether the mail was sent: it counts, and the account rests."""
        with self._change:
            record = self._end(turn)
            if record:
                self._rest(record, why)

    def standings(self) -> list[Standing]:
        with self._change:
            self._begin_day()
            now = self._clock.steady()
            return [
                Standing(one.account, one.sent, max(0.0, one.rests_until - now), one.error)
                for one in self._records
            ]

    def why_none(self) -> str:
        """Why no account may send, as a sentence."""
        with self._change:
            now = self._clock.steady()
            resting = [one for one in self._records if one.rests_until > now]
            if not self._records:
                return "no mail account is active: add one under e-mail accounts"
            if resting:
                words = "; ".join(f"{one.account.name}: {one.error}" for one in resting[:3])
                return f"no mail account works at the moment ({words})"
            return "every mail account has sent its daily limit: add one, or wait for midnight"

    def any(self) -> bool:
        return bool(self._records)

    def _begin_day(self) -> None:
        today = self._day_now()
        if today == self._day:
            return
        counts = self._usage.of(today)
        self._day = today
        for record in self._records:
            record.sent = counts.get(record.account.id, 0)

    def _end(self, turn: Turn) -> _Record | None:
        record = None if turn.ended else self._record(turn)
        turn.ended = True
        if record:
            record.open -= 1
            if not turn.day:
                record.uncharged -= 1
        self._change.notify_all()
        return record

    def _rest(self, record: _Record, why: str) -> None:
        record.proven = False
        record.failures += 1
        record.error = why
        rest = min(FIRST_REST * 2 ** (record.failures - 1), LONGEST_REST)
        record.rests_until = self._clock.steady() + rest
        log.warning("mail account %s rests for %.0f s: %s", record.account.name, rest, why)

    def _record(self, turn: Turn) -> _Record | None:
        return next((one for one in self._records if one.account.id == turn.account.id), None)
