"""Words to people: administrators told at work, a test mail's conversation, a message's way with reports."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from app.settings.mail import EmailAccount
from app.web.admin.live import Live
from hw.sim.faults import Fault
from tests.web.admin.site import Client, Site, eventually


def test_administrators_who_are_logged_in_are_told(site: Site, ann: Client) -> None:
    other, vera = Client(site).sign_in("ann"), Client(site).sign_in("vera")
    oscar = Client(site).sign_in("oscar")
    page = oscar.post("/messages/broadcast", {"text": "  restarting at  ten <b>o'clock</b> "})
    assert page.location == "/messages/broadcast"
    assert "oscar: restarting at ten <b>o'clock</b>" in ann.get("/part/notices").words
    assert "oscar: restarting at ten" in other.get("/").words
    assert "restarting at ten" not in vera.get("/").words
    assert "restarting at ten" not in ann.get("/").words  # each notice once
    assert "The message is empty." in oscar.post("/messages/broadcast", {"text": " "}).words
    eventually(lambda: "broadcast restarting at ten" in ann.get("/system/audit").words)
    assert "ann" in oscar.get("/messages/broadcast").words


def test_open_pages_look_for_a_notice_at_once(site: Site) -> None:
    live: Live = site.door.live
    stream = live.stream(lambda: True)
    assert b"hello" in next(stream)
    live.tell()
    assert next(stream) == b"event: told\ndata: notice\n\n"
    stream.close()  # type: ignore[attr-defined]


@pytest.fixture
def mail_server() -> Iterator[int]:
    """A mail server of few words: it greets, and takes no mail."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.sendall(b"554 no service today\r\n")
                peer.recv(100)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_a_test_mail_shows_the_conversation(site: Site, ann: Client, mail_server: int) -> None:
    assert "No e-mail account is set up yet." in ann.get("/messages/mail").words
    account = EmailAccount(
        name="office",
        smtp_host="127.0.0.1",
        port=mail_server,
        start_tls=False,
        sender_account="pi@example.com",
        sender_password="hush",
    )
    site.store.put(EmailAccount, "office", account)
    eventually(lambda: "office" in site.service.settings.items(EmailAccount))
    page = ann.post("/messages/mail", {"account": "office", "receiver": "ann@example.com"})
    assert "554" in page.words and "The conversation with the server" in page.words
    assert "hush" not in page.text
    assert "save the account first" in ann.post("/messages/mail", {"account": "x", "receiver": "a@b.c"}).words
    assert Client(site).sign_in("oscar").get("/messages/mail").status == 403
    site.store.remove(EmailAccount, "office")


def test_the_way_of_a_message_shows_the_networks_report(site: Site, ann: Client) -> None:
    site.modem("sim1").report_status = 0
    page = ann.post(
        "/messages/new", {"receiver": "081288880001", "message": "a" * 161, "via": "sim1", "report": "on"}
    )
    eventually(lambda: "delivered" in ann.get(page.location).words)
    words = ann.get(page.location).words
    assert "report on part 1: delivered" in words and "report on part 2: delivered" in words
    plain = ann.post("/messages/new", {"receiver": "081288880002", "message": "no report", "via": "sim1"})
    eventually(lambda: "ended:" in ann.get(plain.location).words)
    assert "report on part" not in ann.get(plain.location).words


def test_the_way_of_a_message_shows_each_try(site: Site, ann: Client) -> None:
    site.modem("sim1").faults.add(Fault("prompt", "refuse", final="+CMS ERROR: 500"))
    page = ann.post("/messages/new", {"receiver": "081288880003", "message": "failover"})
    eventually(lambda: "ended:" in ann.get(page.location).words)
    words = ann.get(page.location).words
    assert "tried by sim1:" in words and "tried by sim2: sent" in words
