"""Server time of every page of the admin, with 100,000 messages in the ledger and 64 modems."""

from __future__ import annotations

import http.client
import re
import sqlite3
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from app.settings.passwords import hash_password
from app.settings.sections import SECTIONS
from app.settings.users import User
from app.web.admin.pages import ROUTES
from bench.rig import Gateway, Simulators
from bench.row import Row

MESSAGES, INCOMING, MODEMS, TIMES = 100_000, 10_000, 64, 15
PASSWORD = "four green horses"
LIMIT = 50.0  # ms, median
# Files, the stream, and what only those see who are not signed in.
LEFT_OUT = {
    "/messages/csv",
    "/blocklist/export",
    "/connect/openapi.json",
    "/connect/asyncapi.json",
    "/live",
    "/login",
    "/setup",
    "/forgot",
}
# Every address the router has; those with a place in them are below.
PLAIN = [
    one.path for one in ROUTES if one.method == "GET" and "<" not in one.path and one.path not in LEFT_OUT
]
PAGES = (
    *PLAIN,
    *("/messages?state=failed", "/messages?receiver=4711", "/messages/way/50000"),
    *("/inbox?search=4711", "/inbox/5000", "/modems/one/m1", "/modems/sim/m1", "/modems/imei/m1"),
    *("/routing?number=081234567890", "/system/status?hours=168", "/part/status.json?hours=168"),
    *("/start/modems", "/system/power/reboot", "/settings/modems/item/m1", "/settings/modems/new"),
    *(f"/settings/{section.about.name}" for section in SECTIONS if section.about.name != "blocking"),
)


def pages() -> Iterator[Row]:
    simulators = Simulators(MODEMS)
    modems = {f"m{n}": {"port": path} for n, path in enumerate(simulators.paths, 1)}
    with Gateway(modems, admin=True) as gateway:
        gateway.put(User, "ann", username="ann", password=hash_password(PASSWORD))
        gateway.start().stop()
        _fill(gateway)
        gateway.start()
        idle = gateway.memory()
        visitor = _Visitor(gateway.admin_port)
        slowest = ("", 0.0)
        everything: list[float] = []
        for path in PAGES:
            took = sorted(visitor.time(path) for _ in range(TIMES))
            everything += took
            slowest = max(slowest, (path, statistics.median(took)), key=lambda one: one[1])
        yield Row(
            f"{len(PAGES)} pages, {MESSAGES:,} rows, {MODEMS} modems: median",
            statistics.median(everything),
            "ms",
        )
        yield Row(f"… the slowest page's median: {slowest[0]}", slowest[1], "ms", LIMIT)
        yield Row("… memory before the first page", idle, "MB")
        yield Row("… memory after all of them", gateway.memory(), "MB", 90)
    simulators.close()


def _fill(gateway: Gateway) -> None:
    """A ledger of three months, written behind the service's back, and a week of figures."""
    now = time.time()
    states = ["sent"] * 90 + ["delivered"] * 6 + ["failed"] * 3 + ["unknown"]
    rows = (
        (
            *(
                n,
                f"id{n}",
                "send-sms",
                f"rest:shop{n % 5}",
                f"62812{n:08d}",
                n.to_bytes(8, "big"),
                states[n % 100],
            ),
            *("0000", f"m{n % MODEMS + 1}", f"m{n % MODEMS + 1}", 1, now - (MESSAGES - n) * 70.0, now),
            f'[["m{n % MODEMS + 1}", {now}, "sent"]]',
        )
        for n in range(1, MESSAGES + 1)
    )
    with sqlite3.connect(gateway.home / "state.db") as database:
        database.executemany(
            "INSERT INTO message (seq, id, command, owner, receiver, fingerprint, state, code, modem, name,"
            " parts, accepted, finished, tries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        incoming = (
            (n, f"card{n % MODEMS}", f"m{n % MODEMS + 1}", f"+62815{n:08d}", f"Is order {n} ready?", now - n)
            for n in range(1, INCOMING + 1)
        )
        database.executemany(
            "INSERT INTO inbox (id, sim, modem, sender, text, arrived, parts) VALUES (?, ?, ?, ?, ?, ?, 1)",
            incoming,
        )
        figures = '{"cpu": 7.5, "memory": 41.0, "storage": 30.0, "temperature": 51.0, "modems": 64.0}'
        minutes = range(int(now // 60) - 7 * 24 * 60, int(now // 60))
        database.executemany(
            "INSERT OR REPLACE INTO history VALUES (?, ?)", ((minute, figures) for minute in minutes)
        )
    database.close()


class _Visitor:
    """One signed-in browser's connection, kept open."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        token = re.search(r'name="csrf-token" value="([^"]+)"', self._ask("GET", "/login").decode())
        form = urlencode({"csrf-token": token[1] if token else "", "username": "ann", "password": PASSWORD})
        self._ask("POST", "/login", form.encode(), {"Origin": f"http://127.0.0.1:{port}"})

    def time(self, path: str) -> float:
        """Milliseconds from the request to the last octet of the answer."""
        began = time.perf_counter()
        self._ask("GET", path)
        return (time.perf_counter() - began) * 1000

    def _ask(
        self, method: str, path: str, body: bytes | None = None, more: dict[str, str] | None = None
    ) -> bytes:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {
            "Accept-Encoding": "gzip",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
        }
        if path == "/login" and method == "GET":
            del headers["Accept-Encoding"]
        self._http.request(method, path, body, {**headers, **(more or {})})
        answer = self._http.getresponse()
        content = answer.read()
        assert answer.status in (200, 303), (path, answer.status)
        assert method == "POST" or answer.headers["Location"] is None, (path, answer.headers["Location"])
        for one in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = one.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return content
