"""A gateway over a real store and a fleet whose jobs a test ends by hand: our own seams, faked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.blocklist import BlockList
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import MailFailed, NotSent
from app.core.events import Event, Events
from app.core.gateway import Gateway
from app.core.intake import Intake, Rules
from app.core.message import Sent
from app.core.msisdn import Numbering
from app.core.otp import OtpBook, OtpPolicy
from app.core.ports import Job
from app.core.routing import Lane, Router
from app.store.database import Database
from app.store.ledger import SqliteLedger
from app.store.otp import SqliteOtpStore
from app.store.spool import FileSpool


class HandClock:
    """A clock that moves only when a test says so."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.now = 1000.0
        self._wall = wall
        self.trusted = True

    def steady(self) -> float:
        return self.now

    def wall(self) -> float:
        return self._wall + self.now - 1000.0

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def step_wall(self, seconds: float) -> None:
        self._wall += seconds


@dataclass
class HandFleet:
    """Lanes as the test sets them; jobs wait in ``jobs`` until the test ends them."""

    open_lanes: list[Lane] = field(default_factory=lambda: [Lane("m1", "One"), Lane("m2", "Two")])
    jobs: list[tuple[str, Job]] = field(default_factory=list)
    coming_up: bool = False
    refusing: dict[str, NotSent] = field(default_factory=dict)

    def lanes(self) -> Sequence[Lane]:
        return list(self.open_lanes)

    def submit(self, modem: str, job: Job) -> None:
        if modem in self.refusing:
            raise self.refusing[modem]
        self.jobs.append((modem, job))

    def starting(self) -> bool:
        return self.coming_up

    def why_none(self) -> str:
        return "no modem is set up and active; add one"

    def listing(self) -> Mapping[str, Mapping[str, Any]]:
        return {lane.modem: {"id": lane.modem, "name": lane.name} for lane in self.open_lanes}

    def ussd(self, modem: str, code: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None:
        done({"modem_id": modem, "ussd_code": code, "ussd_response": "Balance 5"})

    def answer_ussd(
        self, modem: str, text: str, done: Callable[[Mapping[str, Any] | Exception], None]
    ) -> None:
        done({"modem_id": modem, "ussd_response": f"You chose {text}"})

    def cancel_ussd(self, modem: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None:
        done({"modem_id": modem})

    def take(self) -> tuple[str, Job]:
        return self.jobs.pop(0)

    def send_next(self, references: Iterable[int] = (7,)) -> str:
        """End the oldest job well; gives the text that went on the air."""
        modem, job = self.take()
        job.begin()
        job.confirm()
        job.sent(Sent(modem, modem.upper(), 1, tuple(references)))
        return job.message.text


class NoMail:
    def submit(self, job: Job) -> None:
        raise MailFailed("no mail account is set up; add one")


class House:
    """Everything between the counter and the fleet, over real files in one folder."""

    def __init__(self, folder: Path, clock: HandClock | None = None, rules: Rules | None = None) -> None:
        self.clock = clock or HandClock()
        self.fleet = HandFleet()
        self.heard: list[Event] = []
        events = Events()
        events.listen(self.heard.append)
        digest = KeyedDigest(b"k" * 32)
        (folder / "spool").mkdir(exist_ok=True)
        self.database = Database(folder / "state.db")
        self.ledger = SqliteLedger(self.database)
        self.spool = FileSpool(folder / "spool", self.clock)
        self.delivery = Delivery(self.ledger, self.fleet, NoMail(), Router(), self.clock, events.announce)
        self.intake = Intake(
            otp=OtpBook(SqliteOtpStore(self.database), digest, self.clock, OtpPolicy()),
            delivery=self.delivery,
            duplicates=Duplicates(self.ledger, self.clock),
            blocklist=BlockList(lambda number, blocked, by: None),
            numbering=Numbering("62"),
            ledger=self.ledger,
            spool=self.spool,
            digest=digest,
            clock=self.clock,
            rules=rules or Rules(),
        )
        self.gateway = Gateway(self.intake, self.fleet, self.ledger)

    def close(self) -> None:
        self.database.close()
