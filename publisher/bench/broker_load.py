"""Loads the WebSocket broker: 500 clients on 50 topics, the broker on one core, the load on another.

    python bench/broker_load.py [--clients 500] [--topics 50] [--seconds 10]

Three runs: a steady rate (latency), as fast as it goes (throughput), and the steady rate again while one
client of a busy topic never reads. Prints one line of figures a run.
"""

import argparse
import asyncio
import base64
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

USER, PASSWORD = "bench", "bench"
PAYLOAD = 200
FRAME = PAYLOAD + 4
SETTLING = 20.0
"""Seconds to wait for what is still under way at the end of a run."""
WINDOW = 40
"""Messages of one topic that may be under way in the throughput run."""


class Client(asyncio.Protocol):
    """Speaks just enough: handshake, masked frames of one size out, frames of the same size in."""

    def __init__(self, topic: int, load: "Load") -> None:
        self.topic, self.load = topic, load
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws?topic=bench{self.topic} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {login}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._buffer += data
        if not self.open.done():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open.set_result(None)
            self._buffer = rest
        while len(self._buffer) >= 2:
            if self._buffer[0] != 0x81:  # a ping; too rare to matter, and answered by nobody within its 20 s
                self._buffer = self._buffer[2 + self._buffer[1] :]
                continue
            if len(self._buffer) < FRAME:
                return
            (sent,) = struct.unpack_from("!Q", bytes.fromhex(self._buffer[4:20].decode()))
            self._buffer = self._buffer[FRAME:]
            self.load.received(self, now - sent)

    def send(self) -> None:
        text = struct.pack("!Q", time.monotonic_ns()).hex().encode().ljust(PAYLOAD, b".")
        # A mask of zeros is a valid mask and costs this side nothing.
        self.transport.write(struct.pack("!BBH4x", 0x81, 0x80 | 126, PAYLOAD) + text)


@dataclass
class Load:
    """Clients by topic; the first of each topic sends, the others receive."""

    topics: list[list[Client]] = field(default_factory=list)
    latencies: list[int] = field(default_factory=list)
    deliveries: int = 0
    flooding: bool = False
    unmeasured: int = -1
    pending: dict[int, int] = field(default_factory=dict)

    def received(self, client: Client, latency: int) -> None:
        self.deliveries += 1
        if not self.flooding:
            if client.topic != self.unmeasured:
                self.latencies.append(latency)
            return
        self.pending[client.topic] -= 1
        if self.pending[client.topic] <= 0:
            self.burst(client.topic)

    def burst(self, topic: int) -> None:
        readers = len(self.topics[topic]) - 1
        self.pending[topic] = WINDOW * readers
        for _ in range(WINDOW):
            self.topics[topic][0].send()

    async def steady(self, seconds: float, a_topic: float) -> int:
        """Each topic's sender in its turn, `a_topic` messages a second each; returns how many are lost."""
        gap = 1 / (a_topic * len(self.topics))
        begin, expected = time.monotonic(), 0
        for number in range(round(seconds / gap)):
            await asyncio.sleep(max(0.0, begin + number * gap - time.monotonic()))
            topic = number % len(self.topics)
            self.topics[topic][0].send()
            expected += 0 if topic == self.unmeasured else len(self.topics[topic]) - 1
        await self.settle(lambda: len(self.latencies) >= expected)
        return expected - len(self.latencies)

    @staticmethod
    async def settle(done: Callable[[], bool]) -> None:
        end = time.monotonic() + SETTLING
        while not done() and time.monotonic() < end:
            await asyncio.sleep(0.01)

    async def flood(self, seconds: float) -> None:
        self.flooding = True
        for topic in range(len(self.topics)):
            self.burst(topic)
        await asyncio.sleep(seconds)
        # Whole bursts only, so that nothing is under way in the next run.
        self.burst = lambda topic: None  # type: ignore[method-assign]
        await self.settle(lambda: all(waiting <= 0 for waiting in self.pending.values()))
        self.flooding = False


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def latency_line(latencies: list[int]) -> str:
    cuts = statistics.quantiles(latencies, n=100)
    return f"latency median {cuts[49] / 1e6:.2f} ms, p95 {cuts[94] / 1e6:.2f} ms, p99 {cuts[98] / 1e6:.2f} ms"


async def measure(port: int, pid: int, clients: int, topics: int, seconds: float) -> None:
    load = Load([[] for _ in range(topics)])
    loop = asyncio.get_running_loop()
    begin = time.monotonic()
    for number in range(clients):
        topic = number % topics
        _, client = await loop.create_connection(lambda topic=topic: Client(topic, load), "127.0.0.1", port)
        load.topics[topic].append(client)
        await client.open
    say(
        f"{clients} clients on {topics} topics connected in {time.monotonic() - begin:.2f} s; "
        f"broker {resident_mib(pid):.0f} MiB"
    )

    used, begin = cpu_seconds(pid), time.monotonic()
    lost = await load.steady(seconds, 4)
    busy = (cpu_seconds(pid) - used) / (time.monotonic() - begin)
    say(
        f"steady, {4 * topics} messages/s in, {len(load.latencies) / seconds:.0f}/s out: "
        f"{latency_line(load.latencies)}; one core {busy:.0%} busy; lost {lost}"
    )

    load.deliveries, used, begin = 0, cpu_seconds(pid), time.monotonic()
    await load.flood(seconds)
    took, cpu = time.monotonic() - begin, cpu_seconds(pid) - used
    say(
        f"as fast as it goes: {load.deliveries / took:.0f} deliveries/s with {cpu / took:.0%} of the core, "
        f"{load.deliveries / cpu:.0f} deliveries per second of processor; broker {resident_mib(pid):.0f} MiB"
    )

    stuck = Client(0, load)
    await loop.create_connection(lambda: stuck, "127.0.0.1", port)
    await stuck.open
    stuck.transport.pause_reading()
    load.latencies.clear()
    load.unmeasured = 0

    async def keep_topic_0_busy() -> None:
        while True:
            for _ in range(20):
                load.topics[0][0].send()
            await asyncio.sleep(0.02)

    busy_topic = asyncio.create_task(keep_topic_0_busy())
    lost = await load.steady(seconds, 4)
    busy_topic.cancel()
    say(
        f"steady, while one reader of a topic with 1000 messages/s more stands still, the other topics: "
        f"{latency_line(load.latencies)}; lost {lost}; broker {resident_mib(pid):.0f} MiB"
    )
    for client in [stuck, *(client for group in load.topics for client in group)]:
        client.transport.abort()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--topics", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as directory:
        passwords = Path(directory, "htpasswd")
        passwords.write_text(f"{USER}:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()}\n")
        command = [sys.executable, "-m", "otp_publisher", "broker", "--listen", "127.0.0.1:0"]
        broker = subprocess.Popen(
            [*command, "--htpasswd", str(passwords)], stderr=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            os.sched_setaffinity(broker.pid, {cores[0]})
            os.sched_setaffinity(0, set(cores[1:]) or {cores[0]})
            assert broker.stderr is not None
            port = int(broker.stderr.readline().rsplit(":", 1)[1])
            asyncio.run(measure(port, broker.pid, options.clients, options.topics, options.seconds))
            broker.terminate()
            for line in broker.stderr:
                if "slowly" in line:
                    say(f"the broker says: {line.strip()}")
        finally:
            broker.kill()
            broker.wait()


if __name__ == "__main__":
    main()
