"""Texts of messages taken asynchronously: one small file each, in memory-backed storage."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from app.core.clock import Clock
from app.core.errors import QueueFull, StorageFailed
from app.core.message import Message

log = logging.getLogger(__name__)

# Some 20 MB at the most, in memory.
CAPACITY = 10_000
_MOMENTS = ("deadline", "ends")


class FileSpool:
    """``core.ports.Spool``. It survives a crash of the service but not a power cut, and touches no card."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        for torn in folder.glob("*.new"):  # a process died in the middle; nobody was told it was accepted
            torn.unlink(missing_ok=True)
        self._kept = {int(path.stem): path for path in folder.glob("*.json") if path.stem.isdigit()}

    def keep(self, message: Message) -> None:
        """Raises QueueFull or StorageFailed; the message is then not accepted."""
        if len(self._kept) >= CAPACITY:
            raise QueueFull(f"{CAPACITY} messages wait already; nothing was sent: try again later")
        path = self._folder / f"{message.seq}.json"
        fresh = path.with_suffix(".new")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_frozen(message, self._clock))
            fresh.rename(path)
        except OSError as error:
            raise StorageFailed(f"the spool took no message: {error.strerror}") from error
        self._kept[message.seq] = path

    def drop(self, seq: int) -> None:
        path = self._kept.pop(seq, None)
        if path is not None:
            path.unlink(missing_ok=True)

    def kept(self) -> Mapping[int, Message]:
        """What a dead process left; a file that is not whole is dropped (its ledger row ends as lost)."""
        messages = {}
        for seq, path in list(self._kept.items()):
            try:
                messages[seq] = _thawed(path.read_bytes(), self._clock)
            except (OSError, ValueError, TypeError, KeyError):
                log.warning("the spooled message %d is not whole and was dropped", seq)
                self.drop(seq)
        return messages


def _frozen(message: Message, clock: Clock) -> bytes:
    fields = {name: getattr(message, name) for name in Message.__slots__}
    for moment in _MOMENTS:  # steady seconds mean nothing to the next process
        fields[moment] += clock.wall() - clock.steady()
    fields["fingerprint"] = message.fingerprint.hex()
    fields["otp"] = [part.hex() for part in message.otp] if message.otp else None
    return json.dumps(fields).encode()


def _thawed(octets: bytes, clock: Clock) -> Message:
    fields = json.loads(octets)
    for moment in _MOMENTS:
        fields[moment] -= clock.wall() - clock.steady()
    fields["fingerprint"] = bytes.fromhex(fields["fingerprint"])
    if fields["otp"]:
        key, mark = fields["otp"]
        fields["otp"] = (bytes.fromhex(key), bytes.fromhex(mark))
    return Message(**fields)
