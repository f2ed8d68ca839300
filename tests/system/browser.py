"""An administrator's browser in a machine of the tests: gets pages, fills in their forms, sends them back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

from tests.system.machine import Machine, until

PASSWORD = "four green horses"
Form = dict[str, list[str]]


class Forms(HTMLParser):
    """The forms of a page as a browser would send them now: action → field → values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, Form] = {}
        self._form: Form = {}
        self._select = self._area = ""
        self._text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value")
        if tag == "form":
            self._form = self.found.setdefault(given.get("action") or "", {})
        elif tag == "input" and name and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                self._form.setdefault(name, []).append(value or "on")
        elif tag == "input" and name:
            self._form.setdefault(name, []).append(value or "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self._form[self._select] = [value or ""]
        elif tag == "textarea":
            self._area, self._text = name, []

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self._form[self._area] = ["".join(self._text)]
            self._area = ""


class Browser:
    """Signed in as the administrator `ann`, whom it makes with the card's set-up code on a new device."""

    def __init__(self, device: Machine, port: int = 8888) -> None:
        self._device = device
        self._address = f"http://127.0.0.1:{port}"
        device("rm -f /tmp/jar")
        until(lambda: self._curl("/login", check=False), "the pages answer")
        if "/setup" in self.form_actions("/login"):
            code = device("otppi card | sed -n 's/^Set-up code *//p'")
            self.send("/setup", "/setup", code=code, username="ann", password=PASSWORD)
        else:
            self.send("/login", "/login", username="ann", password=PASSWORD)

    def get(self, path: str) -> str:
        """A page, followed to where it leads."""
        return self._curl(path)

    def form_actions(self, path: str) -> list[str]:
        return list(Forms(self.get(path)).found)

    def shown(self, path: str) -> Form:
        """What the form of a section's page shows now."""
        return Forms(self.get(path)).found[path]

    def send(self, page: str, action: str, wanted: str = "303", **fields: str | Sequence[str]) -> str:
        """Fill fields into a form of a page and send it; where the answer leads. Fails when it is refused.

        wanted: the answer's status.
        """
        form = Forms(self.get(page)).found[action]
        filled: Mapping[str, Sequence[str]] = {
            **form,
            **{name: [value] if isinstance(value, str) else value for name, value in fields.items()},
        }
        data = " ".join(
            f"--data-urlencode {shlex.quote(f'{name}={value}')}"
            for name, many in filled.items()
            for value in many
        )
        said = self._device(
            "curl --silent --max-time 60 --cookie /tmp/jar --cookie-jar /tmp/jar "
            f"-H 'Origin: {self._address}' "
            f"-o /tmp/answer -w '%{{http_code}} %{{redirect_url}}' {data} {self._address}{action}"
        )
        status, _, leads = said.partition(" ")
        wrong = self._device("grep -E 'class=.(error|notice bad)' /tmp/answer", check=False)
        assert status == wanted, f"{action}: {status} {wrong}"
        return leads.removeprefix(self._address)

    def save(self, section: str, item: str = "", **fields: str | Sequence[str]) -> None:
        """Save a section (or an item of a collection, new where there is none), and confirm a trial."""
        page = f"/settings/{section}"
        if item:
            known = f"{page}/item/{item}"
            page = known if known in self.get(page) else f"{page}/new"
        if self.send(page, page, **fields) == "/network/trial":
            self.send("/network/trial", "/network/trial/confirm")

    def _curl(self, path: str, check: bool = True) -> str:
        return self._device(
            "curl --silent --fail --location --max-time 30 --cookie /tmp/jar --cookie-jar /tmp/jar "
            f"{self._address}{path}",
            check,
        )
