"""The device in a browser: a change on trial, its clock, its certificate, its bell, a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.settings.network import Wlan
from app.system import card
from tests.browser.conftest import PASSWORD, picture
from tests.keypairs import signed_by_itself
from tests.web.admin.site import Site, eventually


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """In this process, so that a trial may last some seconds only."""
    made = Site(tmp_path_factory.mktemp("device"))
    yield made.ready()
    made.close()


@pytest.fixture
def person(browser: Any, site: Site) -> Iterator[Any]:
    """Opens a window in which an administrator is signed in."""
    contexts = []

    def make(width: int = 390, **more: Any) -> Any:
        address = f"http://127.0.0.1:{site.port}"
        context = browser.new_context(
            base_url=address, locale="en-GB", viewport={"width": width, "height": 844}, **more
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("User name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        return page

    yield make
    for context in contexts:
        context.close()


def channel(site: Site) -> int:
    value = site.store.read(Wlan).value
    assert isinstance(value, Wlan)
    return value.channel


def choose(page: Any, number: str) -> None:
    page.goto("/settings/wlan")
    page.get_by_label("Channel").select_option(number)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/network/trial")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_change_that_is_confirmed_stays(site: Site, person: Any, scripts: bool) -> None:
    site.service.device.trial.seconds = 60.0
    page = person(java_script_enabled=scripts)
    number = "9" if scripts else "4"
    choose(page, number)
    picture(page, "trial" if scripts else "trial-without-scripts")
    assert "in force for 60 s and then goes back by itself" in page.inner_text("main")
    page.goto("/messages")
    page.get_by_role("button", name="Confirm: keep the change").click()
    page.get_by_text("Confirmed: the change stays.").wait_for()
    assert channel(site) == int(number)


def test_a_change_that_nobody_confirms_counts_down_and_goes_back_before_ones_eyes(
    site: Site, person: Any
) -> None:
    site.service.device.trial.seconds = 6.0
    before = channel(site)
    page = person()
    choose(page, "11")
    assert channel(site) == 11
    counted = page.locator("[data-count]")
    first = int(counted.inner_text())
    while int(counted.inner_text() or 0) >= first:
        page.wait_for_timeout(100)
    page.get_by_text("the change went back: nobody confirmed within 6 s").wait_for()
    assert channel(site) == before
    assert page.get_by_role("button", name="Confirm: keep the change").count() == 0
    picture(page, "trial-went-back")


def test_without_javascript_it_goes_back_by_itself_as_well(site: Site, person: Any) -> None:
    site.service.device.trial.seconds = 2.0
    before = channel(site)
    page = person(java_script_enabled=False)
    choose(page, "1")
    eventually(lambda: channel(site) == before and not site.service.device.trial.waiting)
    page.get_by_role("link", name="Look again").click()
    page.get_by_text("the change went back: nobody confirmed within 2 s").wait_for()


def test_the_clock_is_set_by_a_button(site: Site, person: Any) -> None:
    page = person()
    page.goto("/system/time")
    before = datetime.now(UTC).timestamp()
    page.get_by_role("button", name="Take the time of this browser").click()
    page.get_by_text("The clock is set.").wait_for()
    noted = [one for one in site.system.notes if "SetTime(" in one][-1]
    set_to = int(noted.partition("(")[2].partition(",")[0]) / 1e6
    assert before - 5 < set_to < datetime.now(UTC).timestamp() + 5
    without = person(java_script_enabled=False)
    without.goto("/system/time")
    assert not without.get_by_role("button", name="Take the time of this browser").is_visible()
    without.get_by_label("Date and time in the zone of the device").fill("2030-01-02 10:00:00")
    without.get_by_role("button", name="Set the clock").click()
    without.get_by_text("The clock is set.").wait_for()
    notes = list(site.system.notes)
    assert any("SetTime(1893553200000000" in one for one in notes)


def test_a_certificate_comes_as_a_file_and_is_refused_when_it_is_none(
    site: Site, person: Any, tmp_path: Path
) -> None:
    pair = signed_by_itself(["otp.example.com"], datetime.now(UTC))
    good, bad = tmp_path / "good.pem", tmp_path / "bad.p12"
    good.write_bytes(pair.chain_pem() + pair.key_pem())
    bad.write_bytes(b"\x00\x01nothing of the kind")
    page = person()
    page.goto("/settings/keystore/new")
    page.get_by_label("Name").fill("shop")
    page.get_by_label("or a file: Certificate").set_input_files(bad)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("neither PEM nor PKCS#12 nor JKS").first.wait_for()
    picture(page, "refused-keystore")
    page.get_by_label("or a file: Certificate").set_input_files(good)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_text("for otp.example.com, good until").wait_for()
    picture(page, "keystore-serves")
    page.goto("/settings/keystore/item/shop")
    assert page.get_by_label("Name").input_value() == "shop"
    assert "PRIVATE KEY" not in page.content()


def test_a_melody_is_chosen_and_heard(site: Site, person: Any) -> None:
    page = person()
    page.goto("/settings/bell")
    page.get_by_label("Melody").select_option(label="Redis disconnected")
    page.get_by_role("button", name="Play").click()
    page.get_by_text("It is being played.").wait_for()
    notes = site.system.notes
    eventually(lambda: any("plays 880 523 Hz" in one for one in list(notes)))
    page.get_by_role("button", name="Silence").click()
    page.get_by_text("The bell is silent until the next trouble.").wait_for()


def test_the_device_is_restarted_only_after_a_question(site: Site, person: Any) -> None:
    page = person()
    page.goto("/system/power")
    page.get_by_role("button", name="Restart the device").click()
    page.get_by_role("button", name="Leave everything as it is").wait_for()
    picture(page, "power-asks")
    notes = site.system.notes
    assert not any("Reboot" in one for one in list(notes))
    page.get_by_role("button", name="Restart the device").click()
    page.get_by_text("The device starts anew").wait_for()
    picture(page, "power-leaving")
    assert any("Manager.Reboot" in one for one in list(notes))


def test_the_card_can_be_printed(site: Site, person: Any) -> None:
    site.service.device.card = card.Card("10000000abcd", "OTP-Pi-abcd", "seven-purple-birds", "1234-5678")
    page = person(800)
    page.goto("/system/card")
    page.get_by_text("seven-purple-birds").wait_for()
    assert page.locator("figure svg").count() == 2
    picture(page, "card")
    page.emulate_media(media="print")
    assert not page.locator("nav.places").is_visible()
    assert not page.get_by_role("button", name="Print").is_visible()
    assert page.get_by_text("seven-purple-birds").is_visible()
    picture(page, "card-printed")
    site.service.device.card = None


def test_the_way_in_offers_the_time_of_the_browser(site: Site, browser: Any) -> None:
    properties = site.service.device._bus._properties  # type: ignore[attr-defined]
    properties["NTPSynchronized"] = False
    site.door.clockface._seen = None
    context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}", locale="en-GB")
    page = context.new_page()
    page.goto("/login")
    page.get_by_text("The device's clock is not trusted").wait_for()
    picture(page, "login-clock")
    notes = site.system.notes
    before = len(notes)
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The clock is set.").wait_for()
    assert any("SetTime(" in one for one in list(notes)[before:])
    context.close()
    properties["NTPSynchronized"] = True
    site.door.clockface._seen = None
