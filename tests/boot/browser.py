"""A person with a browser near the device, and their application: pages, forms, the REST interface."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any, Protocol

from tests.boot.emulator.console import CommandFailed
from tests.boot.emulator.waiting import patience, wait_until

_TOKEN = re.compile(r'name="csrf-token" value="([^"]+)"')


class Computer(Protocol):
    """Where it runs: a station on the access point, or the shell of the device itself."""

    def run(self, command: str, timeout: float = ...) -> str: ...


@dataclass(frozen=True)
class Browser:
    """Keeps cookies; follows redirections; sends a form with the token of the page that it stands on."""

    station: Computer
    origin: str = "http://192.168.0.11:8888"

    def open(self, path: str) -> str:
        return self.station.run(self._curl(self.origin + path), patience(30))

    def eventually(self, path: str, pattern: str, timeout: float) -> None:
        """Waits until the page shows what the pattern finds; a call that fails is made again."""

        def shown() -> bool:
            try:
                return re.search(pattern, self.open(path)) is not None
            except CommandFailed:
                return False

        wait_until(shown, timeout)

    def sign_in(self, username: str, password: str) -> None:
        page = self.submit("/login", "/login", username=username, password=password)
        assert "/logout" in page, page

    def submit(self, form: str, to: str, **fields: str) -> str:
        """The page that comes after the form on one page was sent to another (or the same) address."""
        return self.station.run(self.filled_in(form, to, **fields), patience(30))

    def filled_in(self, form: str, to: str, **fields: str) -> str:
        """The shell command that sends a form, for whoever cannot wait for its answer."""
        token = _TOKEN.search(self.open(form))
        assert token is not None, f"{form} has no form"
        given = "".join(f" --data-urlencode {shlex.quote(f'{name}={text}')}" for name, text in fields.items())
        given += f" --data-urlencode csrf-token={token[1]} -H 'Origin: {self.origin}'"
        return self._curl(f"{self.origin}{to}{given}")

    def forget(self) -> None:
        """As after closing it: no cookies."""
        self.station.run("rm -f /run/cookies")

    def _curl(self, rest: str) -> str:
        cookies = "-b /run/cookies -c /run/cookies"
        return f"curl --silent --show-error --location --max-time {patience(30):.0f} {cookies} {rest}"


@dataclass(frozen=True)
class Application:
    """A server of the company that sends its codes by this device."""

    station: Computer
    user: str
    password: str
    address: str = "http://192.168.0.11:8899/api/message"

    def ask(self, command: str, **data: str) -> dict[str, Any]:
        body = json.dumps({"command": command, "data": data})
        user = shlex.quote(f"{self.user}:{self.password}")
        answer: dict[str, Any] = json.loads(
            self.station.run(
                f"curl --silent --show-error --max-time {patience(30):.0f} -u {user} {self.address}"
                f" -d {shlex.quote(body)}",
                patience(30),
            )
        )
        return answer
