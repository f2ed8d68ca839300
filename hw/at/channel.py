"""One conversation with a modem: a question at a time, its answer, and back in step after silence."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hw.at.codec import Final, News
from hw.at.command import checked, checked_body, patience
from hw.at.exchange import Exchange
from hw.at.masking import safe, shown
from hw.at.vocabulary import Result
from hw.errors import AtError, AtTimeout, OutcomeUnknown, PortLost, Restarted
from hw.ports import Port

log = logging.getLogger(__name__)

ESC, CTRL_Z = b"\x1b", b"\x1a"
#: How long a modem may take to leave the prompt after ESC (seconds).
_LEAVE_PROMPT = 2.0
#: Silence that ends a drain, and how long a drain may last where there is no silence (seconds).
_QUIET, _DRAIN = 0.12, 1.0
_PROBE, _PROBE_PATIENCE, _PROBES = "AT+CMGF?", 1.0, 5


@dataclass(frozen=True)
class Reply:
    """What a modem answered: its information lines. complete is False when the final OK was lost."""

    command: str
    lines: tuple[str, ...] = field(repr=False)
    complete: bool = True


class AtChannel:
    """The AT dialogue over one port.

    ask() and submit() may be called from any thread; they take turns. on_news and on_lost are called from
    the reading thread and must only enqueue. Raises of both: AtError (refused), AtTimeout (silent),
    PortLost, UnsafeCommand.
    """

    def __init__(
        self,
        port: Port,
        *,
        on_news: Callable[[News], None],
        on_lost: Callable[[PortLost], None] | None = None,
        name: str = "modem",
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.dirty = False
        self.echo_is_off = False  # set once the modem obeyed ATE0: an echo then tells of a restart
        self._port = port
        self._on_news = on_news
        self._on_lost = on_lost
        self._steady = steady
        self._exchange = Exchange(steady)
        self._turn = threading.RLock()
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read_on, name=f"at-{name}", daemon=True)
        self._reader.start()

    @property
    def unknown(self) -> deque[str]:
        """The latest lines that nobody knows; in memory only, they may hold anything."""
        return self._exchange.unknown

    def ask(self, command: str, timeout: float | None = None, *, settle: bool = False) -> Reply:
        """Send a command and wait for its final result (seconds; None: as long as this command may take).

        settle accepts an answer without a final result (old Wavecom modems after AT+CPIN?).
        """
        with self._turn:
            self._make_ready()
            return self._asked(checked(command), patience(command) if timeout is None else timeout, settle)

    def submit(
        self,
        command: str,
        body: str,
        *,
        prompt_timeout: float = 10.0,
        timeout: float = 60.0,
        before_body: Callable[[], None] | None = None,
    ) -> Reply:
        """Send a command that prompts for a body (AT+CMGS), then the body: two round trips.

        before_body runs between the prompt and the first byte of the body; if it raises, the prompt is
        left again and nothing is sent. Raises OutcomeUnknown when there is silence after the body.
        """
        with self._turn:
            self._make_ready()
            command, wire = checked(command), checked_body(body).encode("ascii") + CTRL_Z
            echoes = self._exchange.echoes
            self._exchange.begin(command, prompt=True, answer_needed=True)
            self._write(command.encode("ascii") + b"\r", safe(command))
            self._await_prompt(command, prompt_timeout)
            if self.echo_is_off and self._exchange.echoes > echoes:
                # Back in text mode the modem would send the PDU's digits as a text, to nobody we know.
                self._leave_prompt()
                raise Restarted(safe(command))
            if before_body is not None:
                try:
                    before_body()
                except BaseException:
                    self._leave_prompt()
                    raise
            early = self._exchange.withdrawn()
            if early is not None:
                _raise_refusal(command, early.result)
            self._exchange.expect_body(body)
            # A write that fails has not taken the Ctrl-Z, so the modem cannot have sent: PortLost.
            self._write(wire, f"body of {len(body)} hex digits")
            return self._await_reference(command, timeout)

    def knock(self, tries: int = 3, patience: float = 1.5) -> None:
        """The first words to a modem of unknown state: ESC, then AT until it answers.

        Raises AtTimeout if it never does.
        """
        with self._turn:
            self._alive()
            self._write(ESC, "ESC")
            self._drain()
            for command in ["AT"] * tries + ["ATQ0V1"]:
                try:
                    self._asked(command, patience)
                except AtTimeout:
                    self._write(ESC + b"\r", "ESC")
                    continue
                except AtError:
                    pass  # an answer all the same
                self._drain()  # answers to earlier knocks
                self.dirty = False
                return
            raise AtTimeout(f"Modem {self.name} does not answer; is it a modem, and is the baud rate right?")

    def resync(self) -> Reply:
        """Get back in step: leave a prompt, drain, and probe until an answer is surely our own.

        Returns the answer to ``AT+CMGF?``, which also tells whether the modem forgot PDU mode.
        """
        with self._turn:
            self._alive()
            self.dirty = True
            for _ in range(_PROBES):
                self._exchange.forget()
                self._write(ESC + ESC + b"\r", "ESC")
                self._drain()
                reply = self._probe()
                if reply is not None:
                    self.dirty = False
                    return reply
            raise AtTimeout(f"Modem {self.name} does not answer; it could not be brought back in step.")

    @property
    def echoes(self) -> int:
        """How often the modem repeated a command so far."""
        return self._exchange.echoes

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the channel is open."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Close the port; whoever waits gets PortLost. From any thread."""
        self._closing.set()
        self._port.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5.0)

    # The asking side; the turn is held.

    def _asked(self, command: str, timeout: float, settle: bool = False) -> Reply:
        self._exchange.begin(command)
        self._write(command.encode("ascii") + b"\r", safe(command))
        arrival = self._exchange.wait(timeout, settle)
        lines = self._exchange.lines
        if isinstance(arrival, Final):
            _raise_refusal(command, arrival.result)
            return Reply(command, lines)
        if lines and settle:
            return Reply(command, lines, complete=False)
        self.dirty = True
        raise AtTimeout(f"Modem {self.name} gave no answer to {safe(command)} within {timeout:g} s.")

    def _await_prompt(self, command: str, timeout: float) -> None:
        arrival = self._exchange.wait(timeout)
        if arrival is None:
            self.dirty = True
            raise AtTimeout(f"Modem {self.name} gave no prompt after {safe(command)} within {timeout:g} s.")
        if isinstance(arrival, Final):  # never an OK: that would need a reference first
            _raise_refusal(command, arrival.result)

    def _await_reference(self, command: str, timeout: float) -> Reply:
        try:
            arrival = self._exchange.wait(timeout, settle=True)
        except PortLost as error:
            raise OutcomeUnknown(f"Modem {self.name} vanished while it was sending.") from error
        lines = self._exchange.lines
        if lines:  # the reference is proof that the network took the message, whatever follows it
            self.dirty = arrival is None
            return Reply(command, lines, complete=isinstance(arrival, Final) and arrival.result.ok)
        if isinstance(arrival, Final):
            _raise_refusal(command, arrival.result)
        self.dirty = True
        raise OutcomeUnknown(f"Modem {self.name} took a message and was silent for {timeout:g} s.")

    def _leave_prompt(self) -> None:
        try:
            self._exchange.begin("ESC")
            self._write(ESC, "ESC")
            self.dirty = self._exchange.wait(_LEAVE_PROMPT) is None
        except PortLost:
            self.dirty = True

    def _make_ready(self) -> None:
        self._alive()
        if self.dirty:
            self.resync()

    def _alive(self) -> None:
        if self._closing.is_set():
            raise PortLost(f"The port of modem {self.name} is closed.")
        if self._exchange.lost is not None:
            raise PortLost(str(self._exchange.lost)) from self._exchange.lost

    def _write(self, data: bytes, what: str) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s > %s", self.name, what)
        self._port.write(data)

    def _drain(self) -> None:
        """Wait for silence, so that leftovers are read before something new is asked."""
        since = self._steady()
        while not self._closing.is_set():
            now = self._steady()
            rest = max(since, self._exchange.last_byte) + _QUIET - now
            if rest <= 0 or now >= since + _DRAIN:
                return
            self._closing.wait(min(rest, since + _DRAIN - now))

    def _probe(self) -> Reply | None:
        """Ask something whose answer cannot be mistaken for a late OK of something else."""
        refusals = 0
        deadline = self._steady() + _PROBE_PATIENCE
        self._send_probe()
        while (left := deadline - self._steady()) > 0:
            arrival = self._exchange.wait(left)
            if not isinstance(arrival, Final):
                return None
            if arrival.result.ok:
                return Reply(_PROBE, self._exchange.lines)
            refusals += 1
            if refusals == 2:  # a modem without a SIM refuses the question itself
                return Reply(_PROBE, ())
            self._drain()
            self._send_probe()
        return None

    def _send_probe(self) -> None:
        self._exchange.begin(_PROBE, answer_needed=True)
        self._write(_PROBE.encode("ascii") + b"\r", _PROBE)

    # The reading side; runs in the reader's thread.

    def _read_on(self) -> None:
        while True:
            try:
                data = self._port.read()
            except PortLost as error:
                self._report_loss(error)
                return
            if not data:
                self._report_loss(PortLost(f"The port of modem {self.name} was closed."))
                return
            tokens, news = self._exchange.feed(data)
            if log.isEnabledFor(logging.DEBUG):
                for token in tokens:
                    log.debug("%s < %s", self.name, shown(token))
            for item in news:
                try:
                    self._on_news(item)
                except Exception as error:  # its text may hold what was heard
                    kind = type(error).__name__
                    log.error("The listener of modem %s failed on %s: %s.", self.name, item.prefix, kind)

    def _report_loss(self, error: PortLost) -> None:
        self._exchange.fail(error)
        if self._on_lost is not None and not self._closing.is_set():
            self._on_lost(error)


def _raise_refusal(command: str, result: Result) -> None:
    if not result.ok:
        raise AtError(safe(command), result.kind, result.code)
