"""Each section of the settings in a browser: saved, loaded again, refused with a sentence at the field."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.sections import SECTIONS
from app.system.trial import CUTS_OFF
from tests.browser.conftest import Running, picture, sign_in
from tests.settings.test_every_field import NEEDED, VALUES

# One field of each section that has its own page: saved, loaded again, and refused with a wrong value;
# tests/web/admin has each field refused. The keystore's are secrets and files: test_device.py. The block
# list has a page made for it, and of the metrics all is secret: below.
SHOWN = [section for section in SECTIONS if section.about.name not in ("blocking", "keystore", "metrics")]


@pytest.fixture(scope="module")
def ann(browser: Any, owned: Running) -> Any:
    context = browser.new_context(base_url=owned.url, locale="en-GB", viewport={"width": 390, "height": 844})
    yield sign_in(context.new_page())
    context.close()


def _field(section: Any) -> str:
    """A text or a number that can be told apart when it comes back."""
    return next(
        name
        for name, option in section.options.items()
        if (option.kind in ("text", "number") or name in ("services", "stop_words"))
        and not option.secret
        and name not in (section.about.key, "otp_store_url")
        and "\n" not in VALUES[section.about.name][name].bad
    )


@pytest.mark.parametrize("section", SHOWN, ids=lambda one: one.about.name)
def test_a_section_is_saved_loaded_again_and_refused_with_a_sentence(ann: Any, section: Any) -> None:
    name, field = section.about.name, _field(section)
    row = VALUES[name][field]
    item = {**NEEDED.get(name, {})}
    ann.goto(f"/settings/{name}/new" if section.about.many else f"/settings/{name}")
    for key, value in item.items():
        ann.locator(f"#f-{key}").fill(str(value) if key != section.about.key else "browser-made")
    ann.locator(f"#f-{field}").fill(row.bad)
    ann.get_by_role("button", name="Save").click()
    told = ann.locator(f"#f-{field}-error")
    told.wait_for()
    assert row.why in told.inner_text()
    assert ann.locator(f"#f-{field}").get_attribute("aria-invalid") == "true"
    assert ann.locator(f"#f-{field}").input_value() == row.bad
    picture(ann, f"refused-{name}")
    ann.locator(f"#f-{field}").fill(row.good)
    ann.get_by_role("button", name="Save").click()
    ann.get_by_text("Saved.").wait_for()
    if section in CUTS_OFF:
        ann.get_by_role("button", name="Confirm: keep the change").click()
        ann.get_by_text("Confirmed: the change stays.").wait_for()
    ann.goto(f"/settings/{name}/item/browser-made" if section.about.many else f"/settings/{name}")
    assert ann.locator(f"#f-{field}").input_value() == _as_shown(row.kept)
    if section.about.many:
        ann.get_by_role("link", name="Delete").click()
        ann.get_by_role("button", name="Delete browser-made").click()
        ann.get_by_text("browser-made was deleted.").wait_for()


def test_a_secret_is_refused_with_a_sentence_and_never_shown_again(ann: Any) -> None:
    row = VALUES["metrics"]["token"]
    ann.goto("/settings/metrics")
    field = ann.locator("#f-token")
    field.fill(row.bad)
    ann.get_by_role("button", name="Save").click()
    told = ann.locator("#f-token-error")
    told.wait_for()
    assert row.why in told.inner_text()
    picture(ann, "refused-metrics")
    field.fill(row.good)
    ann.get_by_role("button", name="Save").click()
    ann.get_by_text("Saved.").wait_for()
    ann.goto("/settings/metrics")
    assert field.input_value() == ""
    assert field.get_attribute("placeholder") == "is set; leave empty to keep it"
    assert row.good not in ann.content()
    ann.get_by_label("Remove what is set").check()
    ann.get_by_role("button", name="Save").click()
    ann.get_by_text("Saved.").wait_for()
    assert ann.get_by_label("Remove what is set").count() == 0


def test_the_block_list_is_saved_loaded_again_and_refused_with_a_sentence(ann: Any) -> None:
    ann.goto("/blocklist")
    ann.get_by_label("Block a number").fill("12")
    ann.get_by_role("button", name="Block", exact=True).click()
    ann.get_by_text("is not a telephone number").wait_for()
    picture(ann, "refused-blocking")
    ann.get_by_label("Block a number").fill("+6281212121212")
    ann.get_by_role("button", name="Block", exact=True).click()
    ann.get_by_text("6281212121212 is blocked.").wait_for()
    ann.goto("/blocklist?search=6281212121212")
    assert "6281212121212" in ann.inner_text("main ul, main table")


def _as_shown(kept: object) -> str:
    """A list stands in its field an entry a line."""
    return "\n".join(map(str, kept)) if isinstance(kept, list) else str(kept)
