"""The whole service as a process that can be killed, with simulated modems in another one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.settings.api import Api
from app.settings.modems import Modem
from app.settings.store import SettingsStore
from app.settings.subscribers import Subscriber
from tests.brokers.servers import ROOT, until


class Modems:
    """``python -m hw.sim``, steered by JSON lines; its handsets remember every message."""

    def __init__(self, folder: Path, count: int, delay_ms: int) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hw.sim", "--modems", str(count)),
                *("--delay-ms", str(delay_ms), "--links", str(folder)),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.paths = [str(folder / f"sim{n + 1}") for n in range(count)]
        self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def tell(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert answer["ok"], answer
        return answer

    def texts(self) -> list[str]:
        """Every text that arrived, as often as it did."""
        return [one["text"] for one in self.tell(do="inbox", limit=100_000)["messages"]]

    def each_has_one_in_hand(self) -> bool:
        """Whether every modem has taken a message that is not on the air yet."""
        modems = self.tell(do="stats")["modems"].values()
        return all(one["bodies"] == one["parts"] + 1 for one in modems)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


class GatewayProcess:
    """``python -m app serve`` over a home of its own; what it logs is kept."""

    def __init__(self, folder: Path, sections: Sequence[Subscriber], ports: Sequence[str]) -> None:
        self.home = folder
        store = SettingsStore(folder)
        store.save(Api, Api(enable_http=False, enable_https=False))
        for section in sections:
            store.save(type(section), section)
        for n, port in enumerate(ports):
            store.put(Modem, f"m{n + 1}", Modem(name=f"m{n + 1}", port=port))
        self.store = store
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._reader: threading.Thread | None = None

    def start(self, level: str = "INFO") -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--home", str(self.home), "--log-level", level],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._process = process
        self._lines = []
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def await_connected(self, door: str, seconds: float = 60.0) -> None:
        until(lambda: f"{door}: connected" in self.log, f"{door} is connected", seconds)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(60)
            assert self._reader is not None
            self._reader.join(10)
