"""The local SMTP server: known users and addresses only, mail and SMS through the gateway, never a relay."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.message import State
from app.mail.parcel import SHORTEST_LINE, Room
from app.mail.reception import LARGEST_MAIL, MOST_STATIONS, Reception, Visitor
from app.mail.server import MOST_CONNECTIONS, LocalServer
from app.settings.mail import LocalSmtp
from tests.mail.conftest import MailHouse, account
from tests.mail.servers import Authority, MailServer, Scripted, running
from tests.mail.test_session import UP_TO_DATA

Make = Callable[..., MailHouse]


@dataclass
class Users:
    """The API users' door-keeper, as far as the server needs one."""

    known: dict[str, tuple[str, Visitor]] = field(default_factory=dict)
    tries: list[tuple[str, str]] = field(default_factory=list)

    def sign_in(self, username: str, password: str, address: str) -> Visitor | None:
        self.tries.append((username, address))
        right, visitor = self.known.get(username, ("", None))
        return visitor if visitor and password == right else None


SHOP = {"shop": ("sesame-open", Visitor("shop"))}
MAIL = b"From: Alarm <alarm@nvr.lan>\r\nSubject: Door\r\n\r\nThe door is open.\r\n"


@contextmanager
def local(
    house: MailHouse,
    users: dict[str, tuple[str, Visitor]] | None = None,
    tls: ssl.SSLContext | None = None,
    listen_on: int = 0,
    room: Room | None = None,
    **more: Any,
) -> Iterator[tuple[int, Users]]:
    settings = LocalSmtp(**({"active": True, "port": 1, "require_tls": False} | more)).model_copy(
        update={"port": listen_on}
    )
    guard = Users(SHOP if users is None else users)
    reception = Reception(settings, guard, lambda: house.intake.numbering)
    server = LocalServer(reception, house.gateway, lambda: tls, room)
    port = server.start()
    try:
        yield port, guard
    finally:
        server.stop()


def signed_in(port: int) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", port, timeout=30)
    client.ehlo("nvr.lan")
    client.login("shop", "sesame-open")
    return client


def eventually(true: Callable[[], bool]) -> bool:
    for _ in range(500):
        if true():
            return True
        threading.Event().wait(0.02)
    return False


# Who may send


def test_nobody_unknown_may_send_to_anybody(server: MailServer, make_house: Make) -> None:
    """An open relay would take any of these."""
    house = make_house(account(server.port))
    with local(house) as (port, _):
        for sender in ("<>", "<a@example.com>", "<alarm@otppi.lan>", "<postmaster@localhost>"):
            for recipient in (
                "<victim@example.net>",
                "<victim%example.net@otppi.lan>",
                "<@otppi.lan:victim@example.net>",
                "<victim@example.net@otppi.lan>",
                "<+628123456789@sms.otppi.lan>",
            ):
                with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                    client.ehlo("relay.test")
                    assert client.docmd("MAIL", f"FROM:{sender}")[0] == 530
                    assert client.docmd("RCPT", f"TO:{recipient}")[0] in (503, 530)
                    assert client.docmd("DATA")[0] in (503, 530)
    assert server.mails == []
    assert house.fleet.jobs == []
    assert house.database.read("SELECT count(*) FROM message") == [(0,)]


def test_commands_in_one_breath_do_not_slip_past_the_door(server: MailServer, make_house: Make) -> None:
    with local(make_house(account(server.port))) as (port, _):
        with socket.create_connection(("127.0.0.1", port), 30) as raw:
            raw.sendall(
                b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n"
                b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
            )
            answers = b""
            while piece := raw.recv(4096):
                answers += piece
        assert b"354" not in answers
    assert server.mails == []


def test_a_known_user_may_send(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    with local(house) as (port, users):
        client = signed_in(port)
        assert client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL) == {}
        client.quit()
        assert users.tries == [("shop", "127.0.0.1")]
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("first@example.com", ["ani@example.com"])
    assert mail.octets.endswith(b"\r\n\r\nThe door is open.\r\n")
    assert b"From: Alarm <first@example.com>\r\nReply-To" not in mail.octets
    assert b"Reply-To: Alarm <alarm@nvr.lan>\r\n" in mail.octets
    [row] = house.database.read("SELECT owner, state, name FROM message")
    assert row == ("smtp:shop", "sent", "First")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_wrong_passwords_end_the_connection(make_house: Make, mechanism: str) -> None:
    with local(make_house()) as (port, users):
        client = smtplib.SMTP("127.0.0.1", port, timeout=30)
        client.ehlo()
        codes = []
        client.user, client.password = "shop", "wrong"
        how = client.auth_plain if mechanism == "PLAIN" else client.auth_login
        for _ in range(3):
            with pytest.raises(smtplib.SMTPException) as caught:
                client.auth(mechanism, how)
            codes.append(getattr(caught.value, "smtp_code", 0))
        assert codes[:2] == [535, 535] and codes[2] in (421, 0)
        with pytest.raises((smtplib.SMTPException, OSError)):
            client.docmd("NOOP")
        assert len(users.tries) == 3


@pytest.mark.parametrize("blob", ["AAAA", "!!", "AHNob3A=", ""])
def test_credentials_that_cannot_be_read_are_refused(make_house: Make, blob: str) -> None:
    with local(make_house()) as (port, users), smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo()
        code, _ = client.docmd("AUTH", f"PLAIN {blob}".rstrip())
        if code == 334:
            code, _ = client.docmd("=")
        assert code in (501, 535)
        assert users.tries == []


def test_an_allowed_address_needs_no_password(server: MailServer, make_house: Make) -> None:
    with (
        local(make_house(account(server.port)), allowed_addresses=["127.0.0.0/8"]) as (port, _),
        smtplib.SMTP("127.0.0.1", port, timeout=30) as client,
    ):
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
    assert len(server.mails) == 1


def test_another_address_does(server: MailServer, make_house: Make) -> None:
    with (
        local(make_house(account(server.port)), allowed_addresses=["192.168.7.0/24", "::1"]) as (port, _),
        smtplib.SMTP("127.0.0.1", port, timeout=30) as client,
        pytest.raises(smtplib.SMTPSenderRefused),
    ):
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)


def test_passwords_are_taken_over_tls_only(
    server: MailServer, make_house: Make, authority: Authority
) -> None:
    with local(make_house(account(server.port)), require_tls=True, tls=authority.for_servers()) as (
        port,
        users,
    ):
        client = smtplib.SMTP("127.0.0.1", port, timeout=30)
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AHNob3AAc2VzYW1lLW9wZW4=")[0] == 538
        assert users.tries == []
        client.starttls(context=authority.for_clients())
        client.ehlo()
        client.login("shop", "sesame-open")
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        client.quit()
    assert len(server.mails) == 1


def test_a_user_sends_only_what_it_may(server: MailServer, make_house: Make) -> None:
    mail_only = {"shop": ("sesame-open", Visitor("shop", frozenset({"send-email"})))}
    with local(make_house(account(server.port)), mail_only) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail("alarm@nvr.lan", ["08123456789@sms.otppi.lan"], MAIL)
        assert caught.value.recipients["08123456789@sms.otppi.lan"][0] == 550
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        client.close()


def test_a_user_over_its_limit_is_asked_to_come_back(make_house: Make) -> None:
    limited = {"shop": ("sesame-open", Visitor("shop", per_minute=60, take=lambda messages: 17))}
    with local(make_house(), limited) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        assert caught.value.smtp_code == 451
        assert b"try again in 17 s" in bytes(caught.value.smtp_error)
        client.close()


def test_all_recipients_of_a_mail_count_against_the_limit_at_once(
    server: MailServer, make_house: Make
) -> None:
    taken: list[int] = []
    limited = Visitor("shop", per_minute=3, take=lambda messages: taken.append(messages) or 0)  # type: ignore[func-returns-value]
    with local(make_house(account(server.port)), {"shop": ("sesame-open", limited)}) as (port, _):
        client = signed_in(port)
        client.sendmail("alarm@nvr.lan", ["a@example.com", "b@example.com", "c@example.com"], MAIL)
        client.close()
    assert taken == [3]


def test_a_mail_with_more_recipients_than_the_limit_is_refused_for_good_and_costs_nothing(
    server: MailServer, make_house: Make
) -> None:
    """Asked to come back, its sender would take the whole minute each time and never get through."""
    taken: list[int] = []
    limited = Visitor("shop", per_minute=2, take=lambda messages: taken.append(messages) or 0)  # type: ignore[func-returns-value]
    with local(make_house(account(server.port)), {"shop": ("sesame-open", limited)}) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["a@example.com", "b@example.com", "c@example.com"], MAIL)
        assert caught.value.smtp_code == 550
        assert b"3 recipients" in bytes(caught.value.smtp_error)
        client.close()
    assert taken == [] and server.mails == []


# How much is here at a time


def test_a_mail_is_in_memory_once_however_many_its_recipients(make_house: Make) -> None:
    house = make_house()
    reception = Reception(LocalSmtp(), Users(), lambda: house.intake.numbering)
    first, second = reception.commands(["a@example.com", "b@example.com"], MAIL)
    assert first.message is second.message
    assert first.message == MAIL.decode("latin-1")


def test_more_mail_than_there_is_room_for_is_asked_to_come_back(server: MailServer, make_house: Make) -> None:
    gate = threading.Event()
    server.before_verdict = lambda mail: gate.wait(20) and None
    # Each line counts for forty octets at least: four lines make 160.
    with local(make_house(account(server.port)), room=Room(200)) as (port, _):
        first, second = signed_in(port), signed_in(port)
        first.mail("alarm@nvr.lan")
        first.rcpt("ani@example.com")
        first.docmd("DATA")
        first.send(MAIL + b".\r\n")
        server.wait_for(1)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            second.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        assert caught.value.smtp_code == 452
        gate.set()
        assert first.getreply()[0] == 250
        second.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        first.close()
        second.close()
    assert len(server.mails) == 2


def test_the_room_of_a_visitor_who_left_is_free_again(make_house: Make) -> None:
    room = Room(200)
    with local(make_house(), room=room) as (port, _):
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        client.rcpt("ani@example.com")
        client.docmd("DATA")
        client.send(MAIL)
        assert eventually(lambda: room.free < 200)
        client.close()
        assert eventually(lambda: room.free == 200)


@pytest.mark.parametrize(
    "line", [b"\r\n" * 1000, b"x" * 998 + b"\r\n"], ids=["many short lines", "long lines"]
)
def test_a_mail_that_is_too_large_is_refused(make_house: Make, line: bytes) -> None:
    size = max(len(line), SHORTEST_LINE * line.count(b"\r\n"))
    with local(make_house()) as (port, _):
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        client.rcpt("ani@example.com")
        assert client.data(line * (LARGEST_MAIL // size + 1))[0] == 552
        assert client.noop()[0] == 250
        client.close()


def test_a_line_that_is_too_long_is_refused_and_the_rest_of_the_mail_is_no_command(make_house: Make) -> None:
    with local(make_house()) as (port, _):
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        client.rcpt("ani@example.com")
        assert client.data(b"Subject: x\r\n\r\n" + b"x" * 5000 + b"\r\n..\r\nNOOP\r\n")[0] == 500
        assert client.noop()[0] == 250
        client.close()


def test_leading_dots_arrive_as_they_were_written(server: MailServer, make_house: Make) -> None:
    with local(make_house(account(server.port))) as (port, _):
        client = signed_in(port)
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], b"Subject: x\r\n\r\n.\r\n..one\r\nend.\r\n")
        client.close()
    assert server.mails[0].octets.endswith(b"\r\n\r\n.\r\n..one\r\nend.\r\n")


# What a mail becomes


def send_sms(house: MailHouse, port: int, recipient: str, mail: bytes = MAIL) -> tuple[int, bytes]:
    """Hand a mail over while the fleet's one job is ended well."""
    done = threading.Event()

    def radio() -> None:
        while not done.wait(0.01):
            if house.fleet.jobs:
                house.fleet.send_next()

    thread = threading.Thread(target=radio)
    thread.start()
    try:
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        code, words = client.rcpt(recipient)
        if code == 250:
            code, words = client.data(mail)
        client.close()
        return code, words
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("recipient", "receiver"),
    [
        ("08123456789@sms.otppi.lan", "628123456789"),
        ("+62-812-3456789@SMS.otppi.LAN", "628123456789"),
        ("1414@sms.otppi.lan", "1414"),
    ],
)
def test_a_number_at_the_sms_domain_is_an_sms(make_house: Make, recipient: str, receiver: str) -> None:
    house = make_house()
    with local(house) as (port, _):
        code, _ = send_sms(house, port, recipient)
    assert code == 250
    [row] = house.database.read("SELECT receiver, command, owner, state FROM message")
    assert row == (receiver, "send-sms", "smtp:shop", "sent")


def test_the_sms_has_the_words_of_the_mail(make_house: Make) -> None:
    house = make_house()
    texts: list[str] = []
    take = house.fleet.take
    house.fleet.take = lambda: (lambda pair: (texts.append(pair[1].message.text), pair)[1])(take())  # type: ignore
    with local(house) as (port, _):
        send_sms(house, port, "1414@sms.otppi.lan")
    assert texts == ["The door is open."]


@pytest.mark.parametrize("recipient", ["nobody@sms.otppi.lan", "1@sms.otppi.lan", "a@b@c"])
def test_an_address_that_is_none_is_refused_at_once(make_house: Make, recipient: str) -> None:
    with local(make_house()) as (port, _):
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        assert client.rcpt(recipient)[0] in (501, 553)
        client.close()


def test_a_text_that_is_too_long_for_an_sms_is_refused(make_house: Make) -> None:
    house = make_house()
    with local(house) as (port, _):
        code, words = send_sms(house, port, "1414@sms.otppi.lan", b"Subject: x\r\n\r\n" + b"word \r\n" * 400)
    assert code == 554 and b"1530 characters" in words


def test_a_mail_in_a_circle_is_stopped(server: MailServer, make_house: Make) -> None:
    mail = b"Received: by otppi.lan\r\n" * (MOST_STATIONS + 1) + MAIL
    with local(make_house(account(server.port))) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["ani@example.com"], mail)
        assert caught.value.smtp_code == 554
        client.close()
    assert server.mails == []


# How its end is told


def test_the_answer_waits_for_the_outcome_and_has_its_words(server: MailServer, make_house: Make) -> None:
    server.refusals["RCPT"] = "550 5.1.1 no such user"
    with local(make_house(account(server.port))) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        assert caught.value.smtp_code == 554
        assert b"550 5.1.1 no such user" in bytes(caught.value.smtp_error)
        client.close()


def test_no_modem_now_is_worth_another_try_later(make_house: Make) -> None:
    house = make_house()
    house.fleet.open_lanes = []
    with local(house) as (port, _):
        code, words = send_sms(house, port, "1414@sms.otppi.lan")
    assert code == 451 and b"no modem is set up" in words


def test_an_unknown_outcome_is_not_to_be_tried_again(make_house: Make) -> None:
    with (
        Scripted(*UP_TO_DATA, (b".\r\n", b""), Scripted.DROP) as silent,
        local(make_house(account(silent.port))) as (port, _),
    ):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        assert caught.value.smtp_code == 554
        client.close()


def test_once_one_recipient_was_served_the_refusal_is_permanent(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    house.fleet.open_lanes = []
    with local(house) as (port, _):
        client = signed_in(port)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alarm@nvr.lan", ["ani@example.com", "1414@sms.otppi.lan"], MAIL)
        assert caught.value.smtp_code == 554
        assert b"1 of 2 were sent" in bytes(caught.value.smtp_error)
        client.close()
    assert len(server.mails) == 1


def test_a_visitor_who_leaves_does_not_take_the_mail_away(server: MailServer, make_house: Make) -> None:
    gate = threading.Event()
    server.before_verdict = lambda mail: gate.wait(20) and None
    house = make_house(account(server.port))
    with local(house) as (port, _):
        client = signed_in(port)
        client.mail("alarm@nvr.lan")
        client.rcpt("ani@example.com")
        client.docmd("DATA")
        client.send(MAIL + b".\r\n")
        server.wait_for(1)
        client.close()
        gate.set()
        for _ in range(200):
            [(state,)] = house.database.read("SELECT state FROM message")
            if state == State.SENT:
                break
            threading.Event().wait(0.05)
        assert state == State.SENT


def test_who_waits_for_an_outcome_is_not_idle(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is cut off while the mail is on its way sends it again."""
    monkeypatch.setattr("app.mail.server._IDLE", 0.5)
    server.before_verdict = lambda mail: threading.Event().wait(1.5) and None
    with local(make_house(account(server.port))) as (port, _):
        client = signed_in(port)
        assert client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL) == {}
        client.close()
    assert len(server.mails) == 1


def test_more_connections_than_allowed_are_asked_to_come_back(make_house: Make) -> None:
    with local(make_house()) as (port, _):
        clients = [smtplib.SMTP("127.0.0.1", port, timeout=30) for _ in range(MOST_CONNECTIONS)]
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            smtplib.SMTP("127.0.0.1", port, timeout=30)
        assert caught.value.smtp_code == 421
        for client in clients:
            client.quit()
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            assert client.noop()[0] == 250


def test_a_port_that_is_taken_is_told(make_house: Make) -> None:
    house = make_house()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = LocalSmtp(active=True, port=taken.getsockname()[1])
        server = LocalServer(Reception(settings, Users(), lambda: house.intake.numbering), house.gateway)
        with pytest.raises(OSError):
            server.start()


# Without an account


def test_without_an_account_mail_goes_to_the_recipients_own_server(make_house: Make) -> None:
    with running(MailServer()) as exchanger, running(MailServer(refusals={"RCPT": "451 4.3.0 busy"})) as busy:
        asked: list[str] = []

        def exchangers(domain: str) -> list[Any]:
            asked.append(domain)
            return [
                replace(account(busy.port, "mx1"), sender=""),
                replace(account(exchanger.port, "mx2"), sender=""),
            ]

        with local(make_house(exchangers=exchangers)) as (port, _):
            client = signed_in(port)
            client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
            client.close()
        [mail] = exchanger.mails
        assert asked == ["example.com"]
        assert mail.sender == "alarm@nvr.lan"
        assert b"From: Alarm <alarm@nvr.lan>" in mail.octets


def test_mail_of_the_rest_interface_does_not_go_without_an_account(make_house: Make) -> None:
    def exchangers(domain: str) -> list[Any]:
        raise AssertionError("nobody may be asked")

    assert make_house(exchangers=exchangers).send().reason == "mail_failed"


def test_nothing_of_mail_or_credentials_is_in_the_log_at_debug(
    server: MailServer, make_house: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with local(make_house(account(server.port))) as (port, _):
        client = signed_in(port)
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
        client.close()
    for secret in ("door is open", "sesame-open", "c2VzYW1lLW9wZW4", "AHNob3AAc2VzYW1lLW9wZW4="):
        assert secret not in caplog.text
    assert "ani@example.com" not in caplog.text


def test_the_server_names_itself_as_the_settings_say(make_house: Callable[..., MailHouse]) -> None:
    named = {"server_name": "mail.office.lan", "software_name": "Office gateway"}
    with local(make_house(), **named) as (port, _), smtplib.SMTP(timeout=30) as client:
        assert client.connect("127.0.0.1", port) == (220, b"mail.office.lan Office gateway")
        client.ehlo("nvr.lan")
        assert client.ehlo_resp is not None and client.ehlo_resp.startswith(b"mail.office.lan")
