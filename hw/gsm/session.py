"""A conversation with the network by USSD: a question, and the answer that comes when it comes."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

from hw.at.channel import AtChannel
from hw.errors import AtTimeout, HwError, PortLost
from hw.gsm import ussd
from hw.gsm.ussd import Mode, UssdAnswer

USSD_TIMEOUT = 60.0
#: After a release or another client's answer the real one may follow within this time (seconds).
_SECOND_ANSWER = 1.0


class UssdSession:
    """Waits for +CUSD, which comes before or after the command's OK, on the reading thread."""

    def __init__(self, channel: AtChannel) -> None:
        self._channel = channel
        self._answers: SimpleQueue[UssdAnswer | PortLost] = SimpleQueue()
        self._asking = threading.Lock()
        self._wanted = False
        self.open = False  # whether the network waits for an answer

    def ask(self, text: str, mode: Mode, charset: str | None, timeout: float) -> UssdAnswer:
        """Ask or answer the network; one at a time. charset: the modem's, to return to after UCS-2.

        Raises AtTimeout when no answer comes, AtError, PortLost, UnsafeCommand.
        """
        command = f"AT+CUSD=1,{ussd.parameter(text, mode)},15"
        with self._asking:
            self._forget_old()
            self._wanted = True
            try:
                if mode == "ucs2":  # strings of AT+CUSD are in the modem's character set (27.007 §7.15)
                    self._channel.ask('AT+CSCS="UCS2"')
                self.open = False
                self._channel.ask(command, timeout)
                answer = self._wait(timeout)
                self.open = answer.replyable
                return answer
            finally:
                self._wanted = False
                if mode == "ucs2":
                    with suppress(HwError):
                        self._channel.ask(f'AT+CSCS="{charset or "IRA"}"')

    def take(self, answer: UssdAnswer) -> bool:
        """An answer came; False if nobody waits for one. Called from the reading thread."""
        if self._wanted:
            self._answers.put(answer)
        else:
            self.open = self.open and answer.replyable  # the network ended it by itself
        return self._wanted

    def fail(self, error: PortLost) -> None:
        """The port is gone."""
        self._answers.put(error)

    def _forget_old(self) -> None:
        with suppress(Empty):
            while True:
                self._answers.get_nowait()

    def _wait(self, timeout: float) -> UssdAnswer:
        answers: list[UssdAnswer] = []
        while True:
            try:
                answer = self._answers.get(timeout=_SECOND_ANSWER if answers else timeout)
            except Empty:
                best = ussd.best(answers)
                if best is None:
                    raise AtTimeout(f"The network gave no USSD answer within {timeout:g} s.") from None
                return best
            if isinstance(answer, PortLost):
                raise PortLost(str(answer)) from answer
            answers.append(answer)
            if answer.status in (0, 1) and answer.text:
                return answer
