"""The gateway of tests.house behind a real server: what a client on the network sees."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHash, VerificationError

from app.core.message import Sent
from app.core.ports import Job
from app.web.api import Api
from app.web.pool import Pool
from app.web.server import Listener, WebServer
from app.web.signin import SignIn
from tests.house import HandFleet, House

# argon2id as on the device, with costs that let a thousand wrong passwords fit into a test.
HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
DECOY = HASHER.hash("nobody's")
PATHS = [f"/api/{name}" for name in ("otp", "message", "sms", "email", "block", "unblock", "modem", "ussd")]


def verify(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored or DECOY, password) and bool(stored)
    except (VerificationError, InvalidHash):
        return False


@dataclass(frozen=True)
class ApiUser:
    username: str
    password: str
    active: bool = True
    blocked: bool = False
    allowed_commands: tuple[str, ...] = ()
    per_minute_limit: int = 0


USERS = [
    ApiUser("shop", HASHER.hash("pass:word:ü")),
    ApiUser("other", HASHER.hash("other-password")),
    ApiUser("off", HASHER.hash("off-password"), active=False),
    ApiUser("barred", HASHER.hash("barred-password"), blocked=True),
    ApiUser("empty", ""),
    ApiUser("verifier", HASHER.hash("verifier-password"), allowed_commands=("verify-otp",)),
    ApiUser("sender", HASHER.hash("sender-password"), allowed_commands=("send-message", "request-otp")),
    ApiUser("slow", HASHER.hash("slow-password"), per_minute_limit=3),
]


@dataclass
class QuickFleet(HandFleet):
    """Modems that send at once, unless told to hold until the test ends the jobs."""

    holding: bool = False
    texts: list[str] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def submit(self, modem: str, job: Job) -> None:
        with self.arrived:
            super().submit(modem, job)
            self.arrived.notify_all()
        if not self.holding:
            self.release()

    def release(self) -> None:
        """End all jobs that are held, well."""
        self.holding = False
        while self.jobs:
            try:
                modem, job = self.take()
            except IndexError:  # another thread's submit was quicker
                return
            job.begin()
            job.confirm()
            self.texts.append(job.message.text)
            job.sent(Sent(modem, modem.upper()))

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.jobs) >= count, 60), len(self.jobs)


class Door:
    """A gateway that listens on ``port``; sign-in has a clock of its own, and its pauses are only noted."""

    def __init__(self, folder: Path, front: int = 20, waiters: int = 320) -> None:
        self.house = House(folder)
        self.fleet = QuickFleet()
        self.house.delivery.fleet = self.fleet
        self.now = 1000.0
        self.pauses: list[float] = []
        self.hashed: list[str] = []
        self.ready: tuple[bool, str] = (True, "")
        self.sign_in = SignIn(self._verify, USERS, steady=lambda: self.now, pause=self.pauses.append)
        self.pool = Pool(front=front, waiters=waiters, idle_seconds=0.2)
        self.api = Api(self.house.gateway, self.sign_in, self.pool.waiting, lambda: self.ready)
        self.api.serve_at(PATHS)
        self.web = WebServer(self.api.app, self.pool, look_up=0.05)
        assert self.web.apply({"http": Listener(0, host="127.0.0.1")}) == []

    def _verify(self, stored: str, password: str) -> bool:
        self.hashed.append(stored)
        return verify(stored, password)

    @property
    def port(self) -> int:
        return self.web.ports()["http"]

    def raw(self, octets: bytes = b"") -> socket.socket:
        """A bare connection that has sent so much."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sock.sendall(octets)
        return sock

    def close(self) -> None:
        self.fleet.release()
        self.web.stop()
        self.house.close()


def read_to_end(sock: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := sock.recv(65536):
            pieces.append(piece)
    finally:
        sock.close()
    return b"".join(pieces)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def basic(user: str = "shop", password: str = "pass:word:ü") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Client:
    """One keep-alive connection of an API user."""

    def __init__(self, port: int, authorization: str = "", source: str = "127.0.0.1") -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
        self.authorization = authorization or basic()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        fields = {"Authorization": self.authorization, **(headers or {})}
        self.http.request(method, path, body, {name: v for name, v in fields.items() if v})
        response = self.http.getresponse()
        return Answer(response.status, response.headers, response.read())

    def post(self, body: object, path: str = "/api/otp", **headers: str) -> Answer:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, octets, {n.replace("_", "-"): v for n, v in headers.items()})

    def close(self) -> None:
        self.http.close()


def sms(text: str = "hello", **data: Any) -> dict[str, Any]:
    return {"command": "send-sms", "data": {"receiver": "08123456789", "message": text, **data}}


def eventually(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)
