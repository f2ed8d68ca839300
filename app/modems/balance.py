"""Asks a SIM card's credit by USSD now and then, reads the amount, and warns when it is low."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.core.clock import Clock
from app.core.errors import BadRequest, GatewayError
from app.core.events import Alarm, Announce

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One modem's check. pattern: its first group is the amount; every: seconds."""

    modem: str
    code: str
    pattern: str
    threshold: float
    every: float


@dataclass(frozen=True, slots=True)
class Balance:
    """A check with what the network last said, at a Unix time or None. up: whether it can be asked now."""

    check: Check
    amount: float | None
    said: str
    at: float | None
    up: bool

    @property
    def low(self) -> bool:
        return self.amount is not None and self.amount < self.check.threshold


class BalanceMemory(Protocol):
    def remember_balance(self, iccid: str, amount: float | None, said: str, at: float) -> None: ...

    def balances(self) -> Mapping[str, tuple[float | None, str, float]]: ...


Ask = Callable[[str, str, Callable[[Mapping[str, Any] | Exception], None]], None]


class BalanceChecks:
    """``look`` is a periodic job; the asking is done by the modems' own threads.

    ask(modem, code, done) begins a USSD request; sim_of(modem): the ICCID of a modem that is up, or None.
    """

    def __init__(
        self,
        memory: BalanceMemory,
        ask: Ask,
        sim_of: Callable[[str], str | None],
        clock: Clock,
        announce: Announce,
    ) -> None:
        self.checks: Sequence[Check] = ()
        self._memory = memory
        self._ask = ask
        self._sim_of = sim_of
        self._clock = clock
        self._announce = announce
        self._asked: dict[str, float] = {}  # wall time of the last request, by ICCID

    def look(self) -> None:
        """Ask whose answer is too old."""
        now = self._clock.wall()
        known = self._memory.balances()
        for check in self.checks:
            card = self._sim_of(check.modem)
            if card is None:
                continue
            last = max(self._asked.get(card, 0.0), known[card][2] if card in known else 0.0)
            if 0 <= now - last < check.every:
                continue
            self._asked[card] = now
            self.ask_now(check, card)

    def state(self) -> list[Balance]:
        """What is known of each check's SIM card, for pages."""
        known = self._memory.balances()
        found = []
        for check in self.checks:
            card = self._sim_of(check.modem)
            amount, said, at = known.get(card or "", (None, "", None))
            found.append(Balance(check, amount, said, at, card is not None))
        return found

    def ask(self, modem: str, code: str) -> None:
        """Ask one check's card before its time. Raises BadRequest when there is none that is up."""
        for check in self.checks:
            card = self._sim_of(check.modem)
            if (check.modem, check.code) == (modem, code) and card is not None:
                self.ask_now(check, card)
                return
        raise BadRequest(f"no balance check of {modem[:40]!r} can be made now")

    def ask_now(self, check: Check, card: str) -> None:
        """Ask one card; what it says is kept, low credit is an alarm."""

        def done(answer: Mapping[str, Any] | Exception) -> None:
            if isinstance(answer, Exception):
                log.warning("the balance of modem %s could not be asked: %s", check.modem, answer)
                return
            said = str(answer.get("ussd_response") or "")
            amount = amount_in(said, check.pattern)
            self._memory.remember_balance(card, amount, said[:500], self._clock.wall())
            if amount is None:
                self._alarm(check, "the answer about its balance holds no amount; look at the pattern")
            elif amount < check.threshold:
                self._alarm(check, f"its balance is {amount:g}, less than {check.threshold:g}: top it up")

        try:
            self._ask(check.modem, check.code, done)
        except GatewayError as error:
            log.warning("the balance of modem %s could not be asked: %s", check.modem, error)

    def _alarm(self, check: Check, why: str) -> None:
        self._announce(Alarm("balance", check.modem, f"{check.modem}: {why}"))


def amount_in(text: str, pattern: str) -> float | None:
    """``Rp 25.000`` → 25000, ``1,234.50`` → 1234.5; None where the pattern finds nothing.

    A mark followed by three digits parts thousands; otherwise the last mark is the decimal one.
    """
    found = re.search(pattern, text)
    if found is None or not found.groups() or found[1] is None:
        return None
    digits = re.sub(r"[.,](?=\d{3}(?:[.,]|$|\D))", "", found[1].strip(" .,"))
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None
