"""What a person does with modems and the inbox: with JavaScript, and without."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.inbox import InboxRule
from app.settings.modems import Modem
from app.settings.watching import Balance
from tests.browser.conftest import PASSWORD, Running, picture, sign_in, written_to

both = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])


@both
def test_a_message_is_read_answered_and_deleted(owned: Running, visit: Any, scripts: bool) -> None:
    page = sign_in(visit(java_script_enabled=scripts))
    text = f"Can I come at {4 if scripts else 5} o'clock?"
    written_to(page, "sim2", text)
    picture(page, f"inbox-{'live' if scripts else 'plain'}")
    page.get_by_text(text).click()
    page.get_by_role("heading", name="Reply").wait_for()
    page.get_by_label("Message").fill("Yes, please do.")
    if scripts:
        page.get_by_text("1 part").wait_for()
    assert page.get_by_label("By which SIM").input_value() == "sim2"
    picture(page, f"inbox-message-{'live' if scripts else 'plain'}")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/messages/way/*")
    page.goto("/inbox")
    page.get_by_label("Tick the message from").first.check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Delete 1 message?").wait_for()
    picture(page, "inbox-delete")
    page.get_by_role("button", name="Delete 1 message").click()
    page.get_by_text("Done.").wait_for()


def test_a_message_appears_in_the_open_inbox_by_itself(owned: Running, visit: Any) -> None:
    page = sign_in(visit())
    with page.expect_response("**/live"):
        page.goto("/inbox")
    other = sign_in(visit())
    written_to(other, "sim3", "Appears by itself")
    page.get_by_text("Appears by itself").wait_for()


def test_a_forwarding_rule_shows_what_became_of_a_message(owned: Running, visit: Any) -> None:
    owned.store.put(InboxRule, "shop", InboxRule(name="shop", webhook="http://127.0.0.1:9/in", words="order"))
    page = sign_in(visit())
    written_to(page, "sim2", "order 77, please")
    page.get_by_text("shop/webhook").wait_for()
    page.get_by_text("order 77, please").click()
    page.get_by_role("button", name="Hand on again").click()
    page.get_by_text("Handed on again: 1.").wait_for()
    picture(page, "inbox-forwarded")
    owned.store.remove(InboxRule, "shop")


@both
def test_a_ussd_menu_is_answered_and_ended(owned: Running, visit: Any, scripts: bool) -> None:
    page = sign_in(visit(java_script_enabled=scripts))
    page.goto("/modems")
    page.get_by_role("button", name="USSD", exact=True).click()
    page.get_by_label("Modem").select_option("sim2")
    page.get_by_label("Code").fill("*123#")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("1. Balance").wait_for()
    picture(page, f"ussd-menu-{'live' if scripts else 'plain'}")
    page.get_by_label("Answer").fill("1")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("Your balance is Rp 25.000.").wait_for()
    page.get_by_label("Code").fill("*123#")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("Ask something else").wait_for()
    page.get_by_role("button", name="End the session").click()
    page.get_by_text("The session was ended.").wait_for()


def test_the_balance_of_a_sim_is_asked_and_shown(owned: Running, visit: Any) -> None:
    owned.store.put(Balance, "credit", Balance(name="credit", modem="sim1", threshold=50_000.0))
    page = sign_in(visit())
    for _ in range(100):
        page.goto("/modems/ussd")
        if page.get_by_text("25,000").count():
            break
        page.wait_for_timeout(200)
    page.get_by_text("sim1: its balance is 25000, less than 50000: top it up").wait_for()
    picture(page, "ussd-balance")
    page.get_by_role("button", name="Ask now").first.click()
    page.get_by_text("The network is being asked").wait_for()
    owned.store.remove(Balance, "credit")


@both
def test_a_modem_is_disconnected_tested_and_connected(owned: Running, visit: Any, scripts: bool) -> None:
    page = sign_in(visit(java_script_enabled=scripts))
    page.goto("/modems")
    page.get_by_role("link", name="sim3", exact=True).click()
    page.get_by_role("button", name="Test AT").click()
    page.get_by_text("The modem answers.").wait_for()
    page.goto("/modems/one/sim3")
    page.get_by_role("button", name="Disconnect").click()
    page.get_by_text("It is disconnected; its port is free.").wait_for()
    picture(page, "modem-disconnected")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("It is being connected.").wait_for()


@both
def test_the_pin_of_a_sim_is_switched_on_changed_and_off(owned: Running, visit: Any, scripts: bool) -> None:
    name = "sim1" if scripts else "sim4"
    page = sign_in(visit(java_script_enabled=scripts))
    _sim_page(page, name)
    page.get_by_label("PIN of the card").fill("1234")
    page.get_by_role("button", name="Ask for it").click()
    page.get_by_text("Done.").wait_for()
    _sim_page(page, name)
    picture(page, "sim-locked")
    page.get_by_label("PIN of the card now").fill("1234")
    page.get_by_label("New PIN, 4 to 8 digits").fill("9876")
    page.get_by_label("New PIN again").fill("9876")
    page.get_by_role("button", name="Change the PIN").click()
    page.get_by_text("Done.").wait_for()
    assert owned.store.read(Modem).value[name].sim_pin == "9876"  # type: ignore[index,union-attr]
    _sim_page(page, name)
    page.get_by_label("PIN of the card", exact=True).fill("0000")
    page.get_by_role("button", name="Stop asking").click()
    page.get_by_text("the SIM refused the PIN").wait_for()
    picture(page, "sim-refused")
    page.get_by_label("PIN of the card", exact=True).fill("9876")
    page.get_by_role("button", name="Stop asking").click()
    page.get_by_text("Done.").wait_for()


def _sim_page(page: Any, name: str) -> None:
    """The tool, once the modem is up again: a new PIN in the settings starts it anew."""
    for _ in range(100):
        page.goto(f"/modems/sim/{name}")
        if page.get_by_text("Tries left").count():
            return
        page.wait_for_timeout(200)
    raise AssertionError("the modem did not come up")


@both
def test_an_imei_is_written_after_warning_password_and_confirmation(
    owned: Running, visit: Any, scripts: bool
) -> None:
    page = sign_in(visit(java_script_enabled=scripts))
    page.goto("/modems/one/sim4")
    page.get_by_role("button", name="IMEI").click()
    page.get_by_text("unlawful in many countries").wait_for()
    page.get_by_text("Write the IMEI of a board that lost it").click()
    page.get_by_label("IMEI, 15 digits").fill("490154203237518")
    page.get_by_label("The same once more").fill("490154203237518")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Write the IMEI").click()
    page.get_by_text("Say that the IMEI is this modem's own").wait_for()
    page.get_by_label("The same once more").fill("490154203237518")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("It is the IMEI on this modem's own label").check()
    picture(page, "imei-confirm")
    page.get_by_role("button", name="Write the IMEI").click()
    page.get_by_text("The IMEI was written.").wait_for()


def test_an_administrator_is_told_on_the_page_that_is_open(owned: Running, visit: Any) -> None:
    page = sign_in(visit())
    with page.expect_response("**/live"):
        page.reload()
    other = sign_in(visit())
    other.goto("/messages/broadcast")
    other.get_by_label("Message", exact=True).fill("I restart the device at ten.")
    other.get_by_role("button", name="Tell them").click()
    page.get_by_text("ann: I restart the device at ten.").wait_for()
    picture(page, "told")


def test_a_token_for_the_figures_is_made_and_shown_once(owned: Running, visit: Any) -> None:
    page = sign_in(visit(java_script_enabled=False))
    page.goto("/connect")
    page.get_by_role("link", name="Figures for Prometheus", exact=True).click()
    page.get_by_role("button", name="Make a new token").click()
    page.get_by_text("It is shown this once").wait_for()
    picture(page, "metrics-token")
    page.goto("/connect/metrics")
    page.get_by_text("A token is set.").wait_for()
