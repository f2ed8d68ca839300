"""The whole service in this process, with simulated modems, and a client that behaves as a browser does."""

from __future__ import annotations

import gzip
import html
import http.client
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from app.core.clock import SystemClock
from app.main import Service
from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.passwords import hash_password
from app.settings.store import SettingsStore
from app.settings.users import User
from app.store.places import Places
from app.system.device import desk
from app.system.recorded import RecordedBus
from bench.ports import free_port
from hw.sim.modem import SimModem
from hw.sim.plugs import plugs

PASSWORD = "four green horses"
HASH = hash_password(PASSWORD)
PEOPLE = {"ann": "administrator", "oscar": "operator", "vera": "viewer"}


class Site:
    """A running service. modems: how many simulated ones; people: with the users of PEOPLE."""

    def __init__(self, home: Path, modems: int = 2, people: bool = True) -> None:
        self.home = home
        self.store = SettingsStore(home)
        self.store.save(Api, Api(http_port=free_port(), enable_https=False))
        for number in range(1, modems + 1):
            name = f"sim{number}"
            self.store.put(
                Modem, name, Modem(name=name, port=f"sim://{home.name}{name}", default_modem=number == 1)
            )
        if people:
            for name, role in PEOPLE.items():
                self.store.put(User, name, user(name, role))
            self.store.put(ApiUser, "shop", ApiUser(username="shop", password=HASH))
        self.port = free_port()
        self.system = RecordedBus(SystemClock())  # its notes: what the device would have done
        around = desk(SystemClock(), self.system)
        self.service = Service(Places(home), self.store, self.store.load(), None, around, (self.port, 0))
        self.service.start()

    def ready(self, modems: int = 2) -> Site:
        eventually(lambda: len(self.service.fleet.lanes()) == modems)
        return self

    @property
    def door(self):  # type: ignore[no-untyped-def]
        """Built with the first page."""
        Client(self).get("/login")
        return self.service.admin._door

    def received(self) -> list[tuple[str, str]]:
        """Number and text of what the simulated handset got."""
        return [(one.number, one.text) for one in plugs.air.inbox()]

    def modem(self, name: str) -> SimModem:
        """The simulated modem behind one of the settings."""
        return plugs.modems()[self.home.name + name]

    def close(self) -> None:
        self.service.stop()


def user(login: str, role: str, **more: object) -> User:
    return User(username=login, role=role, password=HASH, **{"phone_number": "628111222333", **more})


@dataclass(frozen=True)
class Page:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        body = gzip.decompress(self.body) if self.headers["Content-Encoding"] == "gzip" else self.body
        return body.decode("utf-8")

    @property
    def words(self) -> str:
        """What a reader sees."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.text)))

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf-token" value="([^"]+)"', self.text)
        assert found, self.text[:2000]
        return html.unescape(found[1])

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""


class Client:
    """Keeps cookies, sends Origin, and takes each form's token from the page it stands on."""

    def __init__(self, site: Site, source: str = "127.0.0.1") -> None:
        self.site = site
        self.source = source
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.site.port, timeout=300, source_address=(self.source, 0)
        )
        try:
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            connection.request(
                method, path, body, {k: v for k, v in {**sent, **(headers or {})}.items() if v}
            )
            response = connection.getresponse()
            page = Page(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in page.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        return page

    def get(self, path: str, **headers: str) -> Page:
        return self.ask("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.site.port}"

    def post(self, path: str, fields: object = (), token: str | None = None, **headers: str) -> Page:
        """A form with the token of a page that this visitor sees, unless another one is given."""
        if token is None:
            token = self.get("/account" if "otppi" in self.cookies else "/forgot").token
        pairs = [("csrf-token", token), *(fields.items() if isinstance(fields, dict) else fields)]  # type: ignore[misc]
        told = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, urlencode(pairs, doseq=True).encode(), told)

    def upload(self, path: str, name: str, data: bytes, /, **fields: str) -> Page:
        """A form with a file (RFC 7578)."""
        parts = [("csrf-token", self.get("/account").token), *fields.items()]
        body = b"".join(
            f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in parts
        )
        head = f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
        body += head.encode() + data + b"\r\n--edge--\r\n"
        told = {"Content-Type": "multipart/form-data; boundary=edge", "Origin": self.origin}
        return self.ask("POST", path, body, told)

    def sign_in(self, name: str = "ann", password: str = PASSWORD) -> Client:
        page = self.post("/login", {"username": name, "password": password})
        assert page.status == 303, page.words
        return self


def eventually(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
