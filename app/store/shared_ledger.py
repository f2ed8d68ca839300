"""The ledger of a device that shares its brokers: what one device has sent, no other sends again."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import redis

from app.core.errors import StorageFailed, UnknownOutcome
from app.core.faults import survived
from app.core.message import ON_THE_AIR, LedgerRow, Message, Outcome, State
from app.core.ports import Commit
from app.store.ledger import SqliteLedger
from app.store.redis_otp import RedisOtpStore

log = logging.getLogger(__name__)

KEPT = 24 * 3600  # seconds a claim is remembered; the window of the settings is shorter
AWAY = 5.0  # seconds for which a store that cannot be reached is not asked to free another reference

# KEYS[1] the message; ARGV device, claim, seconds. 1 when it is ours now.
_CLAIM = """
local old = redis.call('HGET', KEYS[1], 'device')
if old and old ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'device', ARGV[1], 'row', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""

_RELEASE = """
if redis.call('HGET', KEYS[1], 'device') == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


@dataclass(frozen=True, slots=True)
class _Both:
    """Durable here, and claimed for this device among all."""

    here: Commit
    claim: Callable[[], None]

    def wait(self) -> None:
        self.here.wait()
        self.claim()


class SharedLedger:
    """``core.ports.Ledger``: the device's own, and a claim in Redis before a modem gets a message.

    After a device died in the middle the broker gives its messages to another. That one finds the claim and
    answers with what is known, instead of sending again; what was not claimed it sends.
    """

    def __init__(self, own: SqliteLedger, client: redis.Redis, otp: RedisOtpStore, device: str) -> None:
        self._own = own
        self._client = client
        self._otp = otp
        self._device = device
        self._claim, self._release = client.register_script(_CLAIM), client.register_script(_RELEASE)
        self._open: dict[int, Message] = {}
        self._lock = threading.Lock()
        # A store that does not answer holds up neither the modems nor the database.
        self._freeing = ThreadPoolExecutor(1, "shared-store")
        self._away_until = 0.0

    def next_seq(self) -> int:
        return self._own.next_seq()

    def accept(self, message: Message) -> Commit:
        with self._lock:
            self._open[message.seq] = message
        record = self._own.accept(message, at_once=message.otp is not None)
        if message.otp is not None:
            # In Redis the code is good as soon as it is drawn: without a row that is durable by then, nobody
            # would free its reference after a crash. What the disk refuses does not begin (``sending``).
            with suppress(StorageFailed):
                record.wait()
        return record

    def sending(self, seq: int, modem: str) -> Commit:
        here = self._own.sending(seq, modem)
        message = self._message(seq)
        if message is None:
            return here
        return _Both(here, lambda: self._claimed(message, modem))

    def _claimed(self, message: Message, modem: str) -> None:
        row = _kept(message, State.SENDING, modem)
        try:
            mine = self._claim([_name(message)], [self._device, row, KEPT])
            if mine and message.otp is not None:
                mine = self._otp.sent(*message.otp)
        except (redis.RedisError, OSError) as error:
            raise StorageFailed("the shared store cannot be reached; nothing was sent") from error
        if not mine:
            raise UnknownOutcome("another device has this message; this one does not send it")

    def requeue(self, seq: int) -> None:
        self._own.requeue(seq)
        self._freed(self._message(seq))

    def close(
        self,
        seq: int,
        outcome: Outcome,
        finished: float,
        done: Callable[[], None],
        free: tuple[bytes, bytes] | None = None,
    ) -> None:
        with self._lock:
            message = self._open.pop(seq, None)
        if message is not None and outcome.tries:
            if outcome.state in ON_THE_AIR:
                self._told(message, outcome)
            else:
                self._freed(message)
        if free is None:
            self._own.close(seq, outcome, finished, done)
        else:
            # The reference is free before anybody is told that its message was not sent.
            self._freeing.submit(self._free_and_close, free, seq, outcome, finished, done)

    def _free_and_close(
        self,
        reference: tuple[bytes, bytes],
        seq: int,
        outcome: Outcome,
        finished: float,
        done: Callable[[], None],
    ) -> None:
        with survived(log, "freeing a reference"):
            try:
                if time.monotonic() >= self._away_until:
                    self._otp.forget(*reference)
            except StorageFailed as error:
                self._away_until = time.monotonic() + AWAY
                log.warning("references are not freed and live until they expire: %s", error)
        self._own.close(seq, outcome, finished, done)

    def recall(self, fingerprint: bytes, since: float, now: float) -> LedgerRow | None:
        own = self._own.recall(fingerprint, since, now)
        if own is not None:
            return own
        try:
            kept = self._client.hget(f"otp-pi:message:{fingerprint.hex()}", "row")
        except (redis.RedisError, OSError) as error:
            raise StorageFailed("the shared store cannot be reached; nothing was sent") from error
        return _row(kept, since, now) if isinstance(kept, bytes) else None

    def find(self, owner: str, message_id: str) -> LedgerRow | None:
        return self._own.find(owner, message_id)

    def unfinished(self) -> Sequence[tuple[LedgerRow, tuple[bytes, bytes] | None]]:
        return self._own.unfinished()

    def settle(self) -> None:
        self._own.settle()

    def shift(self, seconds: float, since: float, now: float) -> None:
        """This device's clock jumped; the others' did not, and theirs is the time in Redis."""
        self._own.shift(seconds, since, now)

    def sweep(self, before: float) -> None:
        self._own.sweep(before)

    def _message(self, seq: int) -> Message | None:
        with self._lock:
            return self._open.get(seq)

    def _told(self, message: Message, outcome: Outcome) -> None:
        modem = outcome.sent.modem if outcome.sent else ""
        try:
            self._claim([_name(message)], [self._device, _kept(message, outcome.state, modem, outcome), KEPT])
        except (redis.RedisError, OSError):
            pass  # the claim itself stands: another device answers "unknown" and does not send

    def _freed(self, message: Message | None) -> None:
        if message is None:
            return
        try:
            self._release([_name(message)], [self._device])
        except (redis.RedisError, OSError):
            pass  # a repeat through another device is then answered "unknown", which sends nothing twice


def _name(message: Message) -> str:
    return f"otp-pi:message:{message.fingerprint.hex()}"


UNDER_WAY = "another device has the message, and may or may not have sent it"


def _kept(message: Message, state: State, modem: str, outcome: Outcome | None = None) -> str:
    """What other devices may know: neither the text nor the number."""
    return json.dumps(
        {
            "id": message.id,
            "command": message.command,
            "accepted": message.accepted,
            "expires": message.expires,
            "modem": modem,
            "name": outcome.sent.name if outcome and outcome.sent else "",
            "parts": outcome.sent.parts if outcome and outcome.sent else 0,
            "state": str(state if outcome else State.UNKNOWN),
            "code": outcome.code if outcome else UnknownOutcome.code,
            "reason": outcome.reason if outcome else UnknownOutcome.reason,
            "error": outcome.error if outcome else UNDER_WAY,
        }
    )


def _row(kept: bytes, since: float, now: float) -> LedgerRow | None:
    claim = json.loads(kept)
    expires = claim["expires"]
    if claim["accepted"] < since and (expires is None or expires <= now):
        return None
    return LedgerRow(
        seq=0,
        id=claim["id"],
        command=claim["command"],
        owner="",
        receiver="",
        state=State(claim["state"]),
        code=claim["code"],
        reason=claim["reason"],
        error=claim["error"],
        modem=claim["modem"],
        name=claim["name"],
        parts=claim["parts"],
        accepted=claim["accepted"],
        finished=None,
        tries=(),
    )
