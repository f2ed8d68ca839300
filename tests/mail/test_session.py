"""One letter and one server: TLS, signing in, refusals at each stage, slow, dropped and silent ones."""

from __future__ import annotations

import base64
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.mail.account import Account, Tls
from app.mail.letter import Letter
from app.mail.session import AccountFault, Failure, LetterFault, Patience, Session, Silence
from tests.mail.conftest import account
from tests.mail.servers import Authority, MailServer, Scripted, running

LETTER = Letter(
    "otp@example.com", "ani@example.com", b"Subject: S\r\n\r\nYour code is 123456.\r\n", private=("123456",)
)
SHORT = Patience(1.0, 1.5, 1.5)


def send(one: Account, letter: Letter = LETTER, **more: Any) -> str:
    options = {"tls": ssl.create_default_context(), "patience": SHORT} | more
    with Session(one, "otppi.lan", SystemClock(), **options) as session:
        session.offer(letter)
        return session.finish(letter)


def fails(kind: type[Failure], one: Account, letter: Letter = LETTER, **more: Any) -> str:
    with pytest.raises(kind) as caught:
        send(one, letter, **more)
    return str(caught.value)


def test_a_letter_goes_out_with_its_octets_unchanged(server: MailServer) -> None:
    letter = Letter("otp@example.com", "ani@example.com", b"Subject: S\r\n\r\n.dot\r\n..two\r\nend\r\n")
    assert send(account(server.port), letter) == "250 2.0.0 queued as 4711"
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("otp@example.com", ["ani@example.com"])
    assert mail.octets == b"Subject: S\r\n\r\n.dot\r\n..two\r\nend\r\n"


# TLS


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.FROM_START])
def test_tls_with_a_verified_certificate(tls: Tls, authority: Authority) -> None:
    server = MailServer(tls=authority.for_servers(), tls_from_start=tls is Tls.FROM_START, users={"u": "p"})
    with running(server):
        one = account(server.port, tls=tls, login="u", password="p")
        send(one, tls=authority.for_clients())
        assert [mail.account for mail in server.mails] == ["u"]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.FROM_START])
def test_a_certificate_nobody_vouches_for_gets_nothing(tls: Tls, authority: Authority) -> None:
    with running(MailServer(tls=authority.for_servers(), tls_from_start=tls is Tls.FROM_START)) as server:
        sentence = fails(AccountFault, account(server.port, tls=tls))
        what = "is not trusted: unable to get local issuer certificate"
        assert sentence == f"the certificate of 127.0.0.1:{server.port} {what}"
        assert server.mails == []


def test_a_certificate_for_another_name_gets_nothing(authority: Authority) -> None:
    tls = authority.for_servers(authority.strangers_file)
    with running(MailServer(tls=tls, tls_from_start=True)) as server:
        sentence = fails(AccountFault, account(server.port, tls=Tls.FROM_START), tls=authority.for_clients())
        assert "is not trusted: IP address mismatch" in sentence
        assert server.mails == []


def test_a_server_without_starttls_gets_nothing(server: MailServer) -> None:
    sentence = fails(AccountFault, account(server.port, tls=Tls.STARTTLS))
    assert sentence == f"127.0.0.1:{server.port} offers no STARTTLS; without it nothing is sent"
    assert server.mails == []


def test_words_slipped_in_before_tls_end_the_conversation(authority: Authority) -> None:
    steps = (
        (0, b"220 hi\r\n"),
        (1, b"250-hi\r\n250 STARTTLS\r\n"),
        (1, b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n"),
        Scripted.HANG,
    )
    with Scripted(*steps) as server:
        sentence = fails(AccountFault, account(server.port, tls=Tls.STARTTLS), tls=authority.for_clients())
        assert sentence.endswith("the server spoke before TLS began: somebody interferes")


# Signing in


def scripted_auth(*replies: bytes, mechanisms: bytes = b"PLAIN") -> Scripted:
    return Scripted(
        (0, b"220 hi\r\n"),
        (1, b"250-hi\r\n250 AUTH " + mechanisms + b"\r\n"),
        *((1, one) for one in replies),
        "drop",
    )


def test_plain_credentials_as_rfc_4616_writes_them() -> None:
    with scripted_auth(b"535 5.7.8 no\r\n") as server:
        fails(AccountFault, account(server.port, login="tim", password="tanstaaftanstaaf"))
        # RFC 4616 §4 has "\0tim\0tanstaaftanstaaf".
        assert server.said[1] == b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"


def test_login_asks_for_both_in_turn() -> None:
    with scripted_auth(
        b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"535 no\r\n", mechanisms=b"LOGIN"
    ) as server:
        fails(AccountFault, account(server.port, login="tim", password="tanstaaf"))
        assert server.said[1:] == [b"AUTH LOGIN\r\n", b"dGlt\r\n", b"dGFuc3RhYWY=\r\n"]


def test_in_the_clear_a_challenge_is_answered_rather_than_the_password_told() -> None:
    # The example of RFC 2195 §2.
    challenge = base64.b64encode(b"<1896.697170952@postoffice.reston.mci.net>")
    with scripted_auth(b"334 " + challenge + b"\r\n", b"535 no\r\n", mechanisms=b"PLAIN CRAM-MD5") as server:
        fails(AccountFault, account(server.port, login="tim", password="tanstaaftanstaaf"))
        assert server.said[1:] == [
            b"AUTH CRAM-MD5\r\n",
            b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n",
        ]


def test_a_password_in_utf8() -> None:
    with scripted_auth(b"535 no\r\n") as server:
        fails(AccountFault, account(server.port, login="ani", password="sandi✓"))
        assert server.said[1] == b"AUTH PLAIN AGFuaQBzYW5kaeKckw==\r\n"


def test_a_wrong_password_is_the_accounts_fault_in_the_servers_words(authority: Authority) -> None:
    with running(MailServer(users={"u": "right"})) as server:
        sentence = fails(AccountFault, account(server.port, login="u", password="wrong"))
        assert sentence == (
            f"127.0.0.1:{server.port} refused the account or its password: "
            "535 5.7.8 Authentication credentials invalid"
        )


def test_a_server_that_echoes_the_password_does_not_make_us_repeat_it() -> None:
    with scripted_auth(b"535 5.7.8 hunter22 is not the password of u\r\n") as server:
        sentence = fails(AccountFault, account(server.port, login="u", password="hunter22"))
        assert sentence.endswith("535 5.7.8 *** is not the password of u")


def test_a_server_that_offers_no_way_to_sign_in(server: MailServer) -> None:
    sentence = fails(AccountFault, account(server.port, login="u", password="p"))
    assert "offers no way to sign in" in sentence


# Refusals: whose fault each one is


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "hopeless"),
    [
        ("MAIL", "550 5.7.1 sender not allowed", AccountFault, None),
        ("MAIL", "451 4.3.0 try later", AccountFault, None),
        ("MAIL", "552 5.3.4 message too big", LetterFault, False),
        ("RCPT", "550 5.1.1 no such user", LetterFault, True),
        ("RCPT", "553 5.1.3 bad address", LetterFault, True),
        ("RCPT", "550 5.1.10 null MX", LetterFault, True),
        ("RCPT", "450 4.2.0 greylisted", LetterFault, False),
        ("RCPT", "554 5.7.1 relay access denied", LetterFault, False),
        ("RCPT", "421 4.3.2 closing", AccountFault, None),
        ("DATA", "554 5.7.1 spam", LetterFault, False),
        ("DATA", "550 5.4.5 daily sending limit exceeded", AccountFault, None),
        ("DATA", "452 4.3.1 no space", AccountFault, None),
        ("DATA", "421 closing", AccountFault, None),
    ],
)
def test_whose_fault_a_refusal_is(
    server: MailServer, stage: str, reply: str, kind: type[Failure], hopeless: bool | None
) -> None:
    server.refusals[stage] = reply
    with pytest.raises(kind) as caught:
        send(account(server.port))
    assert reply in str(caught.value)
    assert getattr(caught.value, "hopeless", None) is hopeless
    assert server.mails == []


def test_the_data_command_itself_refused() -> None:
    with Scripted(
        (0, b"220 hi\r\n"),
        (1, b"250 hi\r\n"),
        (1, b"250 ok\r\n"),
        (1, b"250 ok\r\n"),
        (1, b"554 5.7.1 no\r\n"),
    ) as server:
        sentence = fails(LetterFault, account(server.port))
        assert sentence == f"127.0.0.1:{server.port} refused the mail: 554 5.7.1 no"
        assert server.said[3] == b"DATA\r\n"


def test_a_refusal_that_quotes_the_mail_is_told_without_the_code(server: MailServer) -> None:
    server.refusals["DATA"] = "554 5.7.1 spam: Your code is 123456. for ani@example.com"
    assert fails(LetterFault, account(server.port)).endswith("spam: Your code is ***. for a***@example.com")


def test_a_server_that_greets_with_a_refusal() -> None:
    with Scripted((0, b"554 5.7.1 your address is on a list\r\n")) as server:
        sentence = fails(AccountFault, account(server.port))
        assert sentence.endswith("greeted us with: 554 5.7.1 your address is on a list")


def test_a_server_that_knows_only_helo() -> None:
    with Scripted(
        (0, b"220 hi\r\n"), (1, b"502 what\r\n"), (1, b"250 hi\r\n"), (1, b"550 5.7.1 stop\r\n")
    ) as server:
        fails(AccountFault, account(server.port))
        assert server.said[:3] == [
            b"ehlo otppi.lan\r\n",
            b"HELO otppi.lan\r\n",
            b"MAIL FROM:<otp@example.com>\r\n",
        ]


# International addresses


def test_an_international_recipient_with_a_server_that_knows_smtputf8(server: MailServer) -> None:
    letter = Letter(
        "otp@example.com", "användare@example.com", "To: användare@example.com\r\n\r\nx\r\n".encode(), True
    )
    send(account(server.port), letter)
    [mail] = server.mails
    assert mail.recipients == ["användare@example.com"]
    assert "SMTPUTF8" in mail.options


def test_an_international_recipient_with_a_server_that_does_not() -> None:
    with running(MailServer(international=False)) as server:
        letter = Letter("otp@example.com", "användare@example.com", b"x\r\n", True)
        assert "takes no international addresses" in fails(LetterFault, account(server.port), letter)


# Slow, dropped and silent connections

HELLO = ((0, b"220 hi\r\n"), (1, b"250 hi\r\n"))
UP_TO_DATA = (*HELLO, (1, b"250 ok\r\n"), (1, b"250 ok\r\n"), (1, b"354 go\r\n"))


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Scripted.DROP,),
        (HELLO[0], Scripted.DROP),
        (HELLO[0], (1, b""), Scripted.DROP),
        (*HELLO, (1, b""), Scripted.DROP),
        (*HELLO, (1, b"250 ok\r\n"), (1, b""), Scripted.DROP),
        (*HELLO, (1, b"250 ok\r\n"), (1, b"250 ok\r\n"), (1, b""), Scripted.DROP),
    ],
    ids=["at once", "before the greeting", "after it", "in EHLO", "in MAIL", "in RCPT", "in DATA"],
)
def test_a_connection_dropped_before_the_last_dot_sent_nothing(steps: tuple[Any, ...]) -> None:
    with Scripted(*steps) as server:
        sentence = fails(AccountFault, account(server.port))
        assert sentence.startswith(f"127.0.0.1:{server.port}")


@pytest.mark.parametrize(
    "steps",
    [(Scripted.HANG,), (HELLO[0], (1, b""), Scripted.HANG), (*HELLO, (1, b""), Scripted.HANG)],
    ids=["no greeting", "in EHLO", "in MAIL"],
)
def test_a_silent_server_costs_at_most_the_patience(steps: tuple[Any, ...]) -> None:
    with Scripted(*steps) as server:
        began = time.monotonic()
        assert fails(AccountFault, account(server.port)).endswith("did not answer in time")
        assert time.monotonic() - began < 10


def test_a_server_that_drips_its_words_costs_no_more() -> None:
    with Scripted((0, b"220-" + b"x" * 500 + b"\r\n", 0.05)) as server:
        began = time.monotonic()
        assert fails(AccountFault, account(server.port)).endswith("did not answer in time")
        assert time.monotonic() - began < 10


def test_a_reply_without_end_is_cut_off() -> None:
    with Scripted((0, b"220-more of it\r\n" * 20_000)) as server:
        assert fails(AccountFault, account(server.port)).endswith("the server's reply does not end")


def test_a_server_that_speaks_no_smtp() -> None:
    with Scripted((0, b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert fails(AccountFault, account(server.port)).endswith("the server speaks no SMTP")


@pytest.mark.parametrize("end", [Scripted.DROP, Scripted.HANG])
def test_silence_after_the_last_dot_is_an_unknown_outcome(end: str) -> None:
    # Four lines of mail and the dot are read before the server falls silent.
    with Scripted(*UP_TO_DATA, (4, b""), end) as server:
        sentence = fails(Silence, account(server.port))
        assert sentence.endswith("took the mail and said nothing more; it may have been sent")
        assert server.said[-1] == b".\r\n"


def test_an_answer_cut_off_after_the_last_dot_is_unknown_too() -> None:
    with Scripted(*UP_TO_DATA, (4, b"250"), Scripted.DROP) as server:
        fails(Silence, account(server.port))


def test_an_unfinished_letter_is_never_finished_by_leaving() -> None:
    class Stop(Exception):
        pass

    with Scripted(*UP_TO_DATA, (4, b"")) as server:
        with (
            pytest.raises(Stop),
            Session(
                account(server.port), "otppi.lan", SystemClock(), ssl.create_default_context(), patience=SHORT
            ) as session,
        ):
            session.offer(LETTER)
            raise Stop
        deadline = time.monotonic() + 10
        while len(server.said) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.said[4:] == [b"Subject: S\r\n", b"\r\n", b"Your code is 123456.\r\n", b""]


def test_nobody_listens() -> None:
    with Scripted() as server:
        port = server.port
    assert fails(AccountFault, account(port)) == f"127.0.0.1:{port} refused the connection: check the port"


def test_a_host_that_does_not_exist() -> None:
    one = Account("a", "A", "mail.invalid", 25, "otp@example.com", Tls.NONE)
    assert fails(AccountFault, one) == (
        "the name mail.invalid was not found: check the host name and the network"
    )


def test_no_credential_is_in_the_record_of_the_conversation(authority: Authority, tmp_path: Path) -> None:
    heard: list[str] = []
    with running(MailServer(tls=authority.for_servers(), users={"u": "sesame-open"})) as server:
        one = account(server.port, tls=Tls.STARTTLS, login="u", password="sesame-open")
        send(one, tls=authority.for_clients(), tell=lambda who, line: heard.append(f"{who}: {line}"))
    record = "\n".join(heard)
    assert "C: AUTH PLAIN ***" in heard
    assert "C: (the mail, 36 octets)" in heard
    assert "S: 250 2.0.0 queued as 4711" in heard
    for secret in ("sesame-open", base64.b64encode(b"\0u\0sesame-open").decode(), "123456"):
        assert secret not in record
