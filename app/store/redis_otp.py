"""Live OTP references in a Redis that several devices share; and which of them are there."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.errors import StorageFailed
from app.core.ports import Verdict

log = logging.getLogger(__name__)

# An ended reference is kept this long, so that a late try hears "expired" rather than "unknown".
KEPT = 24 * 3600
TIMEOUT = 3.0  # seconds
ALIVE = 5_000  # milliseconds after its last sign for which a device counts as alive

# KEYS[1] the reference; ARGV mark, expires, now, seconds to keep, device, prefix of the signs of life.
# A living reference is in the way, unless the device that drew its code died before a modem had it.
_ISSUE = """
local old = redis.call('HMGET', KEYS[1], 'state', 'expires', 'device', 'sent')
if old[1] == 'alive' and tonumber(old[2]) > tonumber(ARGV[3]) then
  local orphan = old[4] ~= '1' and old[3] ~= ARGV[5] and redis.call('EXISTS', ARGV[6] .. old[3]) == 0
  if not orphan then return 0 end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'mark', ARGV[1], 'expires', ARGV[2], 'state', 'alive', 'wrong', 0,
  'device', ARGV[5], 'sent', 0)
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

# KEYS[1] the reference; ARGV mark, now, tries. Marks are keyed digests: how long it takes to compare two of
# them tells nothing to somebody without the key.
_CHECK = """
local row = redis.call('HMGET', KEYS[1], 'mark', 'expires', 'state', 'wrong')
if not row[1] then return 'unknown' end
if row[3] ~= 'alive' then return row[3] end
if tonumber(row[2]) <= tonumber(ARGV[2]) then return 'expired' end
if row[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'state', 'used')
  return 'right'
end
local wrong = redis.call('HINCRBY', KEYS[1], 'wrong', 1)
if wrong < tonumber(ARGV[3]) then return 'wrong' end
redis.call('HSET', KEYS[1], 'state', 'locked')
return 'locked'
"""

_FORGET = """
if redis.call('HGET', KEYS[1], 'mark') == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

# KEYS[1] the reference; ARGV mark. 0 when another device has drawn a new code for it meanwhile.
_SENT = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'sent', 1) + 1
"""


def connect(url: str) -> redis.Redis:
    """A client for ``redis://`` or ``rediss://``; it connects when it is first used."""
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1), protocol=2
    )


def shared_key(secret: str) -> bytes:
    """32 octets that all devices with the same secret derive alike, to bind codes and recognise messages."""
    return hmac.new(b"otp-pi shared store", secret.encode(), hashlib.sha256).digest()


class RedisOtpStore:
    """``core.ports.OtpStore``: each call is one script, which Redis runs whole.

    The devices that share it take their time from the same NTP servers. device: as for the brokers.
    Every call raises StorageFailed when Redis cannot be reached.
    """

    def __init__(self, client: redis.Redis, device: str) -> None:
        self._client = client
        self._device = device
        self._issue, self._check, self._forget, self._sent = (
            client.register_script(script) for script in (_ISSUE, _CHECK, _FORGET, _SENT)
        )

    def issue(self, key: bytes, mark: bytes, expires: float, now: float) -> bool:
        keep = int(max(0.0, expires - now)) + KEPT
        words = (mark, repr(expires), repr(now), keep, self._device, _SIGN)
        return bool(_asked(self._issue, [_name(key)], words))

    def check(self, key: bytes, mark: bytes, now: float, tries: int) -> Verdict:
        return Verdict(_asked(self._check, [_name(key)], (mark, repr(now), tries)).decode())

    def forget(self, key: bytes, mark: bytes) -> None:
        """Free the reference if it still holds this very code."""
        _asked(self._forget, [_name(key)], (mark,))

    def sent(self, key: bytes, mark: bytes) -> bool:
        """A modem is about to have the code; False when the reference is another device's by now."""
        return bool(_asked(self._sent, [_name(key)], (mark,)))

    def beat(self) -> None:
        """Once a second: this device is alive, what it has drawn is in its hands."""
        try:
            self._client.set(_SIGN + self._device, 1, px=ALIVE)
        except (redis.RedisError, OSError) as error:
            log.warning("the shared OTP store cannot be reached (%s)", type(error).__name__)

    def shift(self, seconds: float) -> None:
        """This device's clock jumped; the others' did not, and theirs is the time in the store."""

    def sweep(self, now: float) -> None:
        """Redis forgets by itself."""


_SIGN = "otp-pi:device:"


def _name(key: bytes) -> str:
    return f"otp-pi:otp:{key.hex()}"


def _asked(script: Any, keys: list[str], words: tuple[Any, ...]) -> Any:
    try:
        return script(keys, words)
    except (redis.RedisError, OSError) as error:
        raise StorageFailed("the shared OTP store cannot be reached; try again") from error
