"""SIM tool and IMEI tool: what they do, and everything that keeps them from doing harm."""

from __future__ import annotations

import pytest

from app.core.errors import BadRequest, NoDevice
from app.modems.tools import WARNING, PinLocked, Tools
from hw.sim.card import numbered
from hw.sim.plugs import imei_of
from tests.modems.yard import Yard


class Book:
    """The audit, as a list."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def __call__(self, what: str, detail: str) -> None:
        self.entries.append((what, detail))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def tools(yard: Yard) -> Tools:
    return Tools(yard.fleet, yard.memory)


def write(tools: Tools, book: Book, number: str, /, **changed: object) -> None:
    given: dict[str, object] = {"number": number, "typed": number, "password_is_right": True} | changed
    tools.write_imei("a", **given, note=book)  # type: ignore[arg-type]


# -- SIM ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "tries"), [("sim800", 3), ("huawei", 3), ("quectel", 3), ("zte", 3), ("generic", None)]
)
def test_tries_left_are_shown_where_the_modem_tells(
    yard: Yard, tools: Tools, make: str, tries: int | None
) -> None:
    yard.ready(make=make)
    lock = tools.sim("a")
    assert (lock.state, lock.asks_pin, lock.tries) == ("READY", False, tries)


def test_the_pin_is_switched_on_changed_and_switched_off(yard: Yard, tools: Tools, book: Book) -> None:
    modem = yard.ready(make="sim800")
    tools.lock_sim("a", True, "1234", book)
    assert modem.card.pin == "1234" and tools.sim("a").asks_pin
    tools.change_pin("a", "1234", "9876", book)
    assert modem.card.pin == "9876"
    tools.lock_sim("a", False, "9876", book)
    assert modem.card.pin is None
    assert [what for what, _ in book.entries] == ["sim.lock_on", "sim.pin_changed", "sim.lock_off"]
    assert not any("1234" in detail or "9876" in detail for _, detail in book.entries)


def test_a_pin_is_never_given_twice_after_a_refusal(yard: Yard, tools: Tools, book: Book) -> None:
    card = numbered(0)
    modem = yard.ready(make="sim800", card=card)
    tools.lock_sim("a", True, "1234", book)
    with pytest.raises(PinLocked, match="2 tries are left"):
        tools.change_pin("a", "1111", "9876", book)
    assert card.tries == 2
    with pytest.raises(PinLocked, match="not given again"):
        tools.change_pin("a", "1111", "9876", book)
    assert modem.card.tries == 2


def test_the_last_try_is_never_risked(yard: Yard, tools: Tools, book: Book) -> None:
    card = numbered(0)
    yard.ready(make="sim800", card=card)
    tools.lock_sim("a", True, "1234", book)
    card.tries = 1
    with pytest.raises(PinLocked, match="one try left"):
        tools.lock_sim("a", False, "1234", book)
    assert card.pin == "1234" and card.tries == 1


@pytest.mark.parametrize("pin", ["12", "123456789", 'x"\r', "１２３４"])
def test_what_is_no_pin_never_reaches_the_modem(yard: Yard, tools: Tools, book: Book, pin: str) -> None:
    modem = yard.ready()
    before = modem.counts.commands
    with pytest.raises(BadRequest):
        tools.lock_sim("a", True, pin, book)
    assert modem.counts.commands == before


# -- IMEI -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ["quectel", "mediatek", "sim800", "sim7600"])
def test_an_imei_is_written_by_the_familys_command_and_noted(
    yard: Yard, tools: Tools, book: Book, make: str
) -> None:
    modem = yard.ready(make=make)
    write(tools, book, imei_of(42))
    assert modem.imei == imei_of(42)
    assert book.entries == [
        ("imei.write", f"a: {imei_of(0)} to {imei_of(42)}"),
        ("imei.written", f"a: {imei_of(42)}"),
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"password_is_right": False}, "password"),
        ({"typed": "490154203237519"}, "another one"),
        ({"number": "490154203237519", "typed": "490154203237519"}, "checks the others"),
        ({"number": "49015420323751", "typed": "49015420323751"}, "15 digits"),
    ],
)
def test_an_imei_is_not_written_without_password_confirmation_and_check_digit(
    yard: Yard, tools: Tools, book: Book, changed: dict[str, object], why: str
) -> None:
    modem = yard.ready(make="quectel")
    with pytest.raises(BadRequest, match=why):
        write(tools, book, "490154203237518", **changed)
    assert modem.imei == imei_of(0) and book.entries == []


def test_one_imei_is_written_at_a_time(yard: Yard, tools: Tools, book: Book) -> None:
    """Whoever comes meanwhile is sent away; the audit's first entry falls into that time."""
    first, second = yard.ready(make="quectel"), yard.ready("b", make="quectel")
    refused: list[str] = []

    def meanwhile(what: str, detail: str) -> None:
        if what == "imei.write":
            with pytest.raises(BadRequest) as why:
                tools.write_imei("b", imei_of(43), imei_of(43), True, book)
            refused.append(str(why.value))

    tools.write_imei("a", imei_of(42), imei_of(42), True, meanwhile)
    assert refused == ["another modem's IMEI is being written; one at a time"]
    assert (first.imei, second.imei) == (imei_of(42), imei_of(1))


def test_a_family_without_a_command_cannot_be_written(yard: Yard, tools: Tools, book: Book) -> None:
    modem = yard.ready(make="zte")
    with pytest.raises(NoDevice, match="No command is known"):
        write(tools, book, imei_of(42))
    assert modem.imei == imei_of(0)


def test_the_warning_says_that_it_may_be_unlawful() -> None:
    assert "unlawful in many countries" in WARNING
