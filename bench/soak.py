"""``make soak``: modems plugged, unplugged and renamed at random under load; nothing may grow or get lost."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.client import Client
from bench.rig import Gateway, Simulators

OUTCOMES = {"0000", "1000", "1101", "1102", "1203"}
RETURN = 10.0  # seconds in which a returning modem works again, on a machine that does nothing else
WEDGED = 90.0  # and a wedged one
POOL = 8  # threads of the HTTP pool, which fills as connections come and has its own limit
MEGABYTES = 16.0  # caches that fill once are no leak; what grows with the work is more
LEAST = 6  # modems that must have come back before a run may end: a busy machine takes longer for them
LONG = 300.0  # seconds of a run in whose first half all caches have filled
CREEP = 2.0  # megabytes by which the second half of a long run may differ from its middle


@dataclass(frozen=True, slots=True)
class Figures:
    """What the service holds. memory: resident megabytes."""

    threads: int
    files: int
    memory: float


@dataclass(slots=True)
class Result:
    """What a soak showed; returns and wedges: seconds until a modem worked again.

    memory: resident megabytes, once a second. load: processes that wanted a core, at the most.
    """

    before: Figures
    after: Figures
    codes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    duplicates: int = 0
    on_air: int = 0
    returns: list[float] = field(default_factory=list)
    wedges: list[float] = field(default_factory=list)
    unplugged: int = 0
    memory: list[float] = field(default_factory=list)
    load: float = 0.0

    @property
    def slack(self) -> float:
        """How much longer things may take, because the cores were wanted by others too."""
        return max(1.0, self.load / (2.0 * (os.cpu_count() or 1)))

    def creep(self) -> float:
        """Megabytes by which the last tenth of the run lies above its middle: caches fill, leaks go on."""
        tenth = len(self.memory) // 10
        if not tenth:
            return 0.0
        middle = len(self.memory) // 2
        return median(self.memory[-tenth:]) - median(self.memory[middle : middle + tenth])

    def problems(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        found = []
        if self.after.threads > self.before.threads + POOL:
            found.append(f"threads grew from {self.before.threads} to {self.after.threads}")
        if self.after.files > self.before.files:
            found.append(f"file descriptors grew from {self.before.files} to {self.after.files}")
        if self.after.memory > self.before.memory + MEGABYTES:
            found.append(f"memory grew from {self.before.memory:.1f} to {self.after.memory:.1f} MB")
        if len(self.memory) >= LONG and self.creep() > CREEP:
            found.append(f"memory went on growing, by {self.creep():.1f} MB in the second half")
        if self.lost:
            found.append(f"{self.lost} messages have no outcome")
        if self.duplicates:
            found.append(f"{self.duplicates} messages reached a handset twice")
        if strange := set(self.codes) - OUTCOMES:
            found.append(f"answers with the codes {sorted(strange)}")
        if self.returns and max(self.returns) > RETURN * self.slack:
            found.append(f"a modem that returned worked again only after {max(self.returns):.1f} s")
        if self.wedges and max(self.wedges) > WEDGED * self.slack:
            found.append(f"a wedged modem worked again only after {max(self.wedges):.1f} s")
        return found


class Soak:
    """One run: a service, simulated modems in another process, senders, and a vandal."""

    def __init__(self, modems: int, seconds: float, senders: int, seed: int) -> None:
        self._seconds = seconds
        self._senders = senders
        self._chance = random.Random(seed)
        self._folder = tempfile.TemporaryDirectory(prefix="otppi-soak-")
        home = Path(self._folder.name)
        self._links = home / "dev"
        self._world = Simulators(modems, 100, "generic", "--links", str(self._links))
        self._names = [modem["name"] for modem in self._world.modems]
        ports = {name: {"port": str(self._links / name)} for name in self._names}
        self._service = Gateway(ports, home)
        self._done = threading.Event()
        self._answers: list[dict[str, Any]] = []
        self._asked = 0
        self._lock = threading.Lock()
        self._served: dict[str, float] = {}  # when a modem last carried a message

    def run(self) -> Result:
        try:
            self._service.start()
            self._await_all(120.0)
            senders = [
                threading.Thread(target=self._send, args=(number,), name=f"sender-{number}")
                for number in range(self._senders)
            ]
            for sender in senders:
                sender.start()
            time.sleep(max(self._seconds * 0.1, 3.0))  # pools and caches fill once
            result = Result(self._figures(), self._figures())
            scale = threading.Thread(target=self._weigh, args=(result,), name="scale")
            scale.start()
            self._vandalise(result)
            self._done.set()
            scale.join(5)
            for sender in senders:
                sender.join(150)
            self._await_all(60.0)
            time.sleep(2.0)
            result.after = self._figures()
            self._count(result)
            return result
        finally:
            self._done.set()
            self._service.close()
            self._world.close()
            self._folder.cleanup()

    def _send(self, number: int) -> None:
        client = Client(self._service.port)
        count = 0
        while not self._done.is_set():
            count += 1
            with self._lock:
                self._asked += 1
            text = f"soak {number} {count}"
            answer = client.call(
                "send-sms", id=f"s{number}-{count}", receiver=f"0812{number:03d}{count:06d}", message=text
            )
            with self._lock:
                self._answers.append(answer)
                if answer["response_code"] == "0000":
                    self._served[answer["data"]["modemID"]] = time.monotonic()
        client.close()

    def _weigh(self, result: Result) -> None:
        while not self._done.wait(1.0):
            result.memory.append(self._service.memory())
            result.load = max(result.load, os.getloadavg()[0])

    def _vandalise(self, result: Result) -> None:
        """Pull, put back under another name, wedge; at random until the time is over."""
        until = time.monotonic() + self._seconds
        away: list[tuple[str, float]] = []
        wedged: dict[str, float] = {}
        spare = len(self._names)
        while time.monotonic() < until or (len(result.returns) < LEAST and time.monotonic() < until + 120):
            roll = self._chance.random()
            present = [one for one in self._names if one not in {name for name, _ in away} | set(wedged)]
            if away and (roll < 0.45 or len(away) > len(self._names) // 4):
                name, _ = away.pop(self._chance.randrange(len(away)))
                spare += 1
                link = name if roll < 0.2 else f"sim{spare}"
                self._world.order("plug", modem=name, link=link)
                result.returns.append(self._await_back(name))
            elif roll < 0.95 or self._seconds < 2 * WEDGED:
                name = self._chance.choice(present)
                self._world.order("unplug", modem=name)
                result.unplugged += 1
                away.append((name, time.monotonic()))
            else:
                name = self._chance.choice(present)
                self._world.order("fault", modem=name, when="prompt", action="wedge")
                wedged[name] = time.monotonic()
            for name, since in list(wedged.items()):
                self._end_of_wedge(result, wedged, name, since)
            time.sleep(self._chance.uniform(0.05, 0.4))
        for name, _ in away:
            self._world.order("plug", modem=name, link=name)
        while wedged and time.monotonic() < until + WEDGED + 30:
            for name, since in list(wedged.items()):
                self._end_of_wedge(result, wedged, name, since)
            time.sleep(0.2)
        result.wedges += [time.monotonic() - since for since in wedged.values()]

    def _end_of_wedge(self, result: Result, wedged: dict[str, float], name: str, since: float) -> None:
        """A wedge is over with a message that this modem carried more than five seconds later."""
        with self._lock:
            served = self._served.get(name, 0.0)
        if served > since + 5.0:
            result.wedges.append(served - since)
            del wedged[name]

    def _await_back(self, name: str) -> float:
        began = time.monotonic()
        client = Client(self._service.port)
        try:
            while not client.call("get-modem-list")["data"]["modem_list"][name]["connected"]:
                if time.monotonic() - began > 60:
                    break
                time.sleep(0.1)
        finally:
            client.close()
        return time.monotonic() - began

    def _await_all(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        client = Client(self._service.port)
        while True:
            listed = client.call("get-modem-list")["data"]["modem_list"]
            missing = [name for name, fields in listed.items() if not fields["connected"]]
            if not missing or time.monotonic() > until:
                break
            time.sleep(0.2)
        client.close()
        assert not missing, f"{missing} did not come back: {self._service.tail()}"

    def _figures(self) -> Figures:
        assert self._service.process is not None
        process = Path(f"/proc/{self._service.process.pid}")
        return Figures(
            len(os.listdir(process / "task")), len(os.listdir(process / "fd")), self._service.memory()
        )

    def _count(self, result: Result) -> None:
        result.codes.update(answer["response_code"] for answer in self._answers)
        result.reasons.update(answer.get("reason", "") for answer in self._answers)
        result.lost = self._asked - len(self._answers)
        stats = self._world.order("stats")
        result.duplicates, result.on_air = stats["duplicates"], stats["messages"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m bench.soak", description=__doc__)
    parser.add_argument("--modems", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--senders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"{options.modems} modems, {options.seconds:g} s, seed {options.seed}", flush=True)
    result = Soak(options.modems, options.seconds, options.senders, options.seed).run()
    print(f"before  {result.before}\nafter   {result.after}")
    tenths = [result.memory[place * len(result.memory) // 10] for place in range(10) if result.memory]
    print(f"memory  {' '.join(f'{one:.1f}' for one in tenths)}, creep {result.creep():+.2f} MB")
    print(f"load    {result.load:.1f}, so times may be {result.slack:.1f} times as long")
    print(f"answers {dict(result.codes)}, reasons {dict(result.reasons)}")
    print(f"on air  {result.on_air}, twice {result.duplicates}, without outcome {result.lost}")
    for what, seconds in (("returns", result.returns), ("wedges", result.wedges)):
        if seconds:
            mean = sum(seconds) / len(seconds)
            print(f"{what:<7} {len(seconds)}, mean {mean:.2f} s, most {max(seconds):.2f} s")
    problems = result.problems()
    print("\n".join(problems) or "nothing grew, nothing was lost")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
