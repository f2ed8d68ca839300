"""From publish in to modem out, a broker at a time: real servers, 8 simulated modems that need no time."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from bench.cases import TEXT, percentile
from bench.rig import Gateway, Simulators
from bench.row import Row
from tests.brokers.certificates import make_certificates
from tests.brokers.servers import Server, until
from tests.brokers.ways import WAYS, Way, options_for, unique

MODEMS = 8
MANY = 2000  # messages published as fast as the library can
AHEAD = 500  # … but so many ahead of the modems where a broker keeps nothing
ONE_BY_ONE = 200  # messages published each after the one before has arrived


def brokers() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="otppi-brokers-") as folder:
        certificates = make_certificates(Path(folder))
        running: dict[type[Server], Any] = {}
        try:
            for name, way in WAYS.items():
                if missing := way.server.missing():
                    raise SystemExit(f"{name}: {missing}")
                if way.server not in running:
                    running[way.server] = way.server(Path(folder) / way.server.__name__, certificates)
                    running[way.server].start()
                yield from _one(name, way, running[way.server])
        finally:
            for server in running.values():
                server.close()


def _one(name: str, way: Way, server: Any) -> Iterator[Row]:
    simulators = Simulators(MODEMS)
    gateway = Gateway({f"m{n}": {"port": path} for n, path in enumerate(simulators.paths, 1)}, log="INFO")
    options = options_for(way, server, unique("bench"))
    gateway.store.save(way.section, options)
    with gateway.start():
        ready = [f"modem m{n} is ready" for n in range(1, MODEMS + 1)]
        until(lambda: ": connected" in gateway.log.read_text(), f"{name} is connected", 60)
        until(lambda: all(one in gateway.log.read_text() for one in ready), "all modems are ready", 60)
        publish = way.peer(server).stream(options.topic)
        _deliver(publish, simulators, 50, AHEAD)  # what is made once is there now
        simulators.order("reset")
        took = sorted(_each(publish, simulators))
        simulators.order("reset")
        rate = _deliver(publish, simulators, MANY, MANY if way.keeps else AHEAD)
        yield Row(f"{name}: {MODEMS} modems at no delay", rate, "messages/s", 150, least=True)
        yield Row("… publish in to modem out, median", statistics.median(took) * 1000, "ms", 10)
        yield Row("… publish in to modem out, p95", percentile(took, 0.95) * 1000, "ms")
    simulators.close()


_numbers = count()


def _body() -> bytes:
    data = {"receiver": f"0812{next(_numbers):08d}", "message": TEXT}
    return json.dumps({"command": "send-sms", "data": data}).encode()


def _deliver(publish: Callable[[bytes], Any], simulators: Simulators, many: int, ahead: int) -> float:
    """Messages a second, from the first publish to the last arrival."""
    began = time.time()
    for place in range(many):
        if place >= ahead and place % 50 == 0:
            simulators.order("wait", messages=place - ahead, timeout=50.0)
        publish(_body())
    simulators.order("wait", messages=many, timeout=50.0)
    arrived = [one["at"] for one in simulators.order("inbox", limit=many)["messages"]]
    assert len(arrived) == many, f"{len(arrived)} of {many} arrived"
    return many / (float(max(arrived)) - began)


def _each(publish: Callable[[bytes], Any], simulators: Simulators) -> Iterator[float]:
    """Seconds each of them took, with nothing else under way."""
    for place in range(ONE_BY_ONE):
        began = time.time()
        publish(_body())
        waited = simulators.order("wait", messages=place + 1, timeout=20.0)
        assert waited["messages"] == place + 1, "a message did not arrive"
        yield simulators.order("inbox", limit=1)["messages"][-1]["at"] - began
