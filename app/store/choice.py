"""Whose memory of codes and messages counts: this device's own, or one it shares with others in Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.core.digest import KeyedDigest
from app.core.ports import Ledger, OtpStore
from app.settings.general import General
from app.store.database import Database
from app.store.keys import DeviceKeys
from app.store.ledger import SqliteLedger
from app.store.otp import SqliteOtpStore


class KeptOtpStore(OtpStore, Protocol):
    """What the service does to a store beside using it."""

    def shift(self, seconds: float) -> None:
        """The wall clock jumped: what was alive stays alive."""
        ...

    def sweep(self, now: float) -> None: ...


class KeptLedger(Ledger, Protocol):
    def settle(self) -> None:
        """Once a second: ends that the disk did not take are written again."""
        ...

    def shift(self, seconds: float, since: float, now: float) -> None:
        """The wall clock jumped: what ``recall`` found before it finds still."""
        ...

    def sweep(self, before: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """digest binds codes and recognises messages; beat, where there is one, is called once a second."""

    otp: KeptOtpStore
    ledger: KeptLedger
    digest: KeyedDigest
    beat: Callable[[], None] | None = None


def choose(general: General, database: Database, keys: DeviceKeys, device: str) -> Remembered:
    """As the settings say. device: what tells this device from others that share the store."""
    own = SqliteLedger(database)
    if general.otp_store == "embedded":
        return Remembered(SqliteOtpStore(database), own, KeyedDigest(keys.key("messages")))
    # Redis' client is loaded by devices that share a store alone.
    from app.store import redis_otp
    from app.store.shared_ledger import SharedLedger

    client = redis_otp.connect(general.otp_store_url)
    store = redis_otp.RedisOtpStore(client, device)
    digest = KeyedDigest(redis_otp.shared_key(general.otp_store_secret))
    return Remembered(store, SharedLedger(own, client, store, device), digest, store.beat)


def chosen_by(general: General) -> tuple[str, str, str]:
    """What decides; a change of it is taken over at the next start."""
    return general.otp_store, general.otp_store_url, general.otp_store_secret
