"""A small real gateway over ports in memory, behind a real server on real sockets."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.blocklist import BlockList
from app.core.clock import SystemClock
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import UssdFailed
from app.core.gateway import Gateway
from app.core.intake import Intake, Rules
from app.core.message import LedgerRow, Message, Outcome, Sent, State
from app.core.msisdn import Numbering
from app.core.otp import OtpBook, OtpPolicy
from app.core.ports import Job, Verdict
from app.core.routing import Lane, Router
from app.web.api import Api
from app.web.pool import Pool
from app.web.server import Listener, WebServer
from app.web.signin import SignIn

# argon2id as on the device, with costs that let a thousand wrong passwords fit into a test.
HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def verify(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored or DECOY, password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


DECOY = HASHER.hash("nobody's")


@dataclass(frozen=True)
class ApiUser:
    username: str
    password: str
    active: bool = True
    blocked: bool = False
    allowed_commands: tuple[str, ...] = ()
    per_minute_limit: int = 0


class Done:
    def wait(self) -> None: ...


class MemoryLedger:
    def __init__(self) -> None:
        self._next = itertools.count(1)
        self._lock = threading.Lock()
        self.rows: dict[int, LedgerRow] = {}
        self.fingerprints: dict[bytes, int] = {}

    def next_seq(self) -> int:
        return next(self._next)

    def accept(self, message: Message) -> Done:
        with self._lock:
            self.fingerprints[message.fingerprint] = message.seq
            self.rows[message.seq] = LedgerRow(
                seq=message.seq,
                id=message.id,
                command=message.command,
                owner=message.owner,
                receiver=message.receiver,
                state=State.QUEUED,
                code="",
                reason="",
                error="",
                modem="",
                name="",
                parts=0,
                accepted=message.accepted,
                finished=None,
                tries=(),
            )
        return Done()

    def sending(self, seq: int, modem: str) -> Done:
        self.rows[seq] = replace(self.rows[seq], state=State.SENDING, modem=modem)
        return Done()

    def requeue(self, seq: int) -> None:
        self.rows[seq] = replace(self.rows[seq], state=State.QUEUED)

    def close(self, seq: int, outcome: Outcome, finished: float, done: Callable[[], None]) -> None:
        sent = outcome.sent
        self.rows[seq] = replace(
            self.rows[seq],
            state=outcome.state,
            code=outcome.code,
            reason=outcome.reason,
            error=outcome.error,
            modem=sent.modem if sent else "",
            name=sent.name if sent else "",
            parts=sent.parts if sent else 0,
            finished=finished,
            tries=outcome.tries,
        )
        done()

    def recall(self, fingerprint: bytes, since: float, now: float) -> LedgerRow | None:
        row = self.rows.get(self.fingerprints.get(fingerprint, 0))
        good = (State.SENT, State.DELIVERED, State.UNKNOWN)
        return row if row is not None and row.state in good and row.accepted >= since else None

    def find(self, owner: str, message_id: str) -> LedgerRow | None:
        with self._lock:
            own = [row for row in self.rows.values() if row.owner == owner and row.id == message_id]
        return own[-1] if own else None

    def unfinished(self) -> Sequence[tuple[LedgerRow, tuple[bytes, bytes] | None]]:
        return []


class MemorySpool:
    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}

    def keep(self, message: Message) -> None:
        self.messages[message.seq] = message

    def drop(self, seq: int) -> None:
        self.messages.pop(seq, None)

    def kept(self) -> Mapping[int, Message]:
        return dict(self.messages)


class MemoryOtpStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[bytes, tuple[bytes, float, int, str]] = {}

    def issue(self, key: bytes, mark: bytes, expires: float, now: float) -> bool:
        with self._lock:
            held = self._live.get(key)
            if held is not None and held[3] == "alive" and held[1] > now:
                return False
            self._live[key] = (mark, expires, 0, "alive")
            return True

    def check(self, key: bytes, mark: bytes, now: float, tries: int) -> Verdict:
        with self._lock:
            held = self._live.get(key)
            if held is None:
                return Verdict.UNKNOWN
            right, expires, wrong, state = held
            if state != "alive":
                return Verdict(state)
            if expires <= now:
                return Verdict.EXPIRED
            if right == mark:
                self._live[key] = (right, expires, wrong, "used")
                return Verdict.RIGHT
            wrong += 1
            self._live[key] = (right, expires, wrong, "locked" if wrong >= tries else "alive")
            return Verdict.LOCKED if wrong >= tries else Verdict.WRONG

    def forget(self, key: bytes, mark: bytes) -> None:
        with self._lock:
            if key in self._live and self._live[key][0] == mark:
                del self._live[key]


@dataclass
class HandFleet:
    """One modem whose messages a test ends by hand, or which takes them at once."""

    at_once: bool = True
    held: list[Job] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def lanes(self) -> Sequence[Lane]:
        return [Lane("m1", "First")]

    def submit(self, modem: str, job: Job) -> None:
        with self._arrived:
            if not self.at_once:
                self.held.append(job)
                self._arrived.notify_all()
                return
        self.end(job)

    def end(self, job: Job) -> None:
        job.begin()
        job.confirm()
        self.sent.append(job.message)
        job.sent(Sent("m1", "First"))

    def end_all(self) -> None:
        with self._arrived:
            held, self.held = self.held, []
            self.at_once = True
        for job in held:
            self.end(job)

    def wait_for(self, count: int, timeout: float = 30.0) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.held) >= count, timeout), len(self.held)

    def starting(self) -> bool:
        return False

    def why_none(self) -> str:
        return "no modem is connected"

    def listing(self) -> Mapping[str, Mapping[str, Any]]:
        return {"m1": {"id": "m1", "name": "First", "connected": True}}

    def ussd(self, modem: str, code: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None:
        done(UssdFailed("no session"))


class NoMail:
    def submit(self, job: Job) -> None:
        self.last = job.message
        job.begin()
        job.confirm()
        job.sent(Sent("mail", "mail"))


class House:
    """The whole of it; ``port`` is where it listens."""

    def __init__(self, front: int = 20, waiters: int = 320) -> None:
        clock = SystemClock()
        self.fleet = HandFleet()
        self.ledger = MemoryLedger()
        self.spool = MemorySpool()
        self.mail = NoMail()
        self.now = 1000.0  # the steady time of sign-in
        self.pauses: list[float] = []
        digest = KeyedDigest(bytes(32))
        self.otp = OtpBook(MemoryOtpStore(), digest, clock, OtpPolicy())
        delivery = Delivery(self.ledger, self.fleet, self.mail, Router(), clock, lambda event: None)
        intake = Intake(
            otp=self.otp,
            delivery=delivery,
            duplicates=Duplicates(self.ledger, clock),
            blocklist=BlockList(lambda number, blocked, by: None),
            numbering=Numbering("62"),
            ledger=self.ledger,
            spool=self.spool,
            digest=digest,
            clock=clock,
            rules=Rules(),
        )
        self.gateway = Gateway(intake, self.fleet, self.ledger)
        self.hashed: list[str] = []
        self.sign_in = SignIn(self._verify, steady=lambda: self.now, pause=self.pauses.append)
        self.users = [
            ApiUser("shop", HASHER.hash("pass:word:ü")),
            ApiUser("other", HASHER.hash("other-password")),
            ApiUser("off", HASHER.hash("off-password"), active=False),
            ApiUser("bad", HASHER.hash("bad-password"), blocked=True),
            ApiUser("empty", ""),
            ApiUser("verifier", HASHER.hash("v-password"), allowed_commands=("verify-otp", "send-message")),
            ApiUser("slow", HASHER.hash("slow-password"), per_minute_limit=3),
        ]
        self.sign_in.load(self.users)
        self.ready: tuple[bool, str] = (True, "")
        self.pool = Pool(front=front, waiters=waiters, idle_seconds=0.2)
        self.api = Api(self.gateway, self.sign_in, self.pool.waiting, lambda: self.ready)
        self.api.serve_at(["/api/otp", "/api/message", "/api/sms", "/api/email", "/api/block"])
        self.api.serve_at(
            [
                f"/api/{name}"
                for name in ["otp", "message", "sms", "email", "block", "unblock", "modem", "ussd"]
            ]
        )
        self.web = WebServer(self.api.app, self.pool)
        assert self.web.apply({"http": Listener(0, host="127.0.0.1")}) == []

    def _verify(self, stored: str, password: str) -> bool:
        self.hashed.append(stored)
        return verify(stored, password)

    @property
    def port(self) -> int:
        return self.web.ports()["http"]

    def close(self) -> None:
        self.fleet.end_all()
        self.web.stop()


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
