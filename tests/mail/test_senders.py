"""Mail through the whole gateway: accounts in turn, known failures, unknown outcomes, and secrecy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.commands import RequestOtp, SendEmail, Source, VerifyOtp
from app.core.errors import NotSent, UnknownOutcome
from app.core.events import Event, MessageDone
from app.core.message import State
from app.mail.account import Account, Tls
from app.mail.direct import MailExchangers
from app.mail.letter import words_of
from app.mail.senders import Senders
from app.mail.session import Patience
from tests.mail.conftest import MailHouse, account
from tests.mail.servers import Authority, MailServer, Scripted, running
from tests.mail.test_session import UP_TO_DATA

SHOP = Source("rest", "shop")
Make = Callable[..., MailHouse]


def test_send_email_answers_when_the_server_took_it(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    reply = house.send(id="a1")
    assert (reply.code, reply.data) == ("0000", {"id": "a1"})
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("first@example.com", ["ani@example.com"])
    assert words_of(mail.octets) == "Your code is 123456."
    row = house.row("a1")
    assert (row.state, row.modem, row.name) == (State.SENT, "mail/first", "First")


def test_request_otp_to_an_address_and_its_verification(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    asked = RequestOtp("request-otp", "ref1", "Ani@Example.com", "Your code: %s", subject="Sign in")
    assert house.gateway.handle(asked, SHOP).result(30).code == "0000"
    code = words_of(server.mails[0].octets).removeprefix("Your code: ")
    assert code.isdigit() and len(code) == 6
    right = VerifyOtp("verify-otp", "ref1", "Ani@example.COM", code)
    assert house.gateway.handle(right, SHOP).result(30).code == "0000"


def test_an_otp_whose_mail_failed_leaves_the_reference_free(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    asked = RequestOtp("request-otp", "ref1", "ani@example.com", "Your code: %s")
    server.refusals["RCPT"] = "550 5.1.1 no such user"
    assert house.gateway.handle(asked, SHOP).result(30).reason == "mail_failed"
    server.refusals.clear()
    assert house.gateway.handle(asked, SHOP).result(30).code == "0000"


def test_mail_goes_by_the_accounts_in_turn(server: MailServer, make_house: Make) -> None:
    house = make_house(*(account(server.port, name) for name in ("a", "b", "c")))
    for _ in range(6):
        assert house.send().ok
    assert [mail.sender[0] for mail in server.mails] == ["a", "b", "c", "a", "b", "c"]


def test_the_next_account_sends_what_one_refused_and_the_ledger_tells_both_tries(
    server: MailServer, make_house: Make
) -> None:
    with running(MailServer(refusals={"MAIL": "550 5.7.1 no"})) as refusing:
        house = make_house(account(refusing.port, "bad"), account(server.port, "good"))
        assert house.send(id="a1").ok
        assert house.send(id="a2").ok
        assert refusing.sessions == 1, "the failing account was left alone after its first failure"
    row = house.row("a1")
    assert [(one.modem, one.result) for one in row.tries] == [
        ("mail/bad", "mail_failed"),
        ("mail/good", "sent"),
    ]
    assert [(one.modem, one.result) for one in house.row("a2").tries] == [("mail/good", "sent")]


def test_at_the_end_of_the_list_the_message_fails_with_the_servers_words(make_house: Make) -> None:
    refusals = {"DATA": "554 5.7.1 looks like spam"}
    with running(MailServer(refusals=refusals)) as one, running(MailServer(refusals=refusals)) as two:
        house = make_house(account(one.port, "a"), account(two.port, "b"))
        reply = house.send(id="a1")
    assert (reply.code, reply.reason) == ("1102", "mail_failed")
    assert reply.error == f"127.0.0.1:{two.port} refused the mail: 554 5.7.1 looks like spam"
    row = house.row("a1")
    assert (row.state, len(row.tries)) == (State.FAILED, 2)
    assert [one.sent_today for one in house.turns.standings()] == [0, 0]


def test_a_recipient_who_does_not_exist_is_not_asked_for_by_every_account(
    server: MailServer, make_house: Make
) -> None:
    server.refusals["RCPT"] = "550 5.1.1 no such user"
    house = make_house(*(account(server.port, name) for name in "abc"))
    reply = house.send()
    assert reply.error == f"127.0.0.1:{server.port} refused the recipient: 550 5.1.1 no such user"
    assert server.sessions == 1
    assert [one.error for one in house.turns.standings()] == ["", "", ""]


def test_silence_after_the_last_dot_is_unknown_and_no_other_account_tries(
    server: MailServer, make_house: Make
) -> None:
    with Scripted(*UP_TO_DATA, (b".\r\n", b""), Scripted.DROP) as silent:
        house = make_house(account(silent.port, "a"), account(server.port, "b"))
        reply = house.send(id="a1")
        said = silent.said
    assert (reply.code, reply.reason) == ("1102", "unknown_outcome")
    assert b".\r\n" in said
    assert server.mails == []
    row = house.row("a1")
    assert (row.state, row.modem) == (State.UNKNOWN, "mail/a")
    assert [one.sent_today for one in house.turns.standings()] == [1, 0]
    again = house.send(id="a1")
    assert (again.reason, again.duplicate) == ("unknown_outcome", True)
    assert server.mails == []


def test_a_connection_dropped_in_the_middle_of_the_mail_lets_the_next_account_send(
    server: MailServer, make_house: Make
) -> None:
    steps = (*UP_TO_DATA[:-1], (1, b""), Scripted.DROP)
    with Scripted(*steps) as dropping:
        house = make_house(account(dropping.port, "a"), account(server.port, "b"))
        assert house.send().ok
    assert len(server.mails) == 1


def test_an_unreachable_account_costs_its_timeout_once(server: MailServer, make_house: Make) -> None:
    with Scripted(Scripted.HANG) as silent:
        house = make_house(
            account(silent.port, "a"), account(server.port, "b"), patience=Patience(1.0, 1.0, 5.0)
        )
        began = time.monotonic()
        replies = [
            house.gateway.handle(SendEmail("send-email", "ani@example.com", f"{n}"), SHOP) for n in range(40)
        ]
        assert all(reply.result(60).ok for reply in replies)
        seconds = time.monotonic() - began
        assert silent.connections == 1, "forty mails, four threads, one try"
        assert seconds < 20
    assert len(server.mails) == 40


def test_without_an_account_the_answer_says_what_to_do(make_house: Make) -> None:
    reply = make_house().send()
    assert (reply.code, reply.reason) == ("1102", "mail_failed")
    assert reply.error == "no mail account is active: add one under e-mail accounts"


def test_accounts_at_their_limit_say_so(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port, daily_limit=1))
    assert house.send().ok
    assert house.send().error == (
        "every mail account has sent its daily limit: add one, or wait for midnight"
    )
    house.day = "2026-11-21"
    assert house.send().ok


def test_without_a_record_that_it_may_be_out_the_mail_is_not_finished(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(account(server.port))
    house.database.submit(
        lambda connection: connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF state ON message WHEN NEW.state = 'sending'"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    ).wait()
    reply = house.send()
    assert (reply.code, reply.reason) == ("1102", "storage")
    assert "disk full" in reply.error
    assert server.mails == []
    assert house.turns.standings()[0].sent_today == 0


def test_an_international_address_through_a_server_that_cannot_then_one_that_can(
    server: MailServer, make_house: Make
) -> None:
    with running(MailServer(international=False)) as old:
        house = make_house(account(old.port, "a"), account(server.port, "b"))
        assert house.send(receiver="användare@bücher.example").ok
        assert old.mails == []
    assert server.mails[0].recipients == ["användare@xn--bcher-kva.example"]


def test_a_full_queue_refuses_at_once(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    idle = Senders(house.turns, house.clock, house.senders.identity)  # never started: nothing leaves it
    from app.mail import senders

    class Waiting:
        message = None

    for _ in range(senders.LONGEST_QUEUE):
        idle.submit(Waiting())  # type: ignore[arg-type]
    with pytest.raises(NotSent) as caught:
        idle.submit(Waiting())  # type: ignore[arg-type]
    assert caught.value.reason == "queue_full"


def test_what_waits_when_the_service_stops_goes_out_after_the_next_start(
    server: MailServer, tmp_path: Path
) -> None:
    from app.core.recovery import recover

    gate = threading.Event()
    server.before_verdict = lambda mail: gate.wait(20) and None
    house = MailHouse(tmp_path, threads=1)
    house.turns.load([account(server.port)])
    for number in range(3):
        taken = house.gateway.take(
            SendEmail("send-email", "ani@example.com", f"text {number}", id=f"m{number}"), SHOP
        )
        assert taken.ok
    server.wait_for(1)
    stopper = threading.Thread(target=house.close)
    stopper.start()
    gate.set()
    stopper.join(30)
    house = MailHouse(tmp_path)
    try:
        house.turns.load([account(server.port)])
        recover(house.ledger, house.spool, house.intake, house.clock)
        server.wait_for(3)
    finally:
        house.close()
    assert sorted(words_of(mail.octets) for mail in server.mails) == ["text 0", "text 1", "text 2"]


# Nothing ends without an outcome


@pytest.mark.parametrize("domain", ["müller..de", "ü" * 70 + ".de", "a..de", "a" * 64 + ".de"])
def test_a_domain_that_can_be_none_ends_the_mail_at_once(make_house: Make, domain: str) -> None:
    house = make_house(exchangers=MailExchangers())
    command = SendEmail("send-email", f"x@{domain}", "Subject: x\r\n\r\nx\r\n")
    reply = house.gateway.handle(command, Source("smtp", "shop")).result(30)
    assert (reply.reason, reply.error) == ("mail_failed", f"the domain {domain} is not a domain name")


def test_an_unforeseen_error_of_the_search_ends_the_mail(make_house: Make) -> None:
    def broken(domain: str) -> list[Account]:
        raise RuntimeError("whatever")

    house = make_house(exchangers=broken)
    command = SendEmail("send-email", "x@example.com", "Subject: x\r\n\r\nx\r\n")
    reply = house.gateway.handle(command, Source("smtp", "shop")).result(30)
    assert reply.reason == "mail_failed" and "unforeseen error" in reply.error


def test_an_unforeseen_error_anywhere_ends_the_mail_as_unknown(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(account(server.port))

    def broken(*_: object) -> None:
        raise RuntimeError("whatever")

    monkeypatch.setattr(house.turns, "take", broken)
    assert house.send().reason == "unknown_outcome"
    monkeypatch.undo()
    assert house.send().ok, "the threads are still there"


def test_a_mail_that_cannot_be_written_is_no_fault_of_the_accounts(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise UnicodeEncodeError("ascii", "x", 0, 1, "whatever")

    house = make_house(account(server.port, "a"), account(server.port, "b"))
    monkeypatch.setattr(house.senders, "letter", broken)
    assert house.send().reason == "mail_failed"
    assert [one.error for one in house.turns.standings()] == ["", ""]
    monkeypatch.undo()
    assert house.send().ok


def test_a_job_that_was_told_its_outcome_does_not_end_again(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(account(server.port))
    heard: list[Event] = []

    def broken(event: Event) -> None:
        heard.append(event)
        if isinstance(event, MessageDone):
            raise RuntimeError("whatever")

    monkeypatch.setattr(house.delivery, "announce", broken)
    assert house.send(id="a1").ok
    assert house.send(id="a2").ok
    assert [house.row(one).state for one in ("a1", "a2")] == [State.SENT, State.SENT]


def test_a_database_that_cannot_be_read_ends_the_mail(server: MailServer, make_house: Make) -> None:
    house = make_house(account(server.port))
    house.database.submit(lambda connection: connection.execute("DROP TABLE mail_usage")).wait()
    reply = house.send()
    assert reply.reason == "storage" and "reading the state database failed" in reply.error


def test_a_mail_that_another_device_has_is_left_to_it(
    server: MailServer, make_house: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Taken:
        def wait(self) -> None:
            raise UnknownOutcome("another device has this message; this one does not send it")

    house = make_house(account(server.port, "a"), account(server.port, "b"))
    monkeypatch.setattr(house.ledger, "sending", lambda seq, modem: Taken())
    reply = house.send()
    assert (reply.reason, server.mails) == ("unknown_outcome", [])
    assert [(one.error, one.sent_today) for one in house.turns.standings()] == [("", 0), ("", 0)]
    assert server.sessions == 1, "no other account tries"


def test_nothing_secret_is_in_log_database_or_error_at_debug(
    authority: Authority, make_house: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(MailServer(tls=authority.for_servers(), users={"u": "sesame-open"})) as good:
        good.refusals["RCPT"] = "450 4.2.0 later"
        house = make_house(
            account(good.port, tls=Tls.STARTTLS, login="u", password="sesame-open"),
            tls=authority.for_clients(),
        )
        asked = RequestOtp("request-otp", "ref1", "ani@example.com", "Rahasia kode %s", subject="Judul")
        errors = house.gateway.handle(asked, SHOP).result(30).error
        good.refusals.clear()
        codes: list[str] = []
        good.before_verdict = lambda mail: codes.append(words_of(mail.octets).removeprefix("Rahasia kode "))
        assert house.gateway.handle(asked, SHOP).result(30).ok
    assert "First C: AUTH PLAIN ***" in caplog.text
    [code] = codes
    house.database.submit(lambda connection: None).wait()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    own = "\n".join(
        record.getMessage()
        for record in caplog.records
        if record.name != "mail.log"  # the test's own server
    )
    for secret in (code, "Rahasia", "Judul", "sesame-open", "AHUAc2VzYW1lLW9wZW4="):
        assert secret not in own + errors
        assert secret.encode() not in kept
    assert "ani@example.com" not in own
