"""What is measured; each case gives rows of name, figure and the target it is held against."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator

from app.core.digest import KeyedDigest
from app.store.database import Database
from app.store.otp import SqliteOtpStore
from bench.bare import bare_times
from bench.client import Client
from bench.pages import pages
from bench.rig import Gateway, Simulators, in_parallel
from bench.row import Row

TEXT = "Your code is 123456. Never share it with anybody, not even with us."
CODE = "Your code is %s. Never share it with anybody, not even with us."


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _on(simulators: Simulators) -> Gateway:
    modems = {f"m{n}": {"port": path} for n, path in enumerate(simulators.paths, 1)}
    return Gateway(modems)


def _ready(gateway: Gateway, modems: int) -> None:
    """Wait until every modem can send."""
    client = Client(gateway.port)
    while True:
        listed = client.call("get-modem-list")["data"]["modem_list"]
        if sum(modem["connected"] for modem in listed.values()) == modems:
            return
        time.sleep(0.05)


def _send_for(
    gateway: Gateway, clients: int, seconds: float, number: str = "0812"
) -> tuple[float, list[float]]:
    """Messages a second, and the seconds each took."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    def one(index: int) -> None:
        client = Client(gateway.port)
        count = 0
        while time.perf_counter() < until:
            count += 1
            began = time.perf_counter()
            answer = client.call("send-sms", receiver=f"{number}{index:03d}{count:05d}", message=TEXT)
            took.append(time.perf_counter() - began)
            assert answer["response_code"] == "0000", answer

    elapsed = in_parallel(clients, one)
    return len(took) / elapsed, took


def one_modem_no_delay() -> Iterator[Row]:
    simulators = Simulators(1)
    with _on(simulators).start() as gateway:
        _send_for(gateway, 8, 1.0, "0811")
        simulators.order("reset")
        rate, took = _send_for(gateway, 8, 8.0)
        counts = simulators.order("stats")
        yield Row("1 modem, no delay", rate, "messages/s", 200, least=True)
        yield Row("AT round trips a part, at the modem", _trips(counts), "", 2)
        alone, took = _send_for(gateway, 1, 5.0, "0813")
        yield Row("1 modem, no delay, one client", alone, "messages/s")
        yield Row("… its median", statistics.median(took) * 1000, "ms")
    simulators.close()


def _trips(counts: dict[str, int]) -> float:
    """Round trips of sending only: a look at signal and registration while idle is no part of a message."""
    return (counts["prompts"] + counts["bodies"]) / counts["parts"]


def one_modem_200_ms() -> Iterator[Row]:
    """Raw: beyond the 200 ms that the modem was told to take. Own: beyond what it takes from a bare loop."""
    simulators = Simulators(1, 200)
    bare = statistics.median(bare_times(simulators.paths[0], TEXT, 50))
    yield Row("a bare serial loop at 200 ms, median beyond them", (bare - 0.2) * 1000, "ms")
    with _on(simulators).start() as gateway:
        _, sms = _send_for(gateway, 1, 20.0)
        for name, took in (("send-sms", sms), ("request-otp", _request_for(gateway, 20.0))):
            raw = [(seconds - 0.2) * 1000 for seconds in took[1:]]
            own = [(seconds - bare) * 1000 for seconds in took[1:]]
            yield Row(f"{name} at 200 ms, raw, median", statistics.median(raw), "ms")
            yield Row(f"{name} at 200 ms, own time, median", statistics.median(own), "ms", 5)
            yield Row(f"{name} at 200 ms, own time, p95", percentile(own, 0.95), "ms", 20)
    simulators.close()


def _request_for(gateway: Gateway, seconds: float) -> list[float]:
    """The seconds that each of one client's requests for a code took."""
    client = Client(gateway.port)
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        receiver, began = f"0814{len(took):08d}", time.perf_counter()
        answer = client.call("request-otp", reference=f"r{len(took)}", receiver=receiver, message=CODE)
        took.append(time.perf_counter() - began)
        assert answer["response_code"] == "0000", answer
    return took


def many_modems_200_ms() -> Iterator[Row]:
    for modems, target in ((8, None), (32, 150.0)):
        simulators = Simulators(modems, 200)
        with _on(simulators).start() as gateway:
            _ready(gateway, modems)
            rate, _ = _send_for(gateway, modems * 2, 15.0)
            yield Row(f"{modems} modems at 200 ms", rate, "messages/s", target, least=True)
            yield Row(f"… resident memory with {modems} modems", gateway.memory(), "MB")
        simulators.close()


def codes() -> Iterator[Row]:
    """Pairs of request-otp and verify-otp; the code is read from the simulated handset."""
    rates = []
    for alive in (100, 100_000):
        simulators = Simulators(8)
        gateway = _on(simulators)
        _fill(gateway, alive)
        with gateway.start():
            _ready(gateway, 8)
            rates.append(_pairs_per_second(gateway, simulators, 8.0))
            yield Row(f"OTP pairs with {alive:,} live references", rates[-1], "pairs/s", 300, least=True)
            yield Row("… resident memory", gateway.memory(), "MB")
        simulators.close()
    yield Row("… speed with 100,000 against 100", rates[1] / rates[0], "×", 0.9, least=True)


def _fill(gateway: Gateway, alive: int) -> None:
    database = Database(gateway.home / "state.db")
    digest = KeyedDigest(b"bench" * 7)
    store = SqliteOtpStore(database)
    expires = time.time() + 3600
    begun = [threading.Thread(target=_issue, args=(store, digest, expires, n, alive)) for n in range(16)]
    for thread in begun:
        thread.start()
    for thread in begun:
        thread.join()
    database.close()


def _issue(store: SqliteOtpStore, digest: KeyedDigest, expires: float, first: int, count: int) -> None:
    for number in range(first, count, 16):
        assert store.issue(digest("key", str(number)), digest("mark", str(number)), expires, time.time())


def _pairs_per_second(gateway: Gateway, simulators: Simulators, seconds: float) -> float:
    """Request in one wave, read the codes off the handset, verify in a second: pairs over both times."""
    clients = 8
    requested = [0] * clients
    until = time.perf_counter() + seconds / 2

    def request(index: int) -> None:
        client = Client(gateway.port)
        while time.perf_counter() < until:
            count = requested[index]
            data = {
                "reference": f"{index}-{count}",
                "receiver": f"0812{index:03d}{count:05d}",
                "message": "%s",
            }
            assert client.call("request-otp", **data)["response_code"] == "0000"
            requested[index] += 1

    requesting = in_parallel(clients, request)
    pairs = sum(requested)
    inbox = simulators.order("inbox", limit=pairs)["messages"]
    sent = {message["number"]: message["text"][:6] for message in inbox}

    def verify(index: int) -> None:
        client = Client(gateway.port)
        for count in range(requested[index]):
            data = {"reference": f"{index}-{count}", "receiver": f"0812{index:03d}{count:05d}"}
            code = sent[f"+62812{index:03d}{count:05d}"]
            assert client.call("verify-otp", otp=code, **data)["response_code"] == "0000"

    verifying = in_parallel(clients, verify)
    return pairs / (requesting + verifying)


def verify_while_busy() -> Iterator[Row]:
    """verify-otp while 300 clients wait for modems that are all busy."""
    simulators = Simulators(4, 200)
    with _on(simulators).start() as gateway:
        _ready(gateway, 4)
        done = threading.Event()

        def wait_in_line(index: int) -> None:
            client = Client(gateway.port)
            count = 0
            while not done.is_set():
                count += 1
                try:
                    client.call("send-sms", receiver=f"0812{index:03d}{count:05d}", message=TEXT)
                except OSError:
                    return  # the service is told to go while they still stand in line

        crowd = [threading.Thread(target=wait_in_line, args=(n,), daemon=True) for n in range(300)]
        for thread in crowd:
            thread.start()
        time.sleep(3.0)
        client = Client(gateway.port)
        took = []
        for number in range(500):
            began = time.perf_counter()
            answer = client.call(
                "verify-otp", reference=f"none-{number}", receiver="08123456789", otp="123456"
            )
            took.append((time.perf_counter() - began) * 1000)
            assert answer["response_code"] == "1202"
            time.sleep(0.01)
        yield Row("verify-otp behind 300 waiting clients, median", statistics.median(took), "ms")
        yield Row("verify-otp behind 300 waiting clients, p99", percentile(took, 0.99), "ms", 50)
        yield Row("… resident memory", gateway.memory(), "MB")
        done.set()
        gateway.kill()
    simulators.close()


def start_and_memory() -> Iterator[Row]:
    simulators = Simulators(4)
    times = []
    with _on(simulators) as gateway:
        for _ in range(5):
            began = time.perf_counter()
            gateway.start(ready=False)
            times.append(time.perf_counter() - began)
            gateway.await_health("ready")
            time.sleep(1.0)
            idle = gateway.memory()
            gateway.stop()
    yield Row("start to first answer, median", statistics.median(times), "s", 1.5)
    yield Row("resident memory, idle with 4 modems", idle, "MB", 60)
    simulators.close()


def memory_after_100_000() -> Iterator[Row]:
    simulators = Simulators(8)
    with _on(simulators).start() as gateway:
        _ready(gateway, 8)
        per_client = 100_000 // 16

        def one(index: int) -> None:
            client = Client(gateway.port)
            for count in range(per_client):
                client.call("send-sms", receiver=f"0812{index:03d}{count:05d}", message=TEXT)

        seconds = in_parallel(16, one)
        yield Row("100,000 messages over 8 modems, no delay", 16 * per_client / seconds, "messages/s")
        yield Row("resident memory after 100,000 messages", gateway.memory(), "MB", 90)
    simulators.close()


CASES: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start_and_memory,
    "one": one_modem_no_delay,
    "own": one_modem_200_ms,
    "many": many_modems_200_ms,
    "otp": codes,
    "verify": verify_while_busy,
    "long": memory_after_100_000,
    "pages": pages,
}
