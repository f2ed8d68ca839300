"""The inbox in the pages: read, found, answered, marked, deleted, handed on; who may see what."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from app.settings.inbox import InboxRule
from tests.web.admin.site import Client, Page, Site, eventually

SENDER = "+628155000111"


def write(site: Site, text: str, sender: str = SENDER, modem: str = "sim1") -> str:
    """Somebody writes to a SIM card; the path of the message's page."""
    messages = site.service.exchange.messages
    before = messages.page(limit=1)
    newest = before[0].id if before else 0
    site.modem(modem).sms_in(sender, text)
    eventually(lambda: bool(messages.page(limit=1)) and messages.page(limit=1)[0].id > newest)
    return f"/inbox/{messages.page(limit=1)[0].id}"


def number_of(path: str) -> str:
    return path.rpartition("/")[2]


def test_a_message_is_listed_read_and_marked_as_read_by_opening_it(site: Site, ann: Client) -> None:
    path = write(site, "Apakah toko buka hari ini?")
    listed = ann.get("/inbox")
    assert "+628155000111 new" in listed.words and "Apakah toko buka hari ini?" in listed.words
    page = ann.get(path)
    assert "Apakah toko buka hari ini?" in page.words and "sim1" in page.words
    eventually(lambda: "+628155000111 new" not in ann.get("/inbox").words)
    ann.post(path, {"do": "unread"})
    eventually(lambda: "+628155000111 new" in ann.get("/inbox").words)


def test_messages_are_listed_by_sim_card_and_found_by_sender_or_words(site: Site, ann: Client) -> None:
    write(site, "berlian biru", "+628155000222", "sim1")
    write(site, "kopi susu", "+628155000333", "sim2")
    card = site.modem("sim2").card.iccid
    assert "kopi susu" in ann.get(f"/inbox?sim={card}").words
    assert "berlian biru" not in ann.get(f"/inbox?sim={card}").words
    assert "berlian biru" in ann.get("/inbox?search=BERLIAN").words
    assert "kopi susu" not in ann.get("/inbox?search=BERLIAN").words
    assert "kopi susu" in ann.get("/inbox?search=5000333").words
    assert "berlian biru" in ann.get("/part/inbox?search=berlian").words


def test_a_reply_goes_out_by_the_sim_card_that_was_written_to(site: Site, ann: Client) -> None:
    path = write(site, "Kirim harga?", "+628155000444", "sim2")
    assert '<option value="sim2" selected>' in ann.get(path).text
    page = ann.post(path, {"do": "reply", "message": "Rp 20.000", "via": "sim2"})
    assert page.location.startswith("/messages/way/")
    eventually(lambda: "tried by sim2" in ann.get(page.location).words)
    eventually(lambda: ("+628155000444", "Rp 20.000") in site.received())
    assert "The message is empty." in ann.post(path, {"do": "reply", "message": ""}).words


def test_a_sender_without_a_number_cannot_be_answered(site: Site, ann: Client) -> None:
    page = ann.get(write(site, "Promo!", "TOKOBESAR"))
    assert "This sender has no number that could be answered." in page.words


def test_messages_are_deleted_only_after_asking(site: Site, ann: Client) -> None:
    numbers = [number_of(write(site, f"hapus {n}", "+628155000555")) for n in range(2)]
    asked = ann.post("/inbox", [("id", numbers[0]), ("id", numbers[1]), ("do", "delete")])
    assert "Delete 2 messages?" in asked.words
    assert site.service.exchange.messages.one(int(numbers[0])) is not None
    ann.post("/inbox", [("id", numbers[0]), ("id", numbers[1]), ("do", "delete"), ("sure", "yes")])
    assert site.service.exchange.messages.one(int(numbers[0])) is None
    assert ann.get(f"/inbox/{numbers[0]}").status == 404
    eventually(lambda: "inbox.deleted 2 messages" in ann.get("/system/audit").words)
    assert "Tick the messages first." in ann.get(ann.post("/inbox", {"do": "read"}).location).words


def test_several_messages_are_marked_at_once(site: Site, ann: Client) -> None:
    numbers = [number_of(write(site, f"tandai {n}", "+628155000666")) for n in range(2)]
    ann.post("/inbox", [*(("id", one) for one in numbers), ("do", "read")])
    messages = site.service.exchange.messages
    eventually(lambda: all(messages.one(int(one)).read for one in numbers))  # type: ignore[union-attr]
    ann.post("/inbox", [*(("id", one) for one in numbers), ("do", "unread")])
    eventually(lambda: not any(messages.one(int(one)).read for one in numbers))  # type: ignore[union-attr]


def test_a_viewer_sees_that_messages_come_and_not_what_they_say_or_from_whom(site: Site) -> None:
    path = write(site, "sandi saya rahasia", "+628155000777")
    vera = Client(site).sign_in("vera")
    for shown in (
        vera.get("/inbox"),
        vera.get("/part/inbox"),
        vera.get(path),
        vera.get("/inbox?search=sandi"),
    ):
        assert shown.status == 200
        assert "rahasia" not in shown.text and "5000777" not in shown.text
    assert "+6281******77" in vera.get("/inbox").words
    assert not site.service.exchange.messages.one(int(number_of(path))).read  # type: ignore[union-attr]
    assert vera.post(path, {"do": "reply", "message": "x"}).status == 403


def test_an_operator_reads_answers_and_deletes(site: Site) -> None:
    path = write(site, "untuk operator", "+628155000888")
    oscar = Client(site).sign_in("oscar")
    assert "untuk operator" in oscar.get(path).words
    assert oscar.post(path, {"do": "reply", "message": "baik"}).location.startswith("/messages/way/")
    asked = oscar.post("/inbox", {"id": number_of(path), "do": "delete"})
    assert "Delete 1 message?" in asked.words


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_a_script_that_somebody_writes_by_sms_is_shown_as_text(site: Site, ann: Client) -> None:
    path = write(site, SCRIPT, "+628155000996")
    site.modem("sim1").menu["*666#"] = SCRIPT
    asked = ann.post("/modems/ussd", {"do": "ask", "modem": "sim1", "code": "*666#"})
    for page in (ann.get(path), ann.get("/inbox"), ann.get("/part/inbox"), asked):
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>alert" not in page.text and "<img src=x" not in page.text


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook that answers as the test says."""

    status = 500
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        Hook.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(Hook.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Hook.status, Hook.bodies = 500, []
    yield f"http://127.0.0.1:{server.server_port}/in"
    server.shutdown()
    server.server_close()


def test_what_rules_did_is_shown_and_handed_on_again(site: Site, ann: Client, hook: str) -> None:
    site.store.put(InboxRule, "toko", InboxRule(name="toko", webhook=hook, words="pesanan"))
    eventually(lambda: bool(site.service.exchange.forwarder.rules))
    path = write(site, "pesanan 12", "+628155000999")
    eventually(lambda: "waiting toko/webhook · 1 try · the webhook answered 500" in ann.get(path).words)
    assert re.search(r"toko/webhook Done: 0 Waiting: 1 Given up: 0", ann.get("/inbox").words)
    Hook.status = 204
    assert ann.post(path, {"do": "replay"}).location == path
    assert "Handed on again: 1." in ann.get(path).words
    eventually(lambda: "done toko/webhook" in ann.get(path).words)
    assert b"pesanan 12" in Hook.bodies[-1]
    assert "No rule fitted this message." in ann.get(write(site, "lain", "+628155000998")).words
    site.store.remove(InboxRule, "toko")


def test_what_was_given_up_is_handed_on_again_all_at_once(site: Site, ann: Client, hook: str) -> None:
    Hook.status = 200
    site.store.put(InboxRule, "kas", InboxRule(name="kas", webhook=hook, words="setoran"))
    eventually(lambda: any(rule.name == "kas" for rule in site.service.exchange.forwarder.rules))
    path = write(site, "setoran 7", "+628155000997")
    eventually(lambda: "done kas/webhook" in ann.get(path).words)
    outbox = site.service.exchange.outbox
    outbox.replay(int(number_of(path)), 4e9)  # due long from now, so that nobody else takes it
    rows = site.service.database.read("SELECT id FROM forward WHERE rule = 'kas/webhook'")
    outbox.give_up(rows[-1][0], 11, "the webhook answered 500")
    assert "Hand on again what was given up" in ann.get("/inbox").words
    before = len(Hook.bodies)
    assert ann.post("/inbox/forwarding").location == "/inbox"
    eventually(lambda: len(Hook.bodies) > before)
    site.store.remove(InboxRule, "kas")


def test_a_full_store_is_an_alarm_until_somebody_has_seen_it(site: Site, ann: Client) -> None:
    site.modem("sim1").say("+SMS FULL")
    sentence = "the message store of sim1 is full: nothing more arrives until it is read"
    eventually(lambda: sentence in ann.get("/inbox").words)
    assert sentence in ann.get("/").words and sentence in ann.get("/modems").words
    assert "penyimpanan pesan sim1 penuh" in seen_in_indonesian(ann, "/inbox").words
    handle = re.search(r'action="/alarms/(\w+)"', ann.get("/inbox").text)
    assert handle is not None
    assert ann.post(f"/alarms/{handle[1]}", {"from": "/inbox"}).location == "/inbox"
    assert sentence not in ann.get("/inbox").words
    eventually(lambda: "alarm.store_full" in ann.get("/system/audit").words)


def seen_in_indonesian(client: Client, path: str) -> Page:
    client.cookies["language"] = "id"
    page = client.get(path)
    del client.cookies["language"]
    return page
