"""Redis: what a channel, a list and a stream have in common: two connections and how they fail."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.brokers.dial import Fault, Place, context, dial, in_words
from app.brokers.link import Bell, Incoming, Unpublishable
from app.core.clock import Clock
from app.settings.subscribers import SubscriberRedis


class Connection(redis.Connection):
    """A connection of redis-py over a socket of ours, which can be waited for together with a bell."""

    def __init__(self, *, place: Place, **rest: Any) -> None:
        super().__init__(host=place.host, port=place.port, **rest)
        self.place = place
        self.wire: socket.socket | None = None

    def _connect(self) -> socket.socket:
        self.wire = dial(self.place)
        return self.wire


class RedisLink(ABC):
    """Two connections: on one the broker is asked for messages, the other carries all the rest.

    At most one question is open at a time, so that its answer can be waited for without blocking.
    """

    def __init__(self, options: SubscriberRedis, device: str, clock: Clock) -> None:
        self.topic = options.topic
        self.device = device
        self._options = options
        self._clock = clock
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._bell = Bell()
        self._asking: Connection | None = None
        self._pool = redis.ConnectionPool(connection_class=Connection, **self._parameters())
        self.doing: redis.Redis = redis.Redis(connection_pool=self._pool)
        self._asked = False
        self._proven = 0.0
        self._prefetch = 1
        self.held = 0

    def _parameters(self) -> dict[str, Any]:
        options = self._options
        return {
            "place": self._place,
            "db": options.database,
            "username": options.username or None,
            "password": options.password or None,
            "socket_timeout": options.timeout,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "client_name": f"otp-pi-{self.device}",
        }

    def open(self) -> None:
        try:
            self._asking = Connection(**self._parameters())
            self._asking.connect()
            self.doing.ping()
            self.prepare()
        except (redis.RedisError, OSError) as error:
            raise Fault(self._words(error)) from error
        self._proven = self._clock.steady()

    @abstractmethod
    def prepare(self) -> None:
        """Whatever has to be there before the first question."""

    @abstractmethod
    def question(self, room: int) -> tuple[Any, ...]:
        """The command that brings up to so many messages, when there are any."""

    @abstractmethod
    def understood(self, answer: Any) -> Sequence[Incoming]:
        """The messages in the broker's answer."""

    @abstractmethod
    def done(self, token: Any) -> None:
        """Tell the broker that it may forget a message."""

    def put_back(self, token: Any) -> bool:
        """Give a message to the other devices; False where there are none to take it."""
        return False

    @abstractmethod
    def send(self, topic: str, body: bytes) -> None:
        """Publish an answer as this mode does."""

    def overdue(self, now: float) -> Sequence[Incoming]:
        """Once in a while: messages to take up again."""
        return ()

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        try:
            return self._turn(seconds, room)
        except (redis.RedisError, OSError) as error:
            raise Fault(self._words(error)) from error

    def _turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        asking = self._asking
        if asking is None:
            raise Fault("the connection is not open")
        now = self._clock.steady()
        if again := self.overdue(now):
            self.held += len(again)
            return again
        if now - self._proven >= self._place.timeout / 2:
            self.doing.ping()
            self._proven = now
        free = min(room, self._prefetch - self.held)
        if not self._asked and free > 0:
            asking.send_command(*self.question(free))
            self._asked = True
        if not asking.can_read(0) and not (self._bell.wait(asking.wire, seconds) and asking.can_read(0)):
            return ()
        came = self.understood(asking.read_response())
        self._asked = self.subscribed
        self.held += sum(one.token is not None for one in came)
        return came

    @property
    def subscribed(self) -> bool:
        """Whether one question brings messages for ever."""
        return False

    def limit(self, prefetch: int) -> None:
        self._prefetch = prefetch

    def settle(self, token: Any) -> None:
        self.held -= 1
        try:
            self.done(token)
        except (redis.RedisError, OSError) as error:
            raise Fault(self._words(error)) from error

    def release(self, token: Any) -> bool:
        try:
            released = self.put_back(token)
        except (redis.RedisError, OSError) as error:
            raise Fault(self._words(error)) from error
        self.held -= released
        return released

    def publish(self, topic: str, body: bytes) -> None:
        try:
            self.send(topic, body)
        except redis.ResponseError as error:
            raise Unpublishable(
                "the key is in use for something else, or the user may not write it"
            ) from error
        except (redis.RedisError, OSError) as error:
            raise Fault(self._words(error)) from error

    def wake(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        try:
            if self._asking is not None:
                self._asking.disconnect()
            self._pool.disconnect()
        except (redis.RedisError, OSError):
            pass
        self._bell.close()

    def _words(self, error: BaseException) -> str:
        cause = error.__cause__ or error.__context__
        match error:
            case redis.AuthenticationError() | redis.exceptions.AuthorizationError():
                return "the broker refused the user name or the password"
            case redis.exceptions.NoPermissionError():
                return "the broker does not let this user do what is needed"
            case redis.BusyLoadingError():
                return "the broker is still loading its data"
            case redis.ReadOnlyError():
                return "the broker is a replica and takes no writes"
            case redis.ResponseError() if "AUTH" in str(error) or "WRONGPASS" in str(error):
                return "the broker refused the user name or the password"
            case redis.ResponseError() if "WRONGTYPE" in str(error):
                return f"the key {self.topic} holds something else: is the mode right?"
            case redis.ResponseError() if "DENIED" in str(error):
                return "the broker is in protected mode: it wants a password to be set"
            case redis.ResponseError():
                return "the broker refused a command: is it Redis 6.2 or newer?"
            case redis.TimeoutError():
                return in_words(TimeoutError(), self._place)
            case redis.ConnectionError() if isinstance(cause, OSError):
                return in_words(cause, self._place)
            case redis.RedisError():
                return f"{self._place} closed the connection"
        return in_words(error, self._place)
