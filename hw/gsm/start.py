"""Bring a modem from unknown to ready for messages: who it is, PIN, SIM, stores, news."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hw.at import replies
from hw.at.channel import AtChannel
from hw.at.command import quoted
from hw.errors import (
    AtError,
    AtTimeout,
    PinKeptBack,
    PinNeeded,
    PinRefused,
    PortLost,
    SimBlocked,
    SimMissing,
    SimProblem,
)
from hw.gsm.dialects import Dialect, choose
from hw.gsm.imei import completed
from hw.gsm.told import Told

log = logging.getLogger(__name__)

#: A SIM may need this long after power-up or PIN (seconds); asked again every _AGAIN seconds.
SIM_PATIENCE = 60.0
_AGAIN = 0.5
#: Families that announce when SMS works refuse everything about it until then.
_SMS_PATIENCE = 30.0
#: "SIM busy": 27.007 §9.2.1, 27.005 §3.2.5, Wavecom's 515 "please wait, init in progress".
_BUSY: set[int | str] = {14, 314, 515, "SIM BUSY"}
_NO_SIM: set[int | str] = {10, 13, 15, 310, 313, 315, "SIM NOT INSERTED", "SIM FAILURE", "SIM WRONG"}
#: With fewer tries left no PIN is given: the last one is a person's.
LAST_TRIES = 2
_KEPT_MESSAGES = ("ME", "SM", "MT")


@dataclass(frozen=True, kw_only=True)
class Identity(Told):
    """What the start sequence found out; None where the modem does not tell.

    store: the message store in use. news: the value of AT+CNMI in use, or None: messages must be fetched.
    """

    dialect: Dialect
    charset: str | None
    store: replies.Store | None
    news: str | None


class PinRecord(Protocol):
    """What is remembered of the PIN by card; iccid: None where the card does not tell it before its PIN."""

    def kept_back(self, iccid: str | None, tries: int | None) -> str:
        """Why this card must not get the PIN, as a sentence, or "". tries: left, None where nobody tells."""
        ...

    def unanswered(self, iccid: str | None) -> None:
        """The PIN was given and the modem said nothing: a try may be lost."""
        ...


class Starter:
    """One run of the start sequence over a channel.

    pins: asked before the PIN is given, and told when no answer came.
    baud: the rate to hold the modem to, None to leave that as it is.
    """

    def __init__(
        self,
        channel: AtChannel,
        *,
        pin: str | None = None,
        pins: PinRecord | None = None,
        patience: float = SIM_PATIENCE,
        baud: int | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._pin = pin
        self._pins = pins
        self._patience = patience
        self._baud = baud
        self._pause = 0.0
        self._steady = steady

    def run(self) -> Identity:
        """All steps in order. Raises AtTimeout, AtError (no PDU mode), PortLost, SimProblem's leaves."""
        self._channel.echo_is_off = False
        self._channel.knock()
        for command in ("ATE0", "ATV1Q0", "AT+CMEE=1"):
            self._try(command)
        echoes = self._channel.echoes
        manufacturer = replies.free_text(self._try("AT+CGMI"))
        model = replies.free_text(self._try("AT+CGMM"))
        revision = replies.free_text(self._try("AT+CGMR"))
        imei = replies.imei(self._try("AT+CGSN"))
        dialect = choose(manufacturer, model)
        self._pause = dialect.pause
        for command in dialect.silence:
            self._try(command)
        if dialect.fix_rate and self._baud:
            self._try(dialect.fix_rate.format(self._baud))
        iccid = self._open_sim(dialect)
        imsi = replies.imsi(self._when_ready("AT+CIMI"))
        charset = next(iter(replies.charsets(self._try("AT+CSCS?"))), None)
        numbers = replies.own_numbers(self._try("AT+CNUM"), charset)
        smsc = replies.smsc(self._try("AT+CSCA?"))
        self._channel.ask("AT+CMGF=0")
        store = self._choose_store(dialect)
        news = self._choose_news(dialect)
        self._try("AT+CREG=1")
        operator = replies.operator(self._try("AT+COPS?"), charset).name
        self._channel.echo_is_off = self._channel.echoes == echoes
        return Identity(
            manufacturer=manufacturer,
            model=model,
            revision=revision,
            imei=completed(imei) if imei else None,
            iccid=iccid,
            imsi=imsi,
            msisdn=numbers[0] if numbers else None,
            smsc=smsc,
            operator=operator,
            dialect=dialect,
            charset=charset,
            store=store,
            news=news,
        )

    def _try(self, command: str) -> Sequence[str]:
        """The answer, or nothing where the modem refuses: each step may answer ERROR."""
        if self._pause:
            self._channel.pause(self._pause)
        try:
            return self._channel.ask(command).lines
        except AtError as error:
            log.debug("%s: %s", self._channel.name, error)
            return ()

    def _when_ready(self, command: str) -> Sequence[str]:
        """The answer, waiting for a SIM that is busy; nothing where the modem refuses for another reason."""
        deadline = self._steady() + self._patience
        while True:
            try:
                return self._channel.ask(command).lines
            except AtError as error:
                if not is_busy(error) or self._steady() >= deadline:
                    return ()
            self._channel.pause(_AGAIN)

    # SIM

    def _open_sim(self, dialect: Dialect) -> str | None:
        """Give the PIN if one is asked, wait until the SIM is ready; its number."""
        state = self._sim_state()
        iccid = self._iccid(dialect)
        if state == "SIM PIN":
            self._give_pin(iccid, dialect)
            state = self._sim_state(since_pin=True)
        if state in ("SIM PUK", "SIM PUK2"):
            raise SimBlocked("The SIM is blocked and asks for its PUK.", iccid)
        if state != "READY":
            raise SimProblem(f"The SIM asks for {state}.", iccid)
        if iccid is None:
            iccid = self._iccid(dialect)
        return iccid

    def _sim_state(self, since_pin: bool = False) -> str:
        """The answer to AT+CPIN?, waiting while the SIM is busy. Raises SimMissing."""
        deadline = self._steady() + self._patience
        while True:
            why = "it stays busy"
            try:
                state = replies.sim_state(self._channel.ask("AT+CPIN?", settle=True).lines)
                # Right after the PIN some still ask for it; giving it again could cost a try.
                if state is not None and not (since_pin and state == "SIM PIN"):
                    return state
            except AtError as error:
                if _is(error, _NO_SIM):
                    raise SimMissing("There is no SIM, or it cannot be read.") from error
                why = str(error)
            if self._steady() >= deadline:
                raise SimMissing(f"The SIM did not become ready within {self._patience:g} s: {why}.")
            self._channel.pause(_AGAIN)

    def _give_pin(self, iccid: str | None, dialect: Dialect) -> None:
        if not self._pin:
            raise PinNeeded("The SIM asks for a PIN and none is configured.", iccid)
        tries = tries_left(self._try, dialect)
        if self._pins is not None and (why := self._pins.kept_back(iccid, tries)):
            raise PinKeptBack(why, iccid)
        if tries is not None and tries < LAST_TRIES:
            raise PinKeptBack("The SIM has one try left and a wrong PIN would lock it; none is given.", iccid)
        try:
            self._channel.ask(f"AT+CPIN={quoted(self._pin)}")
        except AtError as error:
            if is_busy(error):  # not looked at, so no try was lost; the next start will ask again
                raise SimMissing("The SIM is busy and did not take the PIN.", iccid) from error
            raise PinRefused("The SIM refused the PIN.", iccid) from error
        except (AtTimeout, PortLost):
            if self._pins is not None:
                self._pins.unanswered(iccid)
            raise

    def _iccid(self, dialect: Dialect) -> str | None:
        for command in dialect.iccid:
            found = replies.iccid(self._try(command))
            if found is not None:
                return found
        return None

    # Stores and news

    def _choose_store(self, dialect: Dialect) -> replies.Store | None:
        """The same store for all three purposes: the family's, or the largest."""
        deadline = self._steady() + min(self._patience, _SMS_PATIENCE)
        while not (told := self._when_ready("AT+CPMS=?")) and dialect.ready and self._steady() < deadline:
            self._channel.pause(_AGAIN)
        possible = replies.supported_stores(told)
        common = [name for name in _KEPT_MESSAGES if all(not names or name in names for names in possible)]
        wanted = [name for name in dialect.stores if name in common] or common or ["SM"]
        best: replies.Store | None = None
        for name in wanted if not dialect.stores else wanted[:1]:
            found = self._take_store(name)
            if found is not None and (best is None or (found.total or 0) > (best.total or 0)):
                best = found
        if best is not None and best.name is not None and best.name != wanted[-1] and not dialect.stores:
            self._take_store(best.name)
        return best

    def _take_store(self, name: str) -> replies.Store | None:
        stores = replies.stores(self._when_ready(f'AT+CPMS="{name}","{name}","{name}"'))
        return replies.Store(name, stores[0].used, stores[0].total) if stores else None

    def _choose_news(self, dialect: Dialect) -> str | None:
        """The best AT+CNMI that the modem takes; None if it takes none."""
        supported = replies.supported_numbers(self._when_ready("AT+CNMI=?"), "+CNMI")
        nearest = nearest_news(supported)
        candidates = [*dialect.cnmi] if nearest is None else [nearest, *dialect.cnmi]
        for value in candidates:
            try:
                self._channel.ask(f"AT+CNMI={value}")
            except AtError:
                continue
            return value
        return None


#: What is wished for in each field of AT+CNMI, the best first (27.005 §3.4.1).
_WISHES = ((2, 1, 3, 0), (1, 2, 0), (0,), (1, 2, 0), (0, 1))


def nearest_news(supported: Sequence[Sequence[int]]) -> str | None:
    """The best value for AT+CNMI out of what AT+CNMI=? admits; None if it says nothing useful."""
    if len(supported) < 2 or not all(supported[:2]):
        return None
    chosen = []
    for wishes, values in zip(_WISHES, supported, strict=False):
        chosen.append(next((wish for wish in wishes if wish in values), min(values, default=0)))
    return ",".join(map(str, chosen))


def tries_left(ask: Callable[[str], Sequence[str]], dialect: Dialect) -> int | None:
    """PIN tries left, where the modem tells; without a family's question the generic one (27.007 §8.65)."""
    return replies.tries_left(ask(dialect.pin_tries or 'AT+CPINR="SIM PIN"'))


def is_busy(error: AtError) -> bool:
    """Whether the modem only wants to be asked again in a moment."""
    return _is(error, _BUSY)


def _is(error: AtError, codes: set[int | str]) -> bool:
    code = error.code.strip().upper() if isinstance(error.code, str) else error.code
    return code in codes
