"""A forgotten password by mail: the code comes through a real mail server, and so does what goes wrong."""

from __future__ import annotations

import re

from app.mail.letter import words_of
from app.settings.mail import EmailAccount
from app.settings.users import User
from tests.mail.servers import MailServer, running
from tests.web.admin.site import Client, Site, eventually, user

NEW = "five blue cows"


def account(port: int) -> EmailAccount:
    return EmailAccount(
        name="first",
        smtp_host="127.0.0.1",
        port=port,
        start_tls=False,
        authentication=False,
        sender_account="otp@example.com",
    )


def test_a_forgotten_password_is_replaced_by_a_code_sent_by_mail(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh()
    site.ready()
    site.store.put(User, "mia", user("mia", "operator", phone_number="", email="mia@example.com"))
    sent_before = len(site.received())
    with running(MailServer()) as server:
        site.store.put(EmailAccount, "first", account(server.port))
        eventually(lambda: "first" in site.service.settings.items(EmailAccount))
        client = Client(site, "127.0.0.31")
        old = Client(site).sign_in("mia")
        page = client.post("/forgot", {"username": "mia"})
        assert "If there is such a user, a code is on its way." in page.words
        server.wait_for(1)
        mail = server.mails[0]
        assert mail.recipients == ["mia@example.com"]
        code = re.findall(r"\b\d{6}\b", words_of(mail.octets))[0]
        page = client.post("/forgot/code", {"username": "mia", "code": code, "password": NEW})
        assert "Your new password is set" in page.words
    Client(site).sign_in("mia", NEW)
    assert old.get("/").location == "/login"  # who was signed in with the old one is out
    assert len(site.received()) == sent_before
    audit = site.service.admin.house.audit
    eventually(lambda: any(one.what == "password-recovered" for one in audit.page(0, 100)))
    assert not any(code in f"{one.what} {one.detail}" for one in audit.page(0, 100))


def test_a_mail_that_cannot_be_sent_gives_the_same_answer(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh()
    site.store.put(User, "mia", user("mia", "operator", phone_number="", email="mia@example.com"))
    client = Client(site, "127.0.0.32")
    there, nobody = (client.post("/forgot", {"username": name}) for name in ("mia", "zoe"))
    strip = lambda page: re.sub(r'value="[^"]*"', "", page.text)  # noqa: E731
    assert (there.status, strip(there)) == (nobody.status, strip(nobody))
