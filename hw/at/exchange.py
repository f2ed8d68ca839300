"""Where the reading thread and whoever asked a modem something meet."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from hw.at.codec import Answer, AtCodec, Final, News, Noise, Prompt, Token
from hw.errors import PortLost

#: An answer whose final result does not follow within this time may be taken without it (seconds).
SETTLE = 1.0
_UNKNOWN_KEPT = 64


class Exchange:
    """One question in flight: its answer's lines, and the prompt or final result that it waits for.

    The codec, the lines and the arrivals change together, under one lock; waiting is outside of it.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self.unknown: deque[str] = deque(maxlen=_UNKNOWN_KEPT)  # in memory only: may hold anything
        self.lost: PortLost | None = None
        self.last_byte = steady()
        self._steady = steady
        self._codec = AtCodec()
        self._guard = threading.Lock()
        self._arrivals: SimpleQueue[Prompt | Final | PortLost] = SimpleQueue()
        self._lines: list[str] = []

    # The asking side

    @property
    def lines(self) -> tuple[str, ...]:
        """The answer's lines so far."""
        return tuple(self._lines)

    @property
    def echoes(self) -> int:
        """How often the modem repeated what was sent to it."""
        return self._codec.echoes

    def begin(self, command: str, *, prompt: bool = False, answer_needed: bool = False) -> None:
        """A command goes out next; leftovers of earlier ones are forgotten.

        answer_needed: a bare OK is one of them, too.
        """
        with self._guard:
            self._lines = []
            self._clear_arrivals()
            self._codec.expect(command, prompt=prompt, answer_needed=answer_needed)

    def expect_body(self, body: str) -> None:
        """The body of the message goes out next."""
        with self._guard:
            self._codec.expect_body(body)

    def withdrawn(self) -> Final | None:
        """The final result that ended a prompt before its body went out, if one came. Raises PortLost."""
        early = self._clear_arrivals()
        if isinstance(early, PortLost):
            raise PortLost(str(early)) from early
        return early if isinstance(early, Final) else None

    def wait(self, timeout: float, settle: bool = False) -> Prompt | Final | None:
        """The next prompt or final result; None after the timeout, or once an answer has settled.

        After None nothing is pending any more. Raises PortLost.
        """
        deadline = self._steady() + timeout
        seen = 0
        while True:
            left = deadline - self._steady()
            try:
                arrival = self._arrivals.get(timeout=max(0.0, min(left, SETTLE / 2) if settle else left))
            except Empty:
                settled = 0 < len(self._lines) == seen
                if settle and left > SETTLE / 2 and not settled:
                    seen = len(self._lines)
                    continue
                late = self.forget()
                if late is None:
                    return None
                arrival = late
            if isinstance(arrival, PortLost):
                self._arrivals.put(arrival)  # for whoever asks next
                raise PortLost(str(arrival)) from arrival
            return arrival

    def forget(self) -> Prompt | Final | PortLost | None:
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
                self._arrivals.put(last)
                return last

    # The reading side

    def feed(self, data: bytes) -> tuple[list[Token], list[News]]:
        """All tokens of these bytes, for the log, and of them the news, for the listener."""
        self.last_byte = self._steady()
        with self._guard:
            tokens = self._codec.feed(data)
            return tokens, [news for token in tokens if (news := self._hand_over(token)) is not None]

    def fail(self, error: PortLost) -> None:
        """The port is gone: whoever waits, and whoever asks from now on, gets the error."""
        with self._guard:
            self.lost = error
            self._codec.forget()
            self._arrivals.put(error)

    def _hand_over(self, token: Token) -> News | None:
        if isinstance(token, Answer):
            self._lines.append(token.text)
        elif isinstance(token, Prompt | Final):
            self._arrivals.put(token)
        elif isinstance(token, Noise):
            self.unknown.append(token.text)
        else:
            return token
        return None
