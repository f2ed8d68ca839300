"""What the tests of a booted machine ask its gateway, and the modems that stand beside it."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from bench.rig import Simulators
from tests.system.machine import Machine, until

USER, PASSWORD = "probe", "correct horse battery"
PATHS = {"request-otp": "otp", "verify-otp": "otp", "send-sms": "sms"}


class Asker:
    """An application server on the machine itself, with an API user of its own."""

    def __init__(self, device: Machine) -> None:
        self._device = device
        device(
            f"runuser -u otppi -- otppi add-api-user {USER} --password-stdin <<< '{PASSWORD}'", check=False
        )

    def ask(self, command: str, **data: object) -> dict[str, Any]:
        body = shlex.quote(json.dumps({"command": command, "data": data}))
        said = self._device(
            f"curl -s --max-time 60 -u '{USER}:{PASSWORD}' -d {body} http://127.0.0.1:8899/api/{PATHS[command]}",
            check=False,
        )
        return json.loads(said) if said.startswith("{") else {}

    def code(self, command: str, **data: object) -> str:
        """The answer's response code, "" when nobody answered."""
        return str(self.ask(command, **data).get("response_code", ""))


class Modems(Simulators):
    """Simulated modems in the machine, on pseudo-terminals that the gateway opens like any port.

    known: whether the gateway has them in its settings, as sim1 and so on.
    """

    def __init__(self, device: Machine, modems: int = 1, *, known: bool = True) -> None:
        enter = device.words(["runuser", "-u", "otppi", "--", "env", "--chdir=/usr/lib/otppi", "python3"])
        super().__init__(modems, 0.0, "generic", python=enter)
        self._device = device
        for number, path in enumerate(self.paths if known else ()):
            default = "on" if number == 0 else "off"
            device.set(f"modems/sim{number + 1}", f"port={path}", f"default_modem={default}")

    def texts(self, number: str) -> list[str]:
        """What arrived at a telephone number so far, oldest first."""
        return [one["text"] for one in self.order("inbox", number=number, limit=1000)["messages"]]

    def await_texts(self, number: str, count: int) -> list[str]:
        return until(lambda: (found := self.texts(number)) and len(found) >= count and found, "it arrived")  # type: ignore[no-any-return]


def code_in(text: str) -> str:
    """The one-time password in a message."""
    found = re.search(r"\d{4,10}", text)
    assert found, text
    return found[0]
