"""One conversation with a modem: a question at a time, its answer, and the news in between."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from hw.at.codec import Answer, AtCodec, Final, News, Noise, Prompt, Token
from hw.at.command import checked, checked_body
from hw.at.masking import safe, shown
from hw.at.vocabulary import Result
from hw.errors import AtError, AtTimeout, OutcomeUnknown, PortLost
from hw.ports import Port

log = logging.getLogger(__name__)

ESC, CTRL_Z = b"\x1b", b"\x1a"
#: An answer whose final result does not follow within this time is taken without it (seconds).
SETTLE = 1.0
#: How long a modem may take to leave the prompt after ESC (seconds).
_LEAVE_PROMPT = 2.0
#: Silence that ends a drain, and how long a drain may last where there is no silence (seconds).
_QUIET, _DRAIN = 0.12, 1.0
_PROBE, _PROBE_PATIENCE, _PROBES = "AT+CMGF?", 1.0, 5
_UNKNOWN_KEPT = 64


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
        self.unknown: deque[str] = deque(maxlen=_UNKNOWN_KEPT)  # in memory only: may hold anything
        self._port = port
        self._on_news = on_news
        self._on_lost = on_lost
        self._steady = steady
        self._codec = AtCodec()
        self._guard = threading.Lock()  # the codec, _lines and _arrivals change together
        self._arrivals: SimpleQueue[Prompt | Final | PortLost] = SimpleQueue()
        self._lines: list[str] = []
        self._turn = threading.RLock()
        self._closing = threading.Event()
        self._body_out = False
        self._lost: PortLost | None = None
        self._last_byte = steady()
        self.dirty = False
        self._reader = threading.Thread(target=self._read_on, name=f"at-{name}", daemon=True)
        self._reader.start()

    def ask(self, command: str, timeout: float = 5.0, *, settle: bool = False) -> Reply:
        """Send a command and wait for its final result (seconds).

        settle accepts an answer without a final result (old Wavecom modems after AT+CPIN?).
        """
        with self._turn:
            self._make_ready()
            return self._asked(checked(command), timeout, settle)

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
            self._begin(command, prompt=True)
            self._write(command.encode("ascii") + b"\r", safe(command))
            self._await_prompt(command, prompt_timeout)
            if before_body is not None:
                try:
                    before_body()
                except BaseException:
                    self._leave_prompt()
                    raise
            with self._guard:
                self._codec.expect_body(body)
                self._body_out = True
            try:
                # A write that fails has not taken the Ctrl-Z, so the modem cannot have sent: PortLost.
                self._write(wire, f"body of {len(body)} hex digits")
                return self._await_reference(command, timeout)
            finally:
                self._body_out = False

    def resync(self) -> Reply:
        """Get back in step: leave a prompt, drain, and probe until an answer is surely our own.

        Returns the answer to ``AT+CMGF?``, which also tells whether the modem forgot PDU mode.
        """
        with self._turn:
            self._alive()
            for _ in range(_PROBES):
                self._forget()
                self._write(ESC + b"\r", "ESC")
                self._drain()
                reply = self._probe()
                if reply is not None:
                    self.dirty = False
                    return reply
            raise AtTimeout(f"Modem {self.name} does not answer; it could not be brought back in step.")

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
        self._begin(command)
        self._write(command.encode("ascii") + b"\r", safe(command))
        arrival = self._wait(timeout, settle)
        lines = tuple(self._lines)
        if arrival is None and lines and settle:
            return Reply(command, lines, complete=False)
        if arrival is None:
            self.dirty = True
            raise AtTimeout(f"Modem {self.name} gave no answer to {safe(command)} within {timeout:g} s.")
        assert isinstance(arrival, Final)  # no prompt is expected
        self._raise_refusal(command, arrival.result)
        return Reply(command, lines)

    def _await_prompt(self, command: str, timeout: float) -> None:
        arrival = self._wait(timeout)
        if arrival is None:
            self.dirty = True
            raise AtTimeout(f"Modem {self.name} gave no prompt after {safe(command)} within {timeout:g} s.")
        if isinstance(arrival, Final):
            self._raise_refusal(command, arrival.result)
            raise AtError(safe(command), "OK without a prompt")

    def _await_reference(self, command: str, timeout: float) -> Reply:
        try:
            arrival = self._wait(timeout, settle=True)
            if isinstance(arrival, Final) and arrival.result.ok and not self._lines:
                # An OK without +CMGS may be a leftover of something else; the real one may follow.
                with self._guard:
                    self._codec.expect(command)
                arrival = self._wait(2 * SETTLE, settle=True)
        except PortLost as error:
            raise OutcomeUnknown(f"Modem {self.name} vanished while it was sending.") from error
        lines = tuple(self._lines)
        if isinstance(arrival, Final):
            if lines:
                # The reference is proof that the network took the message, whatever follows it.
                return Reply(command, lines, arrival.result.ok)
            self._raise_refusal(command, arrival.result)
        self.dirty = arrival is None
        if lines:
            return Reply(command, lines, complete=False)
        raise OutcomeUnknown(f"Modem {self.name} took a message and was silent for {timeout:g} s.")

    def _raise_refusal(self, command: str, result: Result) -> None:
        if not result.ok:
            raise AtError(safe(command), result.kind, result.code)

    def _leave_prompt(self) -> None:
        try:
            self._write(ESC, "ESC")
            if self._wait(_LEAVE_PROMPT) is None:
                self.dirty = True
        except PortLost:
            self.dirty = True

    def _begin(self, command: str, *, prompt: bool = False) -> None:
        with self._guard:
            self._lines = []
            self._clear_arrivals()
            self._codec.expect(command, prompt=prompt)

    def _wait(self, timeout: float, settle: bool = False) -> Prompt | Final | None:
        """The next prompt or final result; None after the timeout, or once an answer has settled."""
        deadline = self._steady() + timeout
        seen = 0
        while True:
            left = deadline - self._steady()
            try:
                arrival = self._arrivals.get(timeout=max(0.0, min(left, SETTLE) if settle else left))
            except Empty:
                settled = 0 < len(self._lines) == seen
                if settle and left > SETTLE and not settled:
                    seen = len(self._lines)
                    continue
                late = self._forget()
                if late is None:
                    return None
                arrival = late
            if isinstance(arrival, PortLost):
                self._arrivals.put(arrival)  # for whoever asks next
                raise PortLost(str(arrival)) from arrival
            return arrival

    def _forget(self) -> Prompt | Final | PortLost | None:
        """Nothing is pending any more; what arrived at the very last moment, if anything."""
        with self._guard:
            self._codec.forget()
            return self._clear_arrivals()

    def _clear_arrivals(self) -> Prompt | Final | PortLost | None:
        last: Prompt | Final | PortLost | None = None
        while True:
            try:
                last = self._arrivals.get_nowait()
            except Empty:
                return last
            if isinstance(last, PortLost):
                self._arrivals.put(last)  # for whoever asks next
                return last

    def _make_ready(self) -> None:
        self._alive()
        if self.dirty:
            self.resync()

    def _alive(self) -> None:
        if self._lost is not None:
            raise PortLost(str(self._lost)) from self._lost
        if self._closing.is_set():
            raise PortLost(f"The port of modem {self.name} is closed.")

    def _write(self, data: bytes, shown: str) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s > %s", self.name, shown)
        self._port.write(data)

    def _drain(self) -> None:
        """Wait for silence, so that leftovers are read before something new is asked."""
        deadline = self._steady() + _DRAIN
        since = self._steady()
        while not self._closing.is_set():
            now = self._steady()
            rest = max(since, self._last_byte) + _QUIET - now
            if rest <= 0 or now >= deadline:
                return
            self._closing.wait(min(rest, deadline - now))

    def _probe(self) -> Reply | None:
        """Ask something whose answer cannot be mistaken for a late OK of something else."""
        refusals = 0
        self._begin(_PROBE)
        self._write(_PROBE.encode("ascii") + b"\r", _PROBE)
        deadline = self._steady() + _PROBE_PATIENCE
        while (left := deadline - self._steady()) > 0:
            arrival = self._wait(left)
            if arrival is None:
                return None
            if self._lines:
                return Reply(_PROBE, tuple(self._lines))
            assert isinstance(arrival, Final)
            if not arrival.result.ok:
                refusals += 1
                if refusals == 2:  # a modem without a SIM refuses the question itself
                    return Reply(_PROBE, ())
                self._drain()
                self._begin(_PROBE)
                self._write(_PROBE.encode("ascii") + b"\r", _PROBE)
            else:
                with self._guard:
                    self._codec.expect(_PROBE)
        return None

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
            self._last_byte = self._steady()
            with self._guard:
                tokens = self._codec.feed(data)
                news = [item for token in tokens if (item := self._hand_over(token)) is not None]
            if log.isEnabledFor(logging.DEBUG):
                for token in tokens:
                    log.debug("%s < %s", self.name, shown(token))
            for item in news:
                try:
                    self._on_news(item)
                except Exception:
                    log.exception("The listener of modem %s failed on %s.", self.name, item.prefix)

    def _hand_over(self, token: Token) -> News | None:
        """Give a token to whoever asked; what is left for the listener is returned."""
        if isinstance(token, Answer):
            self._lines.append(token.text)
        elif isinstance(token, Prompt | Final):
            self._arrivals.put(token)
        elif isinstance(token, Noise):
            self.unknown.append(token.text)
        elif self._body_out and token.prefix == "+CMGS":
            self._lines.append(token.text)  # a stray OK came before it and ended the command
        else:
            return token
        return None

    def _report_loss(self, error: PortLost) -> None:
        with self._guard:
            self._lost = error
            self._codec.forget()
            self._arrivals.put(error)
        if self._on_lost is not None and not self._closing.is_set():
            self._on_lost(error)
