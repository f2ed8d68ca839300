"""The three ways to take messages from Redis: a channel that forgets, a list, a stream with a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

from app.brokers.link import Incoming
from app.brokers.redis import RedisLink
from app.core.clock import Clock
from app.settings.subscribers import SubscriberRedis

GROUP = "otp-pi"
FIELD = "message"
REPLIES = 10_000  # answers a reply stream keeps
RENEW = 10.0  # seconds between two signs that what we hold is still ours
DEAD = 45_000  # milliseconds without a sign after which another device may take it over


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
    """BLMOVE into a list of this device's own, LREM after the outcome: what a crash left is there."""

    @property
    def processing(self) -> str:
        return f"{self.topic}:processing:{self.device}"

    def prepare(self) -> None:
        # BLMOVE pushes on the left, so the oldest is the last.
        self._left_over = list(reversed(self.doing.lrange(self.processing, 0, -1)))

    def overdue(self, now: float) -> Sequence[Incoming]:
        left, self._left_over = self._left_over, []
        return [Incoming(body, body, True) for body in left]

    def question(self, room: int) -> tuple[Any, ...]:
        return ("BLMOVE", self.topic, self.processing, "RIGHT", "LEFT", 0)

    def understood(self, answer: Any) -> Sequence[Incoming]:
        return () if answer is None else (Incoming(answer, answer),)

    def done(self, token: bytes) -> None:
        self.doing.lrem(self.processing, -1, token)

    def send(self, topic: str, body: bytes) -> None:
        self.doing.lpush(topic, body)


class StreamLink(RedisLink):
    """A consumer group: XACK after the outcome, XAUTOCLAIM of what a dead device left.

    While a message is under way its idle time is put back now and then, so that nobody else claims it.
    """

    def __init__(self, options: SubscriberRedis, device: str, clock: Clock) -> None:
        super().__init__(options, device, clock)
        self._holding: set[bytes] = set()
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
        self._holding |= {one.token for one in left}
        return left

    def _claim(self, room: int) -> list[Incoming]:
        if not room:
            return []
        _, entries, *_ = self.doing.execute_command(
            "XAUTOCLAIM", self.topic, GROUP, self.device, DEAD, "0", "COUNT", room
        )
        return [one for entry in entries if (one := self._entry(entry, True)).token not in self._holding]

    def question(self, room: int) -> tuple[Any, ...]:
        group = ("XREADGROUP", "GROUP", GROUP, self.device, "COUNT", room, "BLOCK", 0)
        return (*group, "STREAMS", self.topic, ">")

    def understood(self, answer: Any) -> Sequence[Incoming]:
        came = self._entries(answer, redelivered=False)
        self._holding |= {one.token for one in came}
        return came

    def _entries(self, answer: Any, redelivered: bool) -> list[Incoming]:
        return [self._entry(entry, redelivered) for _, entries in answer or () for entry in entries]

    def _entry(self, entry: Any, redelivered: bool) -> Incoming:
        number, fields = entry
        # An entry that was trimmed away while it waited has no fields any more.
        pairs = fields or ()
        values = dict(zip(pairs[::2], pairs[1::2], strict=False)) if isinstance(pairs, list) else dict(pairs)
        body = values.get(FIELD.encode()) or next(iter(values.values()), b"")
        return Incoming(body, number, redelivered)

    def done(self, token: bytes) -> None:
        self._holding.discard(token)
        self.doing.xack(self.topic, GROUP, token)

    def send(self, topic: str, body: bytes) -> None:
        self.doing.xadd(topic, {FIELD: body}, maxlen=REPLIES)


def redis_link(options: SubscriberRedis, device: str, clock: Clock) -> RedisLink:
    """The link for the mode of the settings."""
    modes: dict[str, type[RedisLink]] = {"channel": ChannelLink, "list": ListLink, "stream": StreamLink}
    return modes[options.mode](options, device, clock)
