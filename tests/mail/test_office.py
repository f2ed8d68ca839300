"""Mail as one part: settings taken over while it runs, the door opened and shut, warnings for the page."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import SystemClock
from app.core.commands import SendEmail, Source
from app.mail.office import MailOffice
from app.settings.general import General
from app.settings.mail import EmailAccount, LocalSmtp
from app.settings.section import Section
from app.settings.snapshot import Settings
from app.store.mail import MailUsage
from bench.ports import free_port
from tests.house import HandClock, House
from tests.mail.servers import MailServer
from tests.mail.test_server import MAIL, Users


def settings(accounts: Mapping[str, Section] | None = None, **smtp: Any) -> Settings:
    return Settings(
        {
            "general": General(device_time_zone="Asia/Jakarta"),
            "email": accounts or {},
            "smtp": LocalSmtp(**smtp),
        }
    )


def email_account(port: int, **more: Any) -> EmailAccount:
    fields = {"name": "A", "smtp_host": "127.0.0.1", "port": port, "sender_account": "a@example.com"}
    return EmailAccount(**(fields | {"authentication": False, "start_tls": False} | more))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock: Any = SystemClock()
    one = House(tmp_path, clock)
    yield one
    one.close()


@pytest.fixture
def office(house: House) -> Iterator[MailOffice]:
    one = MailOffice(settings(), MailUsage(house.database), house.clock)
    house.delivery.mail = one
    one.start()
    yield one
    one.stop()


def test_the_door_opens_and_shuts_with_the_settings(
    house: House, office: MailOffice, server: MailServer
) -> None:
    office.open_door(house.gateway, Users())
    port = free_port()
    serving = {"active": True, "port": port, "allowed_addresses": ("127.0.0.1/32",)}
    office.apply(settings({"a": email_account(server.port)}, **serving))
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.sendmail("alarm@nvr.lan", ["ani@example.com"], MAIL)
    assert [mail.sender for mail in server.mails] == ["a@example.com"]
    office.apply(settings({"a": email_account(server.port)}, **(serving | {"active": False})))
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_an_international_server_name_is_said_in_ascii(
    house: House, office: MailOffice, server: MailServer
) -> None:
    office.apply(settings({"a": email_account(server.port)}, server_name="büro.lan"))
    sent = SendEmail("send-email", "ani@example.com", "Halo")
    assert house.gateway.handle(sent, Source("rest", "shop")).result(30).ok


def test_a_door_that_cannot_open_is_told_on_the_page(house: House, office: MailOffice) -> None:
    office.open_door(house.gateway, Users())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        office.apply(settings(active=True, port=port))
        assert office.warning() == (
            f"the local SMTP server cannot listen on 127.0.0.1:{port}: Address already in use"
        )


def test_the_page_warns_of_mail_that_goes_out_without_an_account(office: MailOffice) -> None:
    assert office.warning() == ""
    office.apply(settings(active=True, port=1))
    assert "often refused" in office.warning()
    office.apply(settings({"a": email_account(25)}, active=True, port=1))
    assert office.warning() == ""


def test_an_inactive_account_sends_nothing(office: MailOffice) -> None:
    office.apply(settings({"a": email_account(25), "b": email_account(25, name="B", active=False)}))
    assert [one.account.id for one in office.standings()] == ["a"]


def test_a_test_mail_by_an_account_that_is_not_saved_yet(office: MailOffice, server: MailServer) -> None:
    trial = office.try_account("new", email_account(server.port), "ani@example.com")
    assert trial.worked and len(server.mails) == 1


def test_the_day_ends_at_local_midnight(tmp_path: Path, house: House) -> None:
    # 2026-11-20 16:59:59 UTC is a second before midnight in Jakarta (UTC+7).
    clock = HandClock(wall=1_795_193_999.0)
    office = MailOffice(settings(), MailUsage(house.database), clock)
    assert office.today() == "2026-11-20"
    clock.advance(1)
    assert office.today() == "2026-11-21"
