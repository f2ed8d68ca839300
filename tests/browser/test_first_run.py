"""A new device: from the set-up code to a sent SMS, and a line to copy."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import PASSWORD, Running, picture


def test_from_the_set_up_code_to_a_sent_sms(running: Running, visit: Any) -> None:
    page = visit()
    page.goto("/")
    assert page.url.endswith("/setup")
    picture(page, "first-1-setup")
    page.get_by_label("Set-up code").fill("0000-0000")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Phone number").fill("+62 811-1222-333")
    page.get_by_role("button", name="Begin").click()
    assert "the code is wrong" in page.inner_text("main")
    page.get_by_label("Set-up code").fill(running.code)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/start/place")
    picture(page, "first-2-place")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/start/modems")
    page.get_by_text("ready").first.wait_for()
    picture(page, "first-3-modems")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Send a first SMS to").fill("081234567890")
    picture(page, "first-4-sms")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Your first SMS is out").wait_for()
    picture(page, "first-5-sent")
    assert "Hello from your OTP-Pi" in running.handset()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Make the user").click()
    snippet = page.inner_text("pre")
    assert snippet.startswith("curl -u app:")
    picture(page, "first-6-api")
    page.get_by_role("button", name="To the first page").click()
    page.get_by_text("4 of 4 SIMs ready").wait_for()
