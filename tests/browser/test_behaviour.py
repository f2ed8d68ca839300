"""What a person does in the pages: a lost password, the monitor, by keyboard alone, without JavaScript."""

from __future__ import annotations

import re
import threading
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from app.settings.api import Api
from app.settings.users import User
from tests.browser.conftest import PASSWORD, Running, picture, sign_in


def test_a_forgotten_password_is_replaced_by_an_sms(owned: Running, visit: Any) -> None:
    from app.settings.passwords import hash_password

    lost = User(username="lost", password=hash_password(PASSWORD), phone_number="628122000111")
    owned.store.put(User, "lost", lost)
    page = visit()
    page.goto("/login")
    page.get_by_role("link", name="I forgot my password").click()
    page.get_by_label("User name").fill("lost")
    page.get_by_role("button", name="Send the code").click()
    page.get_by_label("Code").wait_for()
    code = _read_on_the_handset(page, owned, r"(\d{6}) is your code to choose a new password")
    page.get_by_label("Code").fill(code)
    page.get_by_label("New password").fill("seven purple birds")
    picture(page, "forgot-code")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_text("Your new password is set").wait_for()
    sign_in(page, "lost", "seven purple birds")


def test_a_forgotten_password_is_replaced_by_a_mail(owned: Running, visit: Any) -> None:
    from app.mail.letter import words_of
    from app.settings.mail import EmailAccount
    from app.settings.passwords import hash_password
    from tests.mail.servers import MailServer, running

    mia = User(username="mia", password=hash_password(PASSWORD), email="mia@example.com")
    owned.store.put(User, "mia", mia)
    with running(MailServer()) as server:
        account = EmailAccount(
            name="post",
            smtp_host="127.0.0.1",
            port=server.port,
            start_tls=False,
            authentication=False,
            sender_account="otp@example.com",
        )
        owned.store.put(EmailAccount, "post", account)
        page = sign_in(visit())
        page.goto("/settings/email/item/post")
        page.get_by_label("Receiver").fill("ann@example.com")
        page.get_by_role("button", name="Send a test mail").click()
        page.get_by_text("C: MAIL FROM:<otp@example.com>").wait_for()  # the conversation, to read
        picture(page, "test-mail")
        page = visit()
        page.goto("/forgot")
        page.get_by_label("User name").fill("mia")
        page.get_by_role("button", name="Send the code").click()
        server.wait_for(2)
        code = re.findall(r"\b\d{6}\b", words_of(server.mails[-1].octets))[0]
        page.get_by_label("Code").fill(code)
        page.get_by_label("New password").fill("seven purple birds")
        page.get_by_role("button", name="Set the password").click()
        page.get_by_text("Your new password is set").wait_for()
    sign_in(page, "mia", "seven purple birds")
    owned.store.remove(EmailAccount, "post")


def test_a_page_of_another_origin_cannot_send_a_form_of_ours(owned: Running, visit: Any) -> None:
    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                f"<form method=post action='{owned.url}/services/api.enable_http'>"
                "<input name=do value=stop><input name=csrf-token value=x></form>"
                "<script>document.forms[0].submit()</script>".encode()
            )

        def log_message(self, *_: Any) -> None:
            pass

    evil = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    # 127.0.0.1 is the same site on any port, so the cookie comes along: it is the Origin that gives it away.
    # By the name localhost it is another site, and the cookie stays at home.
    told = {
        "127.0.0.1": "This request came from another site and was not carried out.",
        "localhost": "signed out",
    }
    for host, words in told.items():
        page = sign_in(visit())
        page.goto(f"http://{host}:{evil.server_address[1]}/")
        page.wait_for_url("**/services/api.enable_http")
        assert words in page.inner_text("main")
    evil.shutdown()
    evil.server_close()
    assert owned.store.read(Api).value.enable_http  # type: ignore[union-attr]


def _read_on_the_handset(page: Any, running: Running, pattern: str) -> str:
    for _ in range(200):
        if found := re.search(pattern, running.handset()):
            return found[1]
        page.wait_for_timeout(50)
    raise AssertionError("no such SMS came")


def _send(running: Running, receiver: str) -> None:
    body = f'{{"command":"send-sms","data":{{"receiver":"{receiver}","message":"hello"}}}}'.encode()
    token = b64encode(f"demo:{running.demo}".encode()).decode()
    asked = urllib.request.Request(f"{running.api}/api/message", body, {"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert b'"0000"' in answer.read()


def test_the_monitor_moves_while_messages_flow(owned: Running, visit: Any) -> None:
    page = sign_in(visit(1000, 700))
    page.goto("/modems/monitor")
    page.locator("#monitor rect").first.wait_for()
    with page.expect_response("**/live"):
        page.reload()
    page.evaluate(
        """() => {
          window.seen = new Set();
          new MutationObserver(() => {
            for (const mark of document.querySelectorAll("#monitor .mark"))
              window.seen.add(mark.getAttribute("transform"));
          }).observe(document.getElementById("monitor"), {subtree: true, childList: true, attributes: true});
        }"""
    )
    _send(owned, "081177776666")
    page.wait_for_function("window.seen.size > 10")
    _send(owned, "081377776666")
    page.locator("#monitor .mark").first.wait_for()
    assert "62813******66" in page.locator("#monitor").text_content()
    assert "6281377776666" not in page.content()
    picture(page, "monitor-moving")
    page.get_by_text("rest:demo → sim2").first.wait_for()


def test_the_ledger_shows_the_way_of_a_message_as_it_goes(owned: Running, visit: Any) -> None:
    page = sign_in(visit())
    page.goto("/messages/new")
    page.get_by_label("Receiver").fill("081155556666")
    page.get_by_label("Message").fill("a" * 161)
    page.get_by_text("2 parts").wait_for()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/messages/way/*")
    page.get_by_text("ended:").wait_for()  # comes by itself
    assert "tried by sim1" in page.inner_text("main")
    picture(page, "way-live")


def test_everything_is_reached_by_the_keyboard_alone(owned: Running, visit: Any) -> None:
    page = visit(1000, 800)
    page.goto("/login")
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    page.goto("/messages/new")
    _tab_to(page, "receiver")
    page.keyboard.type("081133332222")
    page.keyboard.press("Tab")
    page.keyboard.type("by keyboard")
    _tab_to(page, "Send")
    page.keyboard.press("Enter")
    page.wait_for_url("**/messages/way/*")
    page.goto("/settings/sms")
    _tab_to(page, "f-delivery_reports")
    page.keyboard.press("Space")
    _tab_to(page, "Save")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    page.goto("/settings/sms")
    assert page.locator("#f-delivery_reports").is_checked()


def _tab_to(page: Any, wanted: str) -> None:
    """Press Tab until the element with this id, or this text on it, has the focus, which must be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        here = page.evaluate("[document.activeElement.id, document.activeElement.textContent.trim()]")
        if wanted in here:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def test_settings_and_messages_work_without_javascript(owned: Running, visit: Any) -> None:
    page = sign_in(visit(java_script_enabled=False))
    page.goto("/settings/general")
    page.get_by_label("Device name").fill("Without scripts")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.goto("/messages/new")
    page.get_by_label("Receiver").fill("081122221111")
    page.get_by_label("Message").fill("plain")
    page.get_by_role("button", name="Count the parts").click()
    assert "1 part · GSM-7 · 5 of 160" in page.inner_text("main")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/messages/way/*")
    for _ in range(100):
        if "ended:" in page.inner_text("main"):
            break
        page.reload()
    assert "ended:" in page.inner_text("main")
    page.goto("/routing")
    page.get_by_label("Telephone number").fill("081112345678")
    page.get_by_role("button", name="Show the way").click()
    assert "prefix 62811" in page.inner_text("main")
    page.goto("/")
    assert "SIMs ready" in page.inner_text("main")
    page.goto("/system/status")
    assert "Status" in page.inner_text("h1")


def test_the_language_is_changed_on_any_page(owned: Running, visit: Any) -> None:
    page = sign_in(visit())
    page.goto("/modems")
    page.get_by_role("button", name="Bahasa Indonesia").click()
    page.get_by_role("heading", name="Modem", exact=True).wait_for()
    picture(page, "indonesian")
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Modems", exact=True).wait_for()


def test_where_a_code_is_sent_and_the_authenticator_take_the_password(owned: Running, visit: Any) -> None:
    import time

    from app.settings.passwords import hash_password
    from app.web.admin import totp

    owned.store.put(User, "dora", User(username="dora", password=hash_password(PASSWORD), role="viewer"))
    page = sign_in(visit(), "dora")
    page.goto("/account")
    reached = page.locator("form[action='/account']")
    reached.get_by_label("E-mail").fill("dora@example.com")
    reached.get_by_role("button", name="Save").click()
    page.get_by_text("The password is wrong. Nothing was changed.").wait_for()
    assert reached.get_by_label("E-mail").input_value() == "dora@example.com"
    reached.get_by_label("Password").fill(PASSWORD)
    picture(page, "account")
    reached.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_role("button", name="Set it up").click()
    key = page.locator("[name=key]").input_value()
    page.get_by_label("Code").fill(totp.code(key, int(time.time() // 30)))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Ask for it from now on").click()
    page.get_by_text("Signing in asks for a code of your app.").wait_for()
    assert owned.store.items(User)["dora"].email == "dora@example.com"


def test_a_backup_with_a_long_block_list_is_restored(owned: Running, visit: Any, tmp_path: Path) -> None:
    from app.settings.blocking import BlockedNumber

    numbers = {
        n: BlockedNumber(number=n, state="blocked", since=1, by="admin:ann")
        for n in (f"62819{i:07d}" for i in range(2000))
    }
    before = dict(owned.store.items(BlockedNumber))
    owned.store.save(BlockedNumber, {**before, **numbers})
    page = sign_in(visit())
    page.goto("/system/backup")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "backup.json")
    assert (tmp_path / "backup.json").stat().st_size > 200_000
    owned.store.save(BlockedNumber, before)
    page.get_by_label("Backup file").set_input_files(tmp_path / "backup.json")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("button", name="Put these settings in force").click()
    page.get_by_text("changes are in force").wait_for()
    assert len(owned.store.items(BlockedNumber)) == len(before) + 2000
    owned.store.save(BlockedNumber, before)
