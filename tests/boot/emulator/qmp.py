"""QEMU's machine protocol over a unix socket: one question, one answer, events put aside."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from tests.boot.emulator.waiting import patience


class QmpError(RuntimeError):
    """QEMU refused a command."""


class Qmp:
    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patience(15))
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self._lines.readline()  # the greeting
        self.events: list[dict[str, Any]] = []
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._lines.flush()
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise QmpError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
            self.events.append(answer)
        raise QmpError(f"{command}: QEMU closed the connection")

    def wait_for(self, event: str, timeout: float = patience(15), **data: Any) -> None:
        """Waits until the event with this data was heard, before or from now on."""
        deadline = time.monotonic() + timeout
        while not any(
            one["event"] == event and data.items() <= one.get("data", {}).items() for one in self.events
        ):
            if time.monotonic() > deadline:
                raise QmpError(f"no event {event} with {data} within {timeout:.0f} s")
            self.ask("query-status")  # events come in between answers
            time.sleep(0.1)
        self.events.clear()

    def monitor(self, line: str, timeout: float = patience(15)) -> str:
        """A command of the human monitor, for the few things QMP cannot say."""
        usual = self._socket.gettimeout()
        self._socket.settimeout(timeout)
        try:
            return str(self.ask("human-monitor-command", **{"command-line": line}))
        finally:
            self._socket.settimeout(usual)
