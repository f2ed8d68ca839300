"""The service and simulated modems, each a process of its own, as a benchmark or a test needs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any

from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.passwords import hash_password
from app.settings.section import Section
from app.settings.store import SettingsStore
from bench.ports import free_port

USER, PASSWORD = "bench", "correct:horse battery"
START = 90.0  # seconds the service may take to become ready


class Simulators:
    """``python3 -m hw.sim`` in a process of its own, steered by JSON lines."""

    def __init__(
        self,
        modems: int,
        delay_ms: float = 0.0,
        family: str = "generic",
        *more: str,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        words = ["--modems", str(modems), "--delay-ms", str(delay_ms), "--family", family, *more]
        self._process = subprocess.Popen(
            [*python, "-m", "hw.sim", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answers: Queue[dict[str, Any]] = Queue()
        self.events: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.modems: list[dict[str, Any]] = self._answers.get(timeout=START)["modems"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            (self.events if "event" in said else self._answers).put(said)

    @property
    def paths(self) -> list[str]:
        return [modem["path"] for modem in self.modems]

    def order(self, do: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()
        answer = self._answers.get(timeout=60)
        assert answer.get("ok"), answer
        return answer

    def await_event(self, kind: str, timeout: float = 20.0) -> dict[str, Any]:
        """The next event of that kind, when watched (``order("watch", on=True)``)."""
        until = time.monotonic() + timeout
        while True:
            try:
                event = self.events.get(timeout=max(until - time.monotonic(), 0.01))
            except Empty:
                raise AssertionError(f"no event {kind} within {timeout} s") from None
            if event["event"] == kind:
                return event

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Gateway:
    """A service with a home of its own. modems: item id → fields of the settings; admin: with pages.

    https: with the encrypted listeners, of the pages too where there are pages.
    """

    def __init__(
        self,
        modems: Mapping[str, Mapping[str, Any]],
        home: Path | None = None,
        log: str = "WARNING",
        admin: bool = False,
        https: bool = False,
    ) -> None:
        self._folder = None if home else tempfile.TemporaryDirectory(prefix="otppi-")
        self.home = home or Path(self._folder.name if self._folder else "")
        self.port = free_port()
        self.admin_port = free_port() if admin else 0
        self.https_port = free_port() if https else 0
        self.admin_https_port = free_port() if https and admin else 0
        self.log = self.home / "log"
        self._level = log
        self.within: Sequence[str] = ()  # a command that runs the service, in a namespace for example
        self.store = SettingsStore(self.home)
        doors = {"https_port": self.https_port} if https else {"enable_https": False}
        self.store.save(Api, Api(http_port=self.port, **doors))
        user = ApiUser(username=USER, password=hash_password(PASSWORD))
        self.store.put(ApiUser, USER, user)
        for item, fields in modems.items():
            self.put(Modem, item, name=item, **fields)
        self.process: subprocess.Popen[bytes] | None = None

    def put(self, section: type[Section], item: str, **fields: Any) -> None:
        self.store.put(section, item, section(**fields))

    def start(self, ready: bool = True) -> Gateway:
        self.spawn()
        self.await_health("ready" if ready else "live")
        return self

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        with self.log.open("ab") as log:
            command = [*self.within, sys.executable, "-m", "app", "serve", "--home", str(self.home)]
            command += ["--log-level", self._level, "--admin-port", str(self.admin_port)]
            command += ["--admin-https-port", str(self.admin_https_port)]
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def await_health(self, kind: str, timeout: float = START) -> None:
        until = time.monotonic() + timeout
        while not self.healthy(kind):
            if self.process is None or self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the service is not {kind}; its log ends with: {self.tail()}")
            time.sleep(0.01)

    def healthy(self, kind: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/{kind}", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def memory(self) -> float:
        """Resident megabytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.terminate()
        return self.process.wait(30)

    def close(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def in_parallel(count: int, work: Callable[[int], None]) -> float:
    """Run ``work(0…count-1)`` in a thread each; the seconds they took together."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began
