"""A modem that gives internet access: dials, watches, redials with back-off; it carries no messages."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from app.core.clock import Clock
from app.core.errors import NoDevice, NotSent
from app.core.events import Announce, ModemState
from app.core.faults import described
from app.core.ports import Job
from app.core.routing import Lane
from app.modems import standing as how
from app.modems.dialup import REDIAL, DialPlan, chat_script, pppd_options
from app.modems.ladder import Ladder
from app.modems.queue import Errand
from app.modems.spec import ModemSpec
from app.modems.standing import Internet, Standing

log = logging.getLogger(__name__)

LOOK = 2.0
SETTLED = 60.0  # seconds of a connection after which the next one is dialled at once
STOP = 10.0
_SYSFS = Path("/sys/class/net")


class NetworkLink(Protocol):
    """NetworkManager, for sticks that are a network card (ECM, NCM, QMI, MBIM). Raises OSError."""

    def connect(self, card: str, apn: str, username: str, password: str, metric: int | None) -> None: ...

    def connected(self, card: str) -> bool: ...

    def disconnect(self, card: str) -> None: ...


class Call(Protocol):
    """A running pppd, as ``subprocess.Popen`` is one."""

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def start_pppd(words: Sequence[str]) -> Call:
    """The process boundary: nothing of pppd's words is kept, they may hold names and numbers."""
    return subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


class Dialer:
    """In the fleet it stands where a ModemWorker would, and refuses all messages.

    folder: where chat script and options are written, 0600. card_of(port): the network card of the stick at a
    port, or "". link: NetworkManager; without it every stick is dialled.
    """

    def __init__(
        self,
        spec: ModemSpec,
        clock: Clock,
        announce: Announce,
        folder: Path,
        *,
        start: Callable[[Sequence[str]], Call] = start_pppd,
        card_of: Callable[[str], str] = lambda port: "",
        link: NetworkLink | None = None,
        redial: Sequence[float] = REDIAL,
        look: float = LOOK,
        sysfs: Path = _SYSFS,
    ) -> None:
        self.spec = spec
        self.standing = Standing()
        self.ladder = Ladder()
        self.imei = spec.modem.imei
        self.queued = 0
        self._clock = clock
        self._announce = announce
        self._folder = folder
        self._start = start
        self._card_of = card_of
        self._link = link
        self._redial = redial
        self._look = look
        self._sysfs = sysfs
        self._port = spec.modem.port
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

    def seen_at(self, port: str) -> None:
        """The inspector found this modem under another name: the next call goes there."""
        self._port = port

    def lane(self) -> Lane | None:
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
            except (OSError, ValueError) as error:
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
        card = self._card_of(self._port)
        if card and self._link is not None:
            return self._by_card(card, self._link)
        return self._by_pppd()

    def _by_pppd(self) -> str:
        """Dial and stay until the connection ends; why it ended."""
        plan = DialPlan.of(self.spec.id, self.spec.modem, self._port)
        self._stand(how.CONNECTING, f"dialling at {self._port}", Internet(False, plan.interface))
        options = self._write(plan)
        call = self._start(("pppd", "file", str(options)))
        try:
            while not self._stopping.wait(self._look):
                ended = call.poll()
                if ended is not None:
                    return ENDED.get(ended, f"pppd ended with {ended}")
                self._watch(plan.interface)
            return "stopped"
        finally:
            _end(call)
            options.unlink(missing_ok=True)

    def _by_card(self, card: str, link: NetworkLink) -> str:
        modem = self.spec.modem
        metric = None if modem.internet_route == "default" else 700
        self._stand(how.CONNECTING, f"connecting {card}", Internet(False, card))
        link.connect(card, modem.apn, modem.apn_username, modem.apn_password, metric)
        try:
            while not self._stopping.wait(self._look):
                if not link.connected(card):
                    return f"the connection of {card} ended"
                self._watch(card)
            return "stopped"
        finally:
            link.disconnect(card)

    def _write(self, plan: DialPlan) -> Path:
        """Chat script and options, readable to nobody else from their first byte on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        chat = self._folder / f"{plan.interface}.chat"
        options = self._folder / f"{plan.interface}.options"
        _secret(chat, chat_script(plan))
        _secret(options, pppd_options(plan, chat))
        return options

    def _watch(self, card: str) -> None:
        folder = self._sysfs / card
        if not folder.exists():
            return
        now = self.standing.internet or Internet(False)
        since = now.since if now.connected else self._clock.wall()
        received, sent = (_number(folder / "statistics" / name) for name in ("rx_bytes", "tx_bytes"))
        self._stand(
            how.READY, "", replace(now, connected=True, since=since, received=received, sent=sent, why="")
        )

    def _stand(self, state: str, why: str, internet: Internet) -> None:
        standing = self.standing
        changed = standing.state != state
        standing.state, standing.why, standing.internet = state, why, internet
        if changed:
            level = logging.WARNING if state == how.TROUBLE else logging.INFO
            log.log(level, "modem %s, internet: %s %s", self.spec.name, state, why)
            self._announce(ModemState(self.spec.id, state, why))


#: pppd(8), EXIT STATUS: those that an owner can do something about.
ENDED = {
    1: "pppd met a fatal error",
    2: "pppd does not know one of its options",
    3: "pppd lacks the right to dial",
    4: "the kernel has no PPP",
    6: "the port is in use by another program",
    7: "the port cannot be opened",
    8: "the modem did not connect; look at the APN and the dial number",
    10: "the operator closed the connection",
    15: "the operator no longer answers",
    16: "the modem hung up",
    17: "a loop-back was met",
    19: "the operator refused user name or password",
}


def _end(call: Call) -> None:
    if call.poll() is not None:
        return
    call.terminate()
    try:
        call.wait(STOP)
    except subprocess.TimeoutExpired:
        call.kill()
        call.wait(STOP)


def _secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    file: IO[str]
    with os.fdopen(handle, "w") as file:
        file.write(text)


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
