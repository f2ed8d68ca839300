"""Carries messages between simulated modems: what is sent to the number of one's SIM card arrives there."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from hw.sim.air import Received
from hw.sim.plugs import Plugs


class Roaming:
    """A thread named ``roaming`` over one world's air. The sender's own thread only enqueues."""

    def __init__(self, plugs: Plugs) -> None:
        self._plugs = plugs
        self._queue: SimpleQueue[Received | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="roaming", daemon=True)

    def start(self) -> None:
        self._plugs.air.listen(self._queue.put)
        self._thread.start()

    def stop(self) -> None:
        """What was sent until now arrives first."""
        self._queue.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        while (message := self._queue.get()) is not None:
            self._deliver(message)

    def _deliver(self, message: Received) -> None:
        modems = list(self._plugs.modems().values())
        sender = next((one.card.number for one in modems if one.name == message.modem), "")
        for modem in modems:
            if modem.card.number.lstrip("+") == message.number.lstrip("+"):
                modem.sms_in(sender, message.text)
