"""Who listens to which topic, and what waits for whom."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from .counters import Counters
from .limits import Limits


class Line(Protocol):
    """The connection of one member."""

    async def send(self, message: bytes, /, *, text: bool) -> None: ...


class Member:
    """One client: its topic, its line, and the messages that wait until the line takes them."""

    def __init__(self, user: str, topic: str, line: Line, drop: Callable[[], None], limits: Limits) -> None:
        self.user = user
        self.topic = topic
        self._line = line
        self._drop = drop
        self._limits = limits
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self.dropped = False

    def offer(self, message: bytes) -> bool:
        """Queue the message without waiting; False, and the line is cut, where too much waits already."""
        if self.dropped:
            return False
        full = len(self._waiting) >= self._limits.queue_messages
        if full or self._bytes + len(message) > self._limits.queue_bytes:
            self.dropped = True
            self._waiting.clear()
            self._drop()
            return False
        self._waiting.append(message)
        self._bytes += len(message)
        self._wake.set()
        return True

    async def pump(self, sent: Callable[[bytes], None]) -> None:
        """Move what waits onto the line, as fast as it takes it; ends with an exception of the line."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                message = self._waiting.popleft()
                self._bytes -= len(message)
                await self._line.send(message, text=True)
                sent(message)


class Hub:
    """Members by topic. Topics are compared as strings: `1` is not `01`."""

    def __init__(self, counters: Counters) -> None:
        self._topics: dict[str, set[Member]] = {}
        self._counters = counters

    @property
    def clients(self) -> int:
        return sum(len(members) for members in self._topics.values())

    @property
    def topics(self) -> int:
        return len(self._topics)

    def join(self, member: Member) -> None:
        self._topics.setdefault(member.topic, set()).add(member)

    def leave(self, member: Member) -> None:
        members = self._topics.get(member.topic)
        if members:
            members.discard(member)
            if not members:
                del self._topics[member.topic]

    def members(self) -> list[Member]:
        return [member for members in self._topics.values() for member in members]

    def publish(self, sender: Member, message: bytes) -> list[Member]:
        """To every other member of the sender's topic; returns those that were cut for being too slow."""
        self._counters.messages_in += 1
        self._counters.bytes_in += len(message)
        cut = []
        for member in self._topics.get(sender.topic, ()):
            if member is not sender and not member.dropped and not member.offer(message):
                self._counters.slow_readers_closed += 1
                cut.append(member)
        return cut

    def sent(self, message: bytes) -> None:
        self._counters.messages_out += 1
        self._counters.bytes_out += len(message)
