"""Every page in a browser: pictures, accessibility, weight, a telephone's width, in the dark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Running, at, picture
from tests.browser.looks import too_wide, violations
from tests.browser.router import OUTSIDE, pages

PAGES = pages()


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


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("window", ["phone", "desk", "dark"])
def test_a_page_is_readable_and_fits(windows: Any, owned: Running, window: str, name: str) -> None:
    page = windows[window]
    page.goto(at(PAGES[name], owned))
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
    page.goto(at(PAGES[name], owned), wait_until="load")
    context.close()
    assert len(sizes) <= 15, sizes
    assert sum(sizes.values()) <= 120 * 1024, sizes
