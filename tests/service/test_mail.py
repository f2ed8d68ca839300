"""Mail by the whole service: REST in, a real SMTP server at the end; and mail in, an SMS out."""

from __future__ import annotations

import email
import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage, Message
from email.policy import SMTP
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from app.settings.mail import EmailAccount, LocalSmtp
from bench.client import Client
from bench.rig import PASSWORD, USER, Gateway, Simulators, free_port


class Post:
    """Keeps what an SMTP server takes."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.letters.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=SMTP)))
        return "250 taken"


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


def account(port: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "office",
        "smtp_host": "127.0.0.1",
        "port": port,
        "start_tls": False,
        "authentication": False,
        "sender_account": "otp@example.com",
        **more,
    }


def words(letter: Message) -> str:
    part = letter.get_body(preferencelist=("plain",))  # type: ignore[attr-defined]
    text: str = part.get_content()
    return text.strip()


def test_every_way_to_send_mail(
    post: tuple[Post, int], gateway: Callable[..., Gateway], simulators: Callable[..., Simulators]
) -> None:
    handler, port = post
    service = gateway({})
    service.put(EmailAccount, "office", **account(port))
    service.start(ready=False)
    client = Client(service.port)
    sent = client.call("send-email", receiver="ann@example.org", subject="Ünïque", message="Grüße")
    assert sent["response_code"] == "0000", sent
    sent = client.call("send-message", receiver="bob@example.org", message="two")
    assert sent["response_code"] == "0000", sent
    data = {"reference": "r1", "receiver": "eve@example.org"}
    asked = client.call("request-otp", subject="Code", message="Code %s", **data)
    assert asked["response_code"] == "0000", asked
    code = words(handler.letters[2][1]).removeprefix("Code ")
    assert client.call("verify-otp", otp=code, **data)["response_code"] == "0000"
    assert [to for to, _ in handler.letters] == [
        ["ann@example.org"],
        ["bob@example.org"],
        ["eve@example.org"],
    ]
    assert handler.letters[0][1]["Subject"] == "Ünïque" and words(handler.letters[0][1]) == "Grüße"


def test_without_a_server_the_reason_is_told_and_the_reference_is_free(
    gateway: Callable[..., Gateway],
) -> None:
    service = gateway({})
    service.put(EmailAccount, "office", **account(free_port()))
    service.start(ready=False)
    client = Client(service.port)
    for _ in range(2):
        asked = client.call("request-otp", reference="r1", receiver="eve@example.org", message="Code %s")
        assert (asked["response_code"], asked["reason"]) == ("1102", "mail_failed")


def test_mail_to_a_number_goes_out_as_an_sms(
    gateway: Callable[..., Gateway], simulators: Callable[..., Simulators]
) -> None:
    world = simulators(1)
    service = gateway({"m1": {"port": world.paths[0]}})
    door = free_port()
    service.store.save(LocalSmtp, LocalSmtp(active=True, port=door, require_tls=False))
    service.start()
    letter = EmailMessage()
    letter["From"], letter["To"] = "app@example.org", "081234567890@sms.otppi.lan"
    letter.set_content("by mail")
    until = time.monotonic() + 10
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", door, timeout=20) as mail:
                with pytest.raises(smtplib.SMTPSenderRefused):
                    mail.send_message(letter)  # nobody signed in
                mail.login(USER, PASSWORD)
                mail.send_message(letter)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.1)
    (received,) = world.order("inbox")["messages"]
    assert (received["number"], received["text"]) == ("+6281234567890", "by mail")
