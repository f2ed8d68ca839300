"""Redis: PUBLISH, LPUSH or XADD, as the device's mode wants it; answers come back the same way."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ..deadline import Deadline
from ..errors import ConnectionFailed, FateUnknown, LoginRefused, NoSubscriber, NotPublished
from ..options import Redis
from .base import missing, unique

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise missing("redis", "redis", error) from error

STREAM_FIELD = "message"
"""The field of a stream entry that holds the JSON."""


class RedisTransport:
    def __init__(self, options: Redis) -> None:
        self._options = options
        self.callback_delay = options.callback_delay
        self._tls: dict[str, Any] = _tls(options) if options.ssl else {}

    def reply_topic(self) -> str:
        return unique(self._options.topic)

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        with self._client(deadline) as client:
            if reply_to is None:
                self._publish(client, payload)
                return None
            modes: dict[str, Callable[..., str]] = {
                "channel": self._over_channel,
                "list": self._over_list,
                "stream": self._over_stream,
            }
            try:
                return modes[self._options.mode](client, payload, reply_to, deadline)
            finally:
                if self._options.mode != "channel":
                    # Best effort: the answer has been read, or nobody waits for it any more.
                    with contextlib.suppress(redis.RedisError):
                        client.delete(reply_to)

    @contextlib.contextmanager
    def _client(self, deadline: Deadline) -> "Iterator[redis.Redis]":
        host, port = self._options.address()
        client = redis.Redis(
            host=host,
            port=port,
            db=self._options.database,
            username=self._options.username or None,
            password=self._options.password or None,
            socket_connect_timeout=deadline.to_connect(),
            # Redis answers at once; what may take long is waited for in slices shorter than this.
            socket_timeout=deadline.to_connect(),
            # A second try of its own might publish twice.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            **self._tls,
        )
        refused = ""
        try:
            try:
                client.ping()
            except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
                raise LoginRefused(f"Redis at {host}:{port} refused the login: {error}") from error
            except redis.ResponseError as error:
                # Redis before 6.2 answers a wrong password, and `AUTH` without one set, as a plain error.
                refused = _words(error)
            except (redis.RedisError, OSError) as error:
                raise ConnectionFailed(f"cannot reach Redis at {host}:{port}: {error}") from error
            if refused:
                # Raised out here, because a Redis that knows no `AUTH` quotes the password it was given.
                raise LoginRefused(f"Redis at {host}:{port} refused: {refused}")
            yield client
        finally:
            client.close()

    def _publish(self, client: "redis.Redis", payload: str) -> None:
        topic, mode = self._options.topic, self._options.mode
        refused = ""
        try:
            if mode == "channel":
                # On a cluster the count covers one node only; devices then want the mode list or stream.
                if client.publish(topic, payload) == 0:
                    raise NoSubscriber(f"nobody listens on the Redis channel {topic!r}")
            elif mode == "list":
                client.lpush(topic, payload)
            else:
                client.xadd(topic, {STREAM_FIELD: payload})
        except redis.exceptions.NoPermissionError as error:
            raise LoginRefused(f"Redis refused {topic!r}: {error}") from error
        except redis.ResponseError as error:
            refused = _words(error)
        except (redis.RedisError, OSError) as error:
            raise FateUnknown(f"Redis went silent after the message: {error}") from error
        if refused:
            # Raised out here, because what Redis said must not hang on as the cause.
            raise NotPublished(f"Redis refused the message: {refused}")

    def _over_channel(self, client: "redis.Redis", payload: str, reply_to: str, deadline: Deadline) -> str:
        with client.pubsub() as listener:  # type: ignore[no-untyped-call]
            try:
                listener.subscribe(reply_to)
                confirmed = listener.get_message(timeout=deadline.to_connect())
            except (redis.RedisError, OSError) as error:
                raise NotPublished(f"cannot listen for the answer: {error}") from error
            if not confirmed or confirmed["type"] != "subscribe":
                raise NotPublished("Redis did not confirm that it listens for the answer")
            self._publish(client, payload)
            with _answering():
                while not deadline.over:
                    message = listener.get_message(ignore_subscribe_messages=True, timeout=deadline.to_wait())
                    if message:
                        return str(message["data"])
        raise FateUnknown("no answer came before the deadline")

    def _over_list(self, client: "redis.Redis", payload: str, reply_to: str, deadline: Deadline) -> str:
        self._publish(client, payload)
        with _answering():
            while not deadline.over:
                found: Any = client.brpop([reply_to], timeout=_slice(deadline))
                if found:
                    return str(found[1])
        raise FateUnknown("no answer came before the deadline")

    def _over_stream(self, client: "redis.Redis", payload: str, reply_to: str, deadline: Deadline) -> str:
        self._publish(client, payload)
        with _answering():
            while not deadline.over:
                found: Any = client.xread({reply_to: "0-0"}, count=1, block=int(_slice(deadline) * 1000) or 1)
                if found:
                    entries = found[reply_to] if isinstance(found, dict) else found[0][1]
                    fields = entries[0][1]
                    return str(fields.get(STREAM_FIELD) or next(iter(fields.values())))
        raise FateUnknown("no answer came before the deadline")


def _words(error: "redis.ResponseError") -> str:
    """What Redis said, without the arguments of the command, which it quotes when it does not know one."""
    return str(error).partition(", with args")[0]


def _slice(deadline: Deadline) -> float:
    """Half of the socket's timeout at most, so that Redis says `nothing` before the socket gives up."""
    return deadline.to_connect() / 2


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise FateUnknown(f"Redis went silent before the answer: {error}") from error


def _tls(options: Redis) -> dict[str, Any]:
    return {
        "ssl": True,
        "ssl_cert_reqs": "required" if options.verify else "none",
        "ssl_check_hostname": options.verify,
        "ssl_ca_certs": options.ca_file or None,
        "ssl_certfile": options.cert_file or None,
        "ssl_keyfile": options.key_file or None,
    }
