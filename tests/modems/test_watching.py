"""The canary between two modems, and the balance of a SIM card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.core.digest import KeyedDigest
from app.core.events import Alarm, Event
from app.core.inbox import InboxMessage, NewMessage
from app.modems.balance import BalanceChecks, Check, amount_in
from app.modems.canary import Bird, Canary, Plan
from app.store.database import Database
from app.store.modems import ModemMemory
from tests.house import HandClock
from tests.modems.yard import Yard

BIRDS = [Bird("a", "+6281100000"), Bird("b", "+6281100001")]


class Sky:
    """A canary whose messages go where the test sends them."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "state.db")
        self.memory = ModemMemory(self.database, KeyedDigest(b"k" * 32))
        self.clock = HandClock()
        self.heard: list[Event] = []
        self.sent: list[tuple[str, str, str]] = []
        self.accepts = True
        self.canary = self.hatched()

    def hatched(self) -> Canary:
        """The canary of the next process."""
        canary = Canary(lambda: BIRDS, self._send, self.memory, self.clock, self.heard.append)
        canary.plan = Plan(active=True, every=60.0, budget=3, patience=30.0)
        return canary

    def _send(self, modem: str, number: str, text: str, done: Callable[[bool], None]) -> None:
        self.sent.append((modem, number, text))
        done(self.accepts)

    def arrive(self, text: str) -> bool:
        return self.canary.heard(InboxMessage(1, NewMessage("card", "b", "+6281100000", text)))


@pytest.fixture
def sky(tmp_path: Path) -> Iterator[Sky]:
    sky = Sky(tmp_path)
    yield sky
    sky.database.close()


def test_the_canary_is_off_by_default(sky: Sky) -> None:
    sky.canary.plan = Plan()
    sky.canary.look()
    assert sky.sent == []


def test_modem_a_writes_to_modem_b_and_the_time_to_arrival_is_shown(sky: Sky) -> None:
    sky.canary.look()
    ((modem, number, text),) = sky.sent
    assert (modem, number) == ("a", "+6281100001")
    sky.clock.advance(4.5)
    assert sky.arrive(text)
    (flight,) = sky.canary.state()
    assert (flight.sender, flight.receiver, flight.seconds, flight.lost) == ("a", "b", 4.5, False)
    assert sky.heard == []


def test_the_modems_take_turns(sky: Sky) -> None:
    for _ in range(2):
        sky.canary.look()
        sky.clock.advance(60.0)
    assert [(modem, number) for modem, number, _ in sky.sent] == [("a", "+6281100001"), ("b", "+6281100000")]


def test_accepted_but_never_delivered_raises_an_alarm(sky: Sky) -> None:
    sky.canary.look()
    sky.clock.advance(31.0)
    sky.canary.look()
    (alarm,) = sky.heard
    assert isinstance(alarm, Alarm) and alarm.what == "canary"
    assert "accepted but never delivered" in alarm.why
    assert sky.canary.state()[0].lost


def test_a_message_that_still_waits_for_its_modem_is_not_lost_yet(sky: Sky) -> None:
    waiting: list[Callable[[bool], None]] = []
    sky.canary._send = lambda *words: waiting.append(words[3])
    sky.canary.look()
    sky.clock.advance(31.0)
    sky.canary.look()
    assert sky.heard == []  # nobody has accepted it
    waiting[0](True)
    sky.canary.look()
    assert [one.what for one in sky.heard if isinstance(one, Alarm)] == ["canary"]


def test_a_message_that_no_modem_took_is_no_alarm_of_the_canary(sky: Sky) -> None:
    sky.accepts = False
    sky.canary.look()
    sky.clock.advance(31.0)
    sky.canary.look()
    assert sky.heard == []


def test_the_budget_of_a_day_is_kept(sky: Sky) -> None:
    for _ in range(6):
        sky.canary.look()
        sky.clock.advance(60.0)
    assert len(sky.sent) == 3 and sky.canary.left_today == 0
    sky.canary = sky.hatched()  # a restart is no new day
    sky.canary.look()
    assert len(sky.sent) == 3 and sky.canary.left_today == 0
    sky.clock.step_wall(24 * 3600.0)
    sky.clock.advance(60.0)
    sky.canary.look()
    assert len(sky.sent) == 4


def test_other_messages_are_none_of_the_canarys(sky: Sky) -> None:
    assert not sky.arrive("OTP-Pi canary 00000000")
    assert not sky.arrive("hello")


# -- balance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern", "amount"),
    [
        ("Your balance is Rp 25.000.", r"Rp\.?\s*([0-9.,]+)", 25000.0),
        ("Sisa pulsa Rp.1.250.500 s/d 01/12", r"Rp\.?\s*([0-9.,]+)", 1250500.0),
        ("Credit: 12.50 EUR", r"Credit: ([0-9.,]+)", 12.5),
        ("Guthaben 3,75 Euro", r"([0-9.,]+) Euro", 3.75),
        ("USD 1,234.50", r"USD ([0-9.,]+)", 1234.5),
        ("Try again later", r"Rp\.?\s*([0-9.,]+)", None),
    ],
)
def test_the_amount_is_read_out_of_the_networks_words(text: str, pattern: str, amount: float | None) -> None:
    assert amount_in(text, pattern) == amount


def test_the_balance_is_asked_on_schedule_kept_and_low_credit_is_an_alarm(yard: Yard) -> None:
    modem = yard.ready()
    clock = HandClock()
    heard: list[Event] = []
    checks = BalanceChecks(
        yard.memory, yard.fleet.ussd, lambda modem_id: modem.card.iccid, clock, heard.append
    )
    checks.checks = [Check("a", "*888#", r"Rp\.?\s*([0-9.,]+)", 10_000.0, 3600.0)]
    checks.look()
    yard.until(yard.memory.balances)
    amount, said, _ = yard.memory.balances()[modem.card.iccid]
    assert (amount, said) == (25000.0, "Your balance is Rp 25.000.")
    assert heard == []
    modem.menu["*888#"] = "Your balance is Rp 500."
    before = modem.counts.commands
    checks.look()
    assert modem.counts.commands == before  # not before its time
    clock.advance(3601.0)
    checks.look()
    yard.until(lambda: heard)
    (alarm,) = heard
    assert isinstance(alarm, Alarm) and alarm.what == "balance" and "500, less than 10000" in alarm.why


def test_a_pattern_that_does_not_fit_is_told(yard: Yard) -> None:
    heard: list[Event] = []

    def ask(modem: str, code: str, done: Callable[[Mapping[str, Any] | Exception], None]) -> None:
        done({"ussd_response": "Service is busy"})

    checks = BalanceChecks(yard.memory, ask, lambda modem_id: "card", HandClock(), heard.append)
    checks.checks = [Check("a", "*888#", r"Rp ([0-9]+)", 1.0, 3600.0)]
    checks.look()
    assert [one.what for one in heard if isinstance(one, Alarm)] == ["balance"]
