"""Every page in a browser: pictures, accessibility, weight, a telephone's width, in the dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.settings.ddns import DdnsRecord
from app.settings.mail import EmailAccount
from tests.browser.conftest import Running, picture, sign_in
from tests.browser.router import OUTSIDE, pages

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = pages()


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


def at(name: str, running: Running) -> str:
    """The path of a page."""
    return PAGES[name].format(sent=running.sent)


@pytest.fixture(scope="module")
def windows(browser: Any, owned: Running, state: Any) -> Any:
    """One telephone, one desk, one in the dark: kept for all pages, since a new window takes a second."""
    made = {}
    for name, width, scheme in (("phone", 360, "light"), ("desk", 1280, "light"), ("dark", 390, "dark")):
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            base_url=owned.url,
            storage_state=state,
            color_scheme=scheme,
            locale="en-GB",
            reduced_motion="reduce",
        )
        made[name] = context.new_page()
    yield made
    for page in made.values():
        page.context.close()


def violations(page: Any) -> list[str]:
    if not page.evaluate("window.axe !== undefined"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]
    ]


def too_wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("window", ["phone", "desk", "dark"])
def test_a_page_is_readable_and_fits(windows: Any, owned: Running, window: str, name: str) -> None:
    page = windows[window]
    page.goto(at(name, owned))
    assert not page.url.endswith("/login")
    picture(page, f"{name}-{window}")
    assert not too_wide(page)
    assert violations(page) == []


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_way_in_is_readable_and_fits(visit: Any, owned: Running, name: str) -> None:
    page = visit(360, 740)
    page.goto(OUTSIDE[name])
    picture(page, name)
    assert not too_wide(page)
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_first_view_of_a_page_is_light(browser: Any, owned: Running, state: Any, name: str) -> None:
    context = browser.new_context(base_url=owned.url, storage_state=state)
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on(
        "requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]})
    )
    page.goto(at(name, owned), wait_until="load")
    context.close()
    assert len(sizes) <= 15, sizes
    assert sum(sizes.values()) <= 120 * 1024, sizes
