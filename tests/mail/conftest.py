"""What the mail tests share: an authority, a clock, a gateway whose mail goes to the test's servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.core.commands import SendEmail, Source
from app.core.message import LedgerRow
from app.core.replies import Reply
from app.mail.account import Account, Tls
from app.mail.senders import Identity, Senders
from app.mail.session import Patience
from app.mail.turns import Turns
from app.store.mail import MailUsage
from tests.house import House
from tests.mail.servers import Authority, MailServer, running

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
IDENTITY = Identity("OTP-Pi", "otppi.lan", lambda: NOW)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with running(MailServer()) as one:
        yield one


def account(port: int, name: str = "first", **more: Any) -> Account:
    """An account at a server of the test, without TLS unless the test says otherwise."""
    return Account(
        id=name,
        name=name.capitalize(),
        host="127.0.0.1",
        port=port,
        sender=f"{name}@example.com",
        **({"tls": Tls.NONE} | more),
    )


class MailHouse(House):
    """A whole gateway over a real store, whose mail goes out by real SMTP."""

    def __init__(self, folder: Path, **senders: Any) -> None:
        clock: Any = SystemClock()  # sockets keep real time
        super().__init__(folder, clock)
        self.day = "2026-11-20"
        self.usage = MailUsage(self.database)
        self.turns = Turns(self.usage, clock, lambda: self.day)
        options = {"patience": Patience(2.0, 5.0, 5.0)} | senders
        self.senders = Senders(self.turns, clock, IDENTITY, **options)
        self.delivery.mail = self.senders
        self.senders.start()

    def send(
        self, text: str = "Your code is 123456.", receiver: str = "ani@example.com", id: str = ""
    ) -> Reply:
        """Through the gateway, as a program of the shop would."""
        command = SendEmail("send-email", receiver, text, subject="Code", id=id)
        return self.gateway.handle(command, Source("rest", "shop")).result(30)

    def row(self, message_id: str) -> LedgerRow:
        row = self.gateway.status(Source("rest", "shop"), message_id)
        assert row is not None
        return row

    def close(self) -> None:
        self.senders.stop()
        super().close()


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., MailHouse]]:
    houses: list[MailHouse] = []

    def make(*accounts: Account, **senders: Any) -> MailHouse:
        house = MailHouse(tmp_path, **senders)
        house.turns.load(accounts)
        houses.append(house)
        return house

    yield make
    for house in houses:
        house.close()
