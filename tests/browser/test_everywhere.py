"""What must hold on every page there is: the keyboard reaches all of it, and nothing needs JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Running, at, picture
from tests.browser.looks import too_wide, violations
from tests.browser.router import OUTSIDE, pages, posts

PAGES = pages()
# What a person can use on a page, and where the keyboard has been so far.
USABLE = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((one) => one.type !== "hidden" && !one.disabled && one.checkVisibility({checkVisibilityCSS: true}))
  .length"""
HERE = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  window.been = window.been || new Set();
  const again = window.been.has(one);
  window.been.add(one);
  const style = getComputedStyle(one);
  const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return {again, seen, what: one.outerHTML.slice(0, 120)};
}"""


@pytest.fixture(scope="module")
def desk(browser: Any, owned: Running, state: Any) -> Iterator[Any]:
    context = browser.new_context(
        base_url=owned.url, storage_state=state, locale="en-GB", viewport={"width": 390, "height": 844}
    )
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def plain(browser: Any, owned: Running, state: Any) -> Iterator[Any]:
    """Without JavaScript."""
    context = browser.new_context(
        base_url=owned.url, storage_state=state, locale="en-GB", java_script_enabled=False
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_everything_on_a_page_and_shows_where_it_is(
    desk: Any, owned: Running, name: str
) -> None:
    desk.goto(at(PAGES[name], owned))
    wanted = desk.evaluate(USABLE)
    desk.evaluate("() => { document.activeElement.blur(); window.getSelection().removeAllRanges(); }")
    reached = 0
    for _ in range(wanted + 60):
        desk.keyboard.press("Tab")
        here = desk.evaluate(HERE)
        if here is None or here["again"]:
            if reached >= wanted:
                break
            continue
        assert here["seen"], f"nobody sees that the keyboard is at {here['what']}"
        reached += 1
    assert reached >= wanted


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_and_does_the_same_without_javascript(plain: Any, owned: Running, name: str) -> None:
    plain.goto(at(PAGES[name], owned))
    assert plain.locator("main h1").inner_text().strip()
    for form in plain.locator("main form").all():
        hidden = form.get_attribute("hidden") is not None
        assert hidden or form.locator("button:not([type=button])").count() >= 1, form.inner_html()[:300]
    for part in plain.locator("[hx-get]:not([hx-trigger^=told])").all():
        assert part.inner_text().strip() or part.locator("svg, input, option").count()


# What is sent where, beyond an empty form: so that the page that follows is the interesting one.
FILLED = {
    "/login": {"username": "ann", "password": "wrong"},
    "/forgot": {"username": "ann"},
    "/forgot/code": {"username": "ann", "code": "1", "password": "x"},
    "/otp/request": {"receiver": "081234567890", "reference": "login-1", "message": "Your code is %s"},
    "/otp/verify": {"receiver": "081234567890", "reference": "login-1", "otp": "000000"},
    "/modems/detect": {"port": "sim://sim1"},
    "/modems/test/demo": {},
    "/modems/ussd": {"do": "ask", "modem": "sim2", "code": "*123#"},
    "/modems/sim/sim2": {"do": "change", "pin": "1234", "new": "1111", "again": "2222"},
    "/modems/imei/sim2": {"imei": "1", "typed": "1"},
    "/inbox": {"id": "1", "do": "delete"},
    "/inbox/1": {"do": "reply", "message": ""},
    "/messages/new": {"receiver": "nobody", "message": "x"},
    "/blocklist": {"number": "nobody"},
    "/system/restore/plan": {},
    "/start/api": {"username": "made-by-a-test"},
    "/account/password": {"old": "wrong", "password": "x"},
    "/part/preview": {"message": "x"},
}
# It ends the service, or the session that these tests share, or gives a file; other tests do it.
LEFT_OUT = {"/system/restart", "/logout", "/setup", "/setup/time", "/system/backup"}
SEND = """([path, fields]) => {
  const form = document.createElement("form");
  form.method = "post"; form.action = path;
  const token = document.querySelector("[name=csrf-token]").value;
  for (const [name, value] of Object.entries({"csrf-token": token, ...fields})) {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}"""


@pytest.mark.parametrize("path", [one for one in posts() if one not in LEFT_OUT])
def test_the_page_after_any_form_is_readable_and_fits(desk: Any, owned: Running, path: str) -> None:
    desk.goto("/account")
    real = path.replace("/modems/test/demo", "/modems/test/sim1")
    with desk.expect_navigation():
        desk.evaluate(SEND, [real, FILLED.get(path, {})])
    picture(desk, "after" + path.replace("/", "-"))
    if desk.locator("html[lang]").count():  # a part of a page is shown inside of one
        assert not too_wide(desk)
        assert violations(desk) == []


@pytest.mark.parametrize("path", OUTSIDE.values())
def test_the_way_in_is_walked_by_the_keyboard(browser: Any, owned: Running, path: str) -> None:
    context = browser.new_context(base_url=owned.url, locale="en-GB")
    page = context.new_page()
    page.goto(path)
    page.keyboard.type("ann")
    if path == "/login":
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    if path == "/login":
        page.wait_for_url("**/")
    else:
        page.get_by_label("Code").wait_for()
    context.close()
