"""A gateway as `make run` starts it, and Debian's Chromium in front of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings.api import Api
from app.settings.ddns import DdnsRecord
from app.settings.mail import EmailAccount
from app.settings.store import SettingsStore
from bench.ports import free_port

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PASSWORD = "four green horses"
START = 60.0


class Running:
    """``python3 -m app try`` with simulated modems, in a home of its own."""

    def __init__(self, home: Path) -> None:
        api, self.port = free_port(), free_port()
        self.home = home
        self.api = f"http://127.0.0.1:{api}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.store = SettingsStore(home)
        self.store.save(Api, Api(http_port=api, enable_https=False))
        words = ["--home", str(home), "--admin-port", str(self.port), "--admin-https-port", "0"]
        self.log = (home / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "try", *words], stdout=self.log, stderr=subprocess.STDOUT
        )
        self._await("Pages ")
        found = re.search(r"Set-up code for the first administrator: ([\d-]+)", self.said())
        self.code = found[1] if found else ""
        demo = re.search(r"API user  demo, password (\w+)", self.said())
        self.demo = demo[1] if demo else ""
        self.sent = ""  # the id of a message, once a test has sent one

    def said(self) -> str:
        return (self.home / "log").read_text()

    def _await(self, words: str) -> None:
        until = time.monotonic() + START
        while words not in self.said():
            assert self.process.poll() is None and time.monotonic() < until, self.said()[-2000:]
            time.sleep(0.05)

    def handset(self) -> str:
        """The page of the simulated handset."""
        with urllib.request.urlopen(f"{self.api}/phone", timeout=10) as answer:
            return str(answer.read().decode())

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        self.log.close()


# Of a module, not of the run: Playwright keeps an event loop going in its thread, which other tests may want.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        if "OTPPI_NO_BROWSER" not in os.environ:
            pytest.fail("Chromium is missing: scripts/setup test brings it; OTPPI_NO_BROWSER=1 does without")
        pytest.skip("OTPPI_NO_BROWSER is set")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


Visitor = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, running: Running) -> Iterator[Visitor]:
    """Opens a page in a window of its own; what goes wrong in it fails the test."""
    contexts, faults = [], []

    def make(width: int = 390, height: int = 844, **more: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=running.url, locale="en-GB", **more
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="module")
def owned(running: Running) -> Running:
    """With an administrator, made by hand: the first run has a test of its own."""
    from app.settings.passwords import hash_password
    from app.settings.users import User

    ann = User(username="ann", password=hash_password(PASSWORD), phone_number="628111222333")
    running.store.put(User, "ann", ann)
    return running


def sign_in(page: Any, name: str = "ann", password: str = PASSWORD) -> Any:
    page.goto("/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return page


def picture(page: Any, name: str) -> None:
    """Keep a picture of the page as an artefact of the test run."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    # As tall as the page is: a bar that keeps to the window's lower edge would else lie over its middle.
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(max(tall, size["height"]), 4000)})
    for left in (2, 1, 0):  # on a busy machine Chromium sometimes cannot, and can a moment later
        try:
            page.screenshot(path=SCREENSHOTS / f"{name}.png")
            break
        except Exception:
            if not left:
                raise
            page.wait_for_timeout(1000)
    page.set_viewport_size(size)


@pytest.fixture(scope="module")
def state(browser: Any, owned: Running) -> Any:
    """The cookies of somebody who is signed in, and a first message in the ledger."""
    context = browser.new_context(base_url=owned.url, locale="en-GB")
    page = sign_in(context.new_page())
    page.goto("/messages/new")
    page.get_by_label("Receiver").fill("081112345678")
    page.get_by_label("Message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/messages/way/*")
    written_to(page, "sim2", "Is your shop open today? I would like to pick up order 1207 before noon.")
    page.goto("/blocklist")
    page.get_by_label("Block a number").fill("081199998888")
    page.get_by_role("button", name="Block", exact=True).click()
    page.goto("/start/sms")
    page.get_by_label("Send a first SMS to").fill("081234567890")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/start/sent/*")
    owned.sent = page.url.rpartition("/")[2]
    owned.store.put(DdnsRecord, "home", DdnsRecord(name="home", provider="noip", zone="example.com"))
    account = EmailAccount(name="first", smtp_host="mail.invalid", sender_account="me@example.com")
    owned.store.put(EmailAccount, "first", account)
    kept = context.storage_state()
    context.close()
    return kept


def at(path: str, running: Running) -> str:
    """A path of the router's with what the tests have sent."""
    return path.format(sent=running.sent)


def written_to(page: Any, modem: str, text: str) -> None:
    """Somebody writes to the SIM card of a simulated modem: sim1 does, over the simulated network."""
    page.goto(f"/modems/one/{modem}")
    number = page.locator("dt:text-is('Number') + dd").inner_text()
    page.goto("/messages/new")
    page.get_by_label("Receiver").fill(number)
    page.get_by_label("Message").fill(text)
    page.get_by_label("By which SIM").select_option("sim1")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/messages/way/*")
    for _ in range(100):
        page.goto("/inbox")
        if text[:30] in page.inner_text("main"):
            return
        page.wait_for_timeout(100)
    raise AssertionError("the message did not arrive")
