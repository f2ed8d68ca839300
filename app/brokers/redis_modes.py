"""The three ways to take messages from Redis: a channel that forgets, a list, a stream with a group."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any, cast

import redis

from app.brokers.link import Incoming
from app.brokers.redis import RedisLink
from app.core.clock import Clock
from app.settings.subscribers import SubscriberRedis

GROUP = "otp-pi"
FIELD = "message"
REPLIES = 10_000  # answers a reply stream keeps
# The name of a publisher that waits for one answer and removes the key: whoever comes late would leave it for
# ever. Lists and streams of other names are somebody's to read when they like.
ONE_ANSWER = re.compile(r".+\.reply\.[0-9a-f]{24}")
LATE = 3600  # seconds that the answer to such a name can be fetched
RENEW = 5.0  # seconds between two signs that what we hold is still ours

# KEYS the dead device's sign of life, its list, ours, the set of devices; ARGV how many, its name. Nothing is
# moved once it is back, because it gives its sign before it looks into its list.
_ADOPT = """
local got = {}
if redis.call('EXISTS', KEYS[1]) == 1 then return got end
for place = 1, tonumber(ARGV[1]) do
  local body = redis.call('LMOVE', KEYS[2], KEYS[3], 'RIGHT', 'LEFT')
  if not body then
    redis.call('SREM', KEYS[4], ARGV[2])
    break
  end
  got[place] = body
end
return got
"""

# KEYS our list, all devices'; ARGV the message. Only what is still ours goes back, as the next to be taken.
_PUT_BACK = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[1]) end
"""


def dead_after(options: SubscriberRedis) -> int:
    """Milliseconds without a sign after which others take over what a device holds.

    A device that merely lost its connection notices it, waits, connects and gives its sign in less.
    """
    return int((2 * RENEW + 2 * options.timeout + options.reconnect_delay) * 1000)


class ChannelLink(RedisLink):
    """SUBSCRIBE and PUBLISH: Redis keeps nothing, what comes while nobody listens is lost."""

    subscribed = True

    def prepare(self) -> None:
        self._waits_for_subscription = True

    def question(self, room: int) -> tuple[Any, ...]:
        return ("SUBSCRIBE", self.topic)

    def understood(self, answer: Any) -> Sequence[Incoming]:
        kind, _, body = answer
        return (Incoming(body),) if kind == b"message" else ()

    def done(self, token: Any) -> None:
        """There is nothing to forget."""

    def send(self, topic: str, body: bytes) -> None:
        self.doing.publish(topic, body)


class ListLink(RedisLink):
    """BLMOVE into a list of this device's own, LREM after the outcome: what a crash left is there.

    Each device has a key that ends when it falls silent; then the others take over what its list holds.
    """

    def __init__(self, options: SubscriberRedis, device: str, clock: Clock) -> None:
        super().__init__(options, device, clock)
        self._dead = dead_after(options)
        self._looked = 0.0
        self._adopt = self.doing.register_script(_ADOPT)
        self._hand_back = self.doing.register_script(_PUT_BACK)

    @property
    def processing(self) -> str:
        return self._processing(self.device)

    @property
    def _devices(self) -> str:
        return f"{self.topic}:devices"

    def _processing(self, device: str) -> str:
        return f"{self.topic}:processing:{device}"

    def _sign(self, device: str) -> str:
        return f"{self.topic}:alive:{device}"

    def _live(self) -> None:
        self.doing.set(self._sign(self.device), 1, px=self._dead)

    def prepare(self) -> None:
        self._live()
        self.doing.sadd(self._devices, self.device)
        # BLMOVE pushes on the left, so the oldest is the last.
        self._left_over = list(reversed(self.doing.lrange(self.processing, 0, -1)))

    def overdue(self, now: float) -> Sequence[Incoming]:
        left, self._left_over = self._left_over, []
        if now - self._looked >= RENEW:
            self._looked = now
            self._live()
            left += self._adopted(self._prefetch - self.held - len(left))
        return [Incoming(body, body, True) for body in cast(list[bytes], left)]

    def _adopted(self, room: int) -> list[bytes]:
        """What devices that fell silent had taken and not ended, up to so many."""
        found: list[bytes] = []
        if room <= 0:
            return found
        for other in self.doing.smembers(self._devices):
            name = cast(bytes, other).decode("utf-8", "replace")
            if name != self.device and len(found) < room:
                keys = [self._sign(name), self._processing(name), self.processing, self._devices]
                found += self._adopt(keys, [room - len(found), name])
        return found

    def question(self, room: int) -> tuple[Any, ...]:
        return ("BLMOVE", self.topic, self.processing, "RIGHT", "LEFT", 0)

    def understood(self, answer: Any) -> Sequence[Incoming]:
        return () if answer is None else (Incoming(answer, answer),)

    def done(self, token: bytes) -> None:
        self.doing.lrem(self.processing, -1, token)  # type: ignore[arg-type]  # octets are as good

    def put_back(self, token: bytes) -> bool:
        self._hand_back([self.processing, self.topic], [token])
        return True

    def send(self, topic: str, body: bytes) -> None:
        self.doing.lpush(topic, body)
        _let_end(self.doing, topic)


class StreamLink(RedisLink):
    """A consumer group: XACK after the outcome, XAUTOCLAIM of what a dead device left.

    While a message is under way its idle time is put back now and then, so that nobody else claims it.
    """

    def __init__(self, options: SubscriberRedis, device: str, clock: Clock) -> None:
        super().__init__(options, device, clock)
        self._holding: dict[bytes, bytes] = {}  # entry id → message
        self._dead = dead_after(options)
        self._looked = 0.0

    def prepare(self) -> None:
        try:
            # From the beginning: what was published before the first device came is not lost.
            self.doing.xgroup_create(self.topic, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        mine = self.doing.execute_command(
            "XREADGROUP", "GROUP", GROUP, self.device, "STREAMS", self.topic, "0"
        )
        self._left_over = self._entries(mine, redelivered=True)

    def overdue(self, now: float) -> Sequence[Incoming]:
        left, self._left_over = self._left_over, []
        if now - self._looked >= RENEW:
            self._looked = now
            if self._holding:
                self.doing.xclaim(self.topic, GROUP, self.device, 0, list(self._holding), justid=True)
            if room := self._prefetch - self.held:
                left += self._claim(max(0, room))
        self._holding |= {one.token: one.body for one in left}
        return left

    def _claim(self, room: int) -> list[Incoming]:
        if not room:
            return []
        _, entries, *_ = self.doing.execute_command(
            "XAUTOCLAIM", self.topic, GROUP, self.device, self._dead, "0", "COUNT", room
        )
        # Redis 6.2 has nothing to show for an entry that was trimmed away while it waited.
        claimed = [self._entry(entry, True) for entry in entries if entry is not None]
        return [one for one in claimed if one.token not in self._holding]

    def question(self, room: int) -> tuple[Any, ...]:
        group = ("XREADGROUP", "GROUP", GROUP, self.device, "COUNT", room, "BLOCK", 0)
        return (*group, "STREAMS", self.topic, ">")

    def understood(self, answer: Any) -> Sequence[Incoming]:
        came = self._entries(answer, redelivered=False)
        self._holding |= {one.token: one.body for one in came}
        return came

    def _entries(self, answer: Any, redelivered: bool) -> list[Incoming]:
        return [self._entry(entry, redelivered) for _, entries in answer or () for entry in entries]

    def _entry(self, entry: Any, redelivered: bool) -> Incoming:
        number, fields = entry
        # An entry that was trimmed away while it waited has no fields any more.
        pairs = fields or ()
        values = dict(zip(pairs[::2], pairs[1::2], strict=False)) if isinstance(pairs, list) else dict(pairs)
        body = values.get(FIELD.encode()) or next(iter(values.values()), b"")
        return Incoming(body, number, redelivered, f"{self.topic} {number.decode('ascii', 'replace')}")

    def done(self, token: bytes) -> None:
        self._holding.pop(token, None)
        self.doing.xack(self.topic, GROUP, token)

    def put_back(self, token: bytes) -> bool:
        """A group has no way to give an entry back: it becomes a new one, in one step."""
        body = self._holding.pop(token)
        with self.doing.pipeline(transaction=True) as both:
            both.xadd(self.topic, {FIELD: body})
            both.xack(self.topic, GROUP, token)
            both.execute()
        return True

    def send(self, topic: str, body: bytes) -> None:
        self.doing.xadd(topic, {FIELD: body}, maxlen=REPLIES)
        _let_end(self.doing, topic)


def _let_end(client: redis.Redis, topic: str) -> None:
    if ONE_ANSWER.fullmatch(topic):
        with contextlib.suppress(redis.ResponseError):  # the answer is out, with or without the right to this
            client.expire(topic, LATE)


def redis_link(options: SubscriberRedis, device: str, clock: Clock) -> RedisLink:
    """The link for the mode of the settings."""
    modes: dict[str, type[RedisLink]] = {"channel": ChannelLink, "list": ListLink, "stream": StreamLink}
    return modes[options.mode](options, device, clock)
