"""Mail by the whole service: REST in, a real SMTP server at the end; and mail in, an SMS out."""

from __future__ import annotations

import base64
import email
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage, Message
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509

from app.mail.letter import words_of
from app.settings.mail import EmailAccount, LocalSmtp
from app.settings.subscribers import SubscriberMqtt, SubscriberRedis
from bench.client import Client
from bench.ports import free_port
from bench.rig import PASSWORD, USER, Gateway, Simulators
from tests.brokers.certificates import make_certificates
from tests.brokers.peers import MqttPeer, RedisPeer
from tests.brokers.servers import PASSWORD as WORD_THERE
from tests.brokers.servers import USER as USER_THERE
from tests.brokers.servers import Mosquitto, Redis
from tests.mail.servers import MailServer, running
from tests.wanting import need


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


def words_to(receiver: str, server: MailServer) -> str:
    """The text of the only mail somebody got."""
    (mail,) = [one for one in server.mails if one.recipients == [receiver]]
    return words_of(mail.octets)


BROKERS = {
    "mosquitto": (Mosquitto, SubscriberMqtt, {"client_id": "otp-pi"}, MqttPeer),
    "redis": (Redis, SubscriberRedis, {"mode": "list", "username": USER_THERE, "password": WORD_THERE},
              lambda port: RedisPeer(port, "list")),
}  # fmt: skip


@pytest.mark.parametrize("broker", BROKERS)
def test_every_command_to_an_address_by_a_broker(
    broker: str, gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    kind, section, options, peer_of = BROKERS[broker]
    need(kind.missing())
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    there = kind(tmp_path / broker, make_certificates(certificates))
    there.start()
    try:
        with running(MailServer()) as server:
            service = gateway({}, log="INFO")
            service.put(EmailAccount, "office", **account(server.port))
            service.store.save(
                section, section(enable=True, host="127.0.0.1", port=there.port, topic="sms", **options)
            )
            service.start(ready=False)
            peer = peer_of(there.port)
            replies = (f"reply{number}" for number in range(10))

            def ask(command: str, **data: object) -> dict[str, Any]:
                answer: dict[str, Any] = peer.ask("sms", {"command": command, "data": data}, next(replies))
                return answer

            if broker == "mosquitto":  # what is published before the first subscription is for nobody
                await_log(service, "mqtt: connected")
            for command in ("send-email", "send-mail", "send-message"):
                to = f"{command}@example.org"
                data = {"id": command, "receiver": to, "subject": "Grüße", "message": f"by {command}"}
                assert ask(command, **data) == {
                    "command": command,
                    "response_code": "0000",
                    "data": {"id": command},
                }
                assert words_to(to, server) == f"by {command}"
            known = {"reference": "r1", "receiver": "eve@example.org"}
            asked = ask("request-otp", message="Code %s", subject="Code", **known)
            assert (asked["response_code"], asked["data"]) == ("0000", known)
            code = words_to("eve@example.org", server).removeprefix("Code ")
            verified = ask("verify-otp", otp=code, **known)
            assert (verified["response_code"], verified["data"]) == ("0000", known)

            server.refusals["RCPT"] = "550 5.1.1 no such person here"
            failed = ask("send-email", receiver="nobody@example.org", message="x")
            assert (failed["response_code"], failed["reason"]) == ("1102", "mail_failed")
            assert failed["error"].endswith("refused the recipient: 550 5.1.1 no such person here")
            failed = ask("request-otp", reference="r2", receiver="nobody@example.org", message="%s")
            assert (failed["response_code"], failed["reason"]) == ("1102", "mail_failed")
    finally:
        there.close()


def await_log(service: Gateway, words: str) -> None:
    until = time.monotonic() + 60
    while words not in service.log.read_text():
        assert time.monotonic() < until, service.tail()
        time.sleep(0.05)


def test_the_answer_has_the_words_of_the_server_that_refused(gateway: Callable[..., Gateway]) -> None:
    with running(MailServer(refusals={"DATA": "554 5.7.1 your mail looks like spam"})) as server:
        service = gateway({})
        service.put(EmailAccount, "office", **account(server.port))
        service.start(ready=False)
        client = Client(service.port)
        for command, data in (
            ("send-email", {"subject": "s"}),
            ("send-message", {}),
            ("request-otp", {"reference": "r", "message": "%s"}),
        ):
            answer = client.call(command, **{"receiver": "ann@example.org", "message": "hello", **data})
            assert (answer["response_code"], answer["reason"]) == ("1102", "mail_failed"), answer
            assert "554 5.7.1 your mail looks like spam" in answer["error"]
    assert server.mails == []


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
    with opened(door) as mail:
        with pytest.raises(smtplib.SMTPSenderRefused):
            mail.send_message(letter)  # nobody signed in
        mail.login(USER, PASSWORD)
        mail.send_message(letter)
    (received,) = world.order("inbox")["messages"]
    assert (received["number"], received["text"]) == ("+6281234567890", "by mail")


def test_the_local_server_signs_users_in_over_the_devices_own_certificate(
    post: tuple[Post, int], gateway: Callable[..., Gateway]
) -> None:
    handler, port = post
    service = gateway({})
    service.put(EmailAccount, "office", **account(port))
    door = free_port()
    service.store.save(LocalSmtp, LocalSmtp(active=True, port=door))  # all else as it is by default
    service.start(ready=False)
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "app@example.org", "ann@example.org", "Hello"
    letter.set_content("by STARTTLS")
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with opened(door) as mail:
        mail.ehlo()
        assert "auth" not in mail.esmtp_features  # a password is never asked for in the clear
        mail.starttls(context=anybody)
        octets = mail.sock.getpeercert(binary_form=True)  # type: ignore[union-attr]
        names = x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert "otppi.lan" in names.value.get_values_for_type(x509.DNSName)
        with pytest.raises(smtplib.SMTPSenderRefused):
            mail.send_message(letter)
        mail.login(USER, PASSWORD)
        mail.send_message(letter)
    ((to, received),) = handler.letters
    assert to == ["ann@example.org"] and words(received) == "by STARTTLS"
    assert received["Reply-To"] == "app@example.org"


def test_the_local_server_is_no_open_relay(
    post: tuple[Post, int], gateway: Callable[..., Gateway], simulators: Callable[..., Simulators]
) -> None:
    """What spammers try, at a door that is open to the whole network; nothing may go out."""
    handler, port = post
    world = simulators(1)
    service = gateway({"m1": {"port": world.paths[0]}})
    service.put(EmailAccount, "office", **account(port))
    door = free_port()
    smtp = {"active": True, "port": door, "address": "0.0.0.0", "require_tls": False}
    service.store.save(LocalSmtp, LocalSmtp(**smtp, allowed_addresses=("127.0.0.9", "10.0.0.0/8")))
    service.start()
    tricks = [
        "ann@example.org", "ann%example.org@otppi.lan", "@otppi.lan:ann@example.org", "postmaster",
        "ann!otppi.lan@example.org", '"ann@example.org"@otppi.lan', "ann@example.org@otppi.lan",
        "081234567890@sms.otppi.lan", "postmaster@otppi.lan", "ann@[127.0.0.1]",
    ]  # fmt: skip
    senders = ["", "otp@example.com", "root@otppi.lan", "bench", "postmaster@localhost"]
    for sender in senders:
        for receiver in tricks:
            with opened(door) as mail:
                mail.ehlo("otppi.lan")
                mail.docmd("MAIL", f"FROM:<{sender}>")
                code, _ = mail.docmd("RCPT", f"TO:<{receiver}>")
                assert code >= 500, (sender, receiver)
                assert mail.docmd("DATA")[0] >= 500
    with opened(door, "127.0.0.9") as mail:  # the address that may
        letter = EmailMessage()
        letter["From"], letter["To"] = "app@example.org", "ann@example.org"
        letter.set_content("allowed")
        mail.send_message(letter)
    with opened(door) as mail:  # and a wrong password does not help
        mail.ehlo()
        assert mail.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0bench\0wrong").decode())[0] == 535
        assert mail.docmd("MAIL", "FROM:<bench@example.org>")[0] == 530
    assert [to for to, _ in handler.letters] == [["ann@example.org"]]
    assert world.order("inbox")["messages"] == []


def opened(door: int, source: str = "127.0.0.1") -> smtplib.SMTP:
    until = time.monotonic() + 60
    while True:
        try:
            return smtplib.SMTP("127.0.0.1", door, timeout=30, source_address=(source, 0))
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.05)
