"""The test mail: the whole conversation to read, with credentials masked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.mail.account import Account, Tls
from app.mail.letter import words_of
from app.mail.trial import Trial, try_out
from app.store.database import Database
from app.store.mail import MailUsage
from tests.mail.conftest import IDENTITY, account
from tests.mail.servers import Authority, MailServer, running


@pytest.fixture
def usage(tmp_path: Path) -> Iterator[MailUsage]:
    database = Database(tmp_path / "state.db")
    yield MailUsage(database)
    database.close()


def try_it(one: Account, usage: MailUsage, authority: Authority, receiver: str = "ani@example.com") -> Trial:
    tls = authority.for_clients()
    return try_out(one, receiver, IDENTITY, SystemClock(), usage, "2026-11-20", tls)


def test_a_test_mail_shows_both_sides(usage: MailUsage, authority: Authority) -> None:
    with running(MailServer(tls=authority.for_servers(), users={"u": "sesame-open"})) as server:
        one = account(server.port, tls=Tls.STARTTLS, login="u", password="sesame-open")
        trial = try_it(one, usage, authority)
        assert trial.worked
        assert trial.sentence == f"127.0.0.1:{server.port} took the mail: 250 2.0.0 queued as 4711"
        assert words_of(server.mails[0].octets) == (
            "This is a test mail from OTP-Pi. If you can read it, the account First works."
        )
    lines = list(trial.lines)
    assert lines[0].startswith("S: 220 mail.test ")
    assert lines[1] == "C: ehlo otppi.lan"
    assert "C: STARTTLS" in lines and "C: (TLS begins)" in lines
    assert "C: AUTH PLAIN ***" in lines
    assert "C: MAIL FROM:<first@example.com> SIZE=" in "\n".join(lines)
    assert lines[-4:-2] == ["C: .", "S: 250 2.0.0 queued as 4711"]
    assert not any("sesame-open" in line or "AHUAc2VzYW1lLW9wZW4=" in line for line in lines)
    assert usage.of("2026-11-20") == {"first": 1}


def test_a_test_mail_that_fails_shows_how_far_it_came(usage: MailUsage, authority: Authority) -> None:
    with running(MailServer(users={"u": "right"})) as server:
        trial = try_it(account(server.port, login="u", password="wrong1"), usage, authority)
    assert not trial.worked
    assert trial.sentence.endswith("535 5.7.8 Authentication credentials invalid")
    assert trial.lines[-2:] == ("C: AUTH PLAIN ***", "S: 535 5.7.8 Authentication credentials invalid")
    assert usage.of("2026-11-20") == {}


def test_a_test_mail_to_nowhere_says_so(usage: MailUsage, authority: Authority, server: MailServer) -> None:
    assert try_it(account(server.port), usage, authority, "not an address").sentence == (
        "the receiver is not a mail address"
    )
