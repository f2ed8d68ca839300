"""A modem that gives internet access: dials, watches, redials with back-off; it carries no messages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from app.core.clock import Clock
from app.core.errors import GatewayError, NoDevice, NotSent
from app.core.events import Announce, ModemState
from app.core.faults import described
from app.core.ports import Job
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.finding import Finder
from app.modems.ladder import Ladder
from app.modems.queue import Errand
from app.modems.spec import ModemSpec
from app.modems.standing import Internet, Standing
from hw.at.command import quoted
from hw.errors import HwError
from hw.gsm.modem import GsmModem

log = logging.getLogger(__name__)

#: Seconds from one try to the next; the last one stays.
REDIAL = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
LOOK = 2.0
SETTLED = 60.0  # seconds of a connection after which the next one is dialled at once
COMING = 60.0  # seconds a network card may take to get its address
#: Of the route: the lowest goes first; a cable has 100.
METRICS = {"default": 50, "fallback": 700}
_SYSFS = Path("/sys/class/net")


class NetworkLink(Protocol):
    """NetworkManager, for sticks that are a network card (ECM, NCM, QMI, MBIM). Raises GatewayError."""

    def connect(self, card: str, apn: str, username: str, password: str, metric: int) -> None: ...

    def state(self, card: str) -> Literal["up", "coming", "down"]: ...

    def disconnect(self, card: str) -> None: ...


class Call(Protocol):
    """A call that was dialled. interface: the network card it has once it is up."""

    @property
    def interface(self) -> str: ...

    def ended(self) -> str:
        """Why it is over, "" while it lasts."""
        ...

    def hang_up(self) -> None: ...


#: Dials with a modem (its id) through a port; raises OSError or GatewayError with a sentence.
Dial = Callable[[str, str], Call]


class Dialer:
    """In the fleet it stands where a ModemWorker would, and refuses all messages.

    finder: finds the modem, also under another name, and gives its PIN; without it the port is taken as it
    is. card_of(port): the network card of the stick at a port, or "". link: NetworkManager; without it every
    stick is dialled.
    """

    def __init__(
        self,
        spec: ModemSpec,
        clock: Clock,
        announce: Announce,
        dial: Dial,
        *,
        finder: Finder | None = None,
        card_of: Callable[[str], str] = lambda port: "",
        link: NetworkLink | None = None,
        redial: Sequence[float] = REDIAL,
        look: float = LOOK,
        sysfs: Path = _SYSFS,
    ) -> None:
        self.spec = spec
        self.standing = Standing()
        self.ladder = Ladder()
        self.queued = 0
        self._clock = clock
        self._announce = announce
        self._dial = dial
        self._finder = finder
        self._card_of = card_of
        self._link = link
        self._redial = redial
        self._look = look
        self._sysfs = sysfs
        self._port = spec.modem.port
        self._counted = (0, 0)  # octets that the card had carried before this connection
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dial-{spec.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def stalled(self) -> str:
        return "" if self._thread.is_alive() else f"the thread of {self.spec.name} has ended"

    def apply(self, spec: ModemSpec) -> None:
        self.spec = spec
        if self._finder is not None:
            self._finder.spec = spec

    def seen_at(self, port: str) -> None:
        """The inspector found this modem under another name: the next call goes there."""
        self._port = port
        if self._finder is not None:
            self._finder.seen_at = port

    @property
    def imei(self) -> str:
        """Of the modem, as far as it is known."""
        return self._finder.imei if self._finder is not None else self.spec.modem.imei

    def lane(self, stuck_after: float) -> Lane | None:
        return None

    def submit(self, job: Job) -> None:
        raise NotSent(f"{self.spec.name} gives internet access and carries no messages")

    def errand(self, errand: Errand) -> None:
        raise NoDevice(f"{self.spec.name} gives internet access and cannot be asked now")

    def end_overdue(self) -> None: ...

    def give_away(self, stuck_after: float) -> None: ...

    # Its own thread from here on.

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = self._clock.steady()
            try:
                why = self._one_call()
            except (OSError, ValueError, GatewayError, HwError) as error:
                why = str(error)
            except Exception as error:
                log.error("modem %s met an unforeseen %s", self.spec.name, described(error))
                why = "an unforeseen error; see the log"
            if self._stopping.is_set():
                break
            failures = 0 if self._clock.steady() - began > SETTLED else failures + 1
            pause = self._redial[min(failures, len(self._redial)) - 1] if failures else self._redial[0]
            self._stand(how.TROUBLE, f"{why}; dialled again in {pause:g} s", Internet(False, why=why))
            self._stopping.wait(pause)
        self._stand(how.OFF, "switched off", Internet(False))

    def _one_call(self) -> str:
        """Find the modem and connect; why that ended. The port is nobody else's all the while."""
        if self._finder is None:
            return self._connected(self._port)
        with self._finder.found(lambda event: None, self._trying, self._finder.bring_up) as (modem, port):
            self.standing.identity, self.standing.port, self._port = modem.identity, port, port
            self.standing.signal, self.standing.operator = modem.signal(), modem.operator().name or ""
            if self._card_of(port) and self._link is not None:
                self._prepare(modem)
            modem.close()  # whoever dials opens the port again
            return self._connected(port)

    def _trying(self, port: str) -> None:
        self._stand(how.CONNECTING, f"being brought up at {port}", Internet(False))

    def _prepare(self, modem: GsmModem) -> None:
        """What chat would say before it dials: the init strings in turn, and the access point."""
        of = self.spec.modem
        for command in of.init_strings:
            modem.ask(command)
        modem.ask(f'AT+CGDCONT=1,"IP",{quoted(of.apn)}')  # 3GPP TS 27.007 §10.1.1

    def _connected(self, port: str) -> str:
        card = self._card_of(port)
        if card and self._link is not None:
            return self._by_card(card, self._link)
        return self._by_call(port)

    def _by_call(self, port: str) -> str:
        """Dial and stay until the connection ends; why it ended."""
        self._stand(how.CONNECTING, f"dialling at {port}", Internet(False))
        self._counted = (0, 0)
        call = self._dial(self.spec.id, port)
        try:
            while not self._stopping.wait(self._look):
                if why := call.ended():
                    return why
                self._watch(call.interface)
            return "stopped"
        finally:
            call.hang_up()

    def _by_card(self, card: str, link: NetworkLink) -> str:
        modem = self.spec.modem
        self._stand(how.CONNECTING, f"connecting {card}", Internet(False, card))
        self._counted = self._carried(card)  # it was there before, and goes on counting
        metric = METRICS[modem.internet_route]
        link.connect(card, modem.apn, modem.apn_username, modem.apn_password, metric)
        latest = self._clock.steady() + COMING
        try:
            while not self._stopping.wait(self._look):
                state = link.state(card)
                if state == "up":
                    latest = 0.0
                    self._watch(card)
                elif state == "down" or self._clock.steady() > latest:
                    return f"the connection of {card} ended" if not latest else f"{card} got no connection"
            return "stopped"
        finally:
            link.disconnect(card)

    def _watch(self, card: str) -> None:
        folder = self._sysfs / card
        if not folder.exists():
            return
        before = self.standing.internet or Internet(False)
        since = before.since if before.connected else self._clock.wall()
        received, sent = (now - then for now, then in zip(self._carried(card), self._counted, strict=True))
        self._stand(
            how.READY, "", replace(before, connected=True, since=since, received=received, sent=sent, why="")
        )

    def _carried(self, card: str) -> tuple[int, int]:
        figures = self._sysfs / card / "statistics"
        return _number(figures / "rx_bytes"), _number(figures / "tx_bytes")

    def _stand(self, state: str, why: str, internet: Internet) -> None:
        standing = self.standing
        changed = standing.state != state
        standing.state, standing.why, standing.internet = state, why, internet
        if changed:
            level = logging.WARNING if state == how.TROUBLE else logging.INFO
            log.log(level, "modem %s, internet: %s %s", self.spec.name, state, why)
            self._announce(ModemState(self.spec.id, state, why))


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
