"""Our broker in a thread of the tests, with limits of the test's choosing, stopped at its end."""

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from otp_publisher.broker import htpasswd, topics
from otp_publisher.broker.doorman import Doorman
from otp_publisher.broker.limits import Limits
from otp_publisher.broker.server import Broker, watch
from otp_publisher.broker.watched import Watched

LOGIN = "anna:pa:ss"
# htpasswd -nbB -C 4 anna pa:ss; htpasswd -nbB -C 4 bert pa:ss
PASSWORDS = """\
anna:$2y$04$Ipt27Wrs1UKhQH12rbQoxeX1g18YQFvA9O6gmIL2jDu3IEaC7tasO
bert:$2y$04$tk/.0Kim/POXfO5K58JY2Op5US32hPZHWgHbO7zvoI6A2CJT.KLPa
"""


@dataclass
class Running:
    """`broker` belongs to its thread; tests read its counters and numbers only."""

    port: int = 0
    broker: Broker | None = None
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def clients(self) -> int:
        assert self.broker is not None
        return self.broker.hub.clients


@contextlib.contextmanager
def broker(passwords: Path, limits: Limits | None = None, rules: Path | None = None) -> Iterator[Running]:
    running = Running()
    limits = limits or Limits()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        doorman = Doorman(Watched(passwords, htpasswd.parse), limits.pending_logins)
        running.broker = Broker(doorman, limits, Watched(rules, topics.parse) if rules else None)
        listener = await running.broker.listen("127.0.0.1", 0)
        running.port = listener.sockets[0].getsockname()[1]
        looking = asyncio.create_task(watch(running.broker, 0.05, lambda: None))
        stop.append((asyncio.get_running_loop(), asyncio.Event()))
        running.ready.set()
        await stop[0][1].wait()
        looking.cancel()
        listener.close()
        await listener.wait_closed()
        doorman.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="broker", daemon=True)
    thread.start()
    assert running.ready.wait(30)
    try:
        yield running
    finally:
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join(30)
        assert not thread.is_alive()


def silent(line: socket.socket, seconds: float = 0.3) -> bool:
    return not select.select([line], [], [], seconds)[0]
