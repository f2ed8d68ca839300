"""What a message is handed to: the gateway's own mail accounts, a broker of the settings, both bounded."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import mailpost, mqttpost
from app.core.errors import NotSent, UnknownOutcome
from app.core.message import Sent
from app.core.ports import MailJob
from app.modems.forwarding import MayBeOut, NotTaken
from app.settings.subscribers import SubscriberMqtt
from tests.house import House

LETTER = ("a@example.com", "SMS from +628111", "Order 5", "5f2c")


class Accounts:
    """Mail accounts that do with a mail what the test says."""

    def __init__(self) -> None:
        self.does: Callable[[MailJob], None] = lambda job: job.sent(Sent("mail", "Mail", 1))
        self.jobs: list[MailJob] = []

    def submit(self, job: MailJob) -> None:
        self.jobs.append(job)
        job.begin()
        self.does(job)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture
def accounts(house: House) -> Accounts:
    house.delivery.mail = Accounts()
    return house.delivery.mail


def test_a_mail_is_handed_on_once(house: House, accounts: Accounts) -> None:
    mailpost.post(house.gateway, *LETTER)
    mailpost.post(house.gateway, *LETTER)  # the process died before it was written down
    (job,) = accounts.jobs
    assert (job.message.receiver, job.message.subject, job.message.text) == LETTER[:3]


def test_a_mail_that_was_refused_is_tried_again(house: House, accounts: Accounts) -> None:
    accounts.does = lambda job: job.refused(NotSent("no account answers"))
    for _ in range(2):
        with pytest.raises(NotTaken, match="the mail was not sent") as refused:
            mailpost.post(house.gateway, *LETTER)
        assert not isinstance(refused.value, MayBeOut)
    assert len(accounts.jobs) == 2


def test_a_mail_whose_outcome_is_unknown_is_never_sent_again(house: House, accounts: Accounts) -> None:
    accounts.does = lambda job: job.unknown(UnknownOutcome("silence after the dot"))
    for _ in range(2):  # the second time the ledger says so
        with pytest.raises(MayBeOut):
            mailpost.post(house.gateway, *LETTER)
        house.clock.advance(10_000.0)
    assert len(accounts.jobs) == 1


def test_a_mail_that_takes_too_long_is_asked_after_and_not_sent_beside_itself(
    house: House, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailpost, "PATIENCE", 0.05)
    accounts.does = lambda job: None
    with pytest.raises(NotTaken, match="takes too long"):
        mailpost.post(house.gateway, *LETTER)
    with pytest.raises(NotTaken, match="still on its way"):
        mailpost.post(house.gateway, *LETTER)
    (job,) = accounts.jobs
    job.sent(Sent("mail", "Mail", 1))
    house.database.submit(lambda connection: None).wait()
    mailpost.post(house.gateway, *LETTER)
    assert len(accounts.jobs) == 1


def test_a_broker_that_hangs_up_is_not_called_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        calls = []

        def hang_up() -> None:
            while True:
                try:
                    caller, _ = rude.accept()
                except OSError:
                    return
                with caller:
                    calls.append(caller.recv(1000))

        threading.Thread(target=hang_up, daemon=True).start()
        options = SubscriberMqtt(enable=True, host="127.0.0.1", port=rude.getsockname()[1], topic="x")
        with pytest.raises(NotTaken, match="did not take it"):
            mqttpost.publish(options, "sms/in", b"{}")
        assert len(calls) == 1


def test_a_broker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqttpost, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = SubscriberMqtt(enable=True, host="127.0.0.1", port=mute.getsockname()[1], topic="x")
        with pytest.raises(NotTaken, match="TimeoutError"):
            mqttpost.publish(options, "sms/in", b"{}")


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_broker_that_takes_it(qos: int) -> None:
    """MQTT 3.1.1: CONNACK, then what each quality of service asks for (OASIS, §3.2, §3.4 to 3.7)."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as broker:

        def serve() -> None:
            caller, _ = broker.accept()
            with caller:
                got.append(caller.recv(1000))
                caller.sendall(b"\x20\x02\x00\x00")
                while octets := caller.recv(1000):
                    got.append(octets)
                    if octets[:1] == b"\x32":  # PUBLISH at least once
                        caller.sendall(b"\x40\x02\x00\x01")
                    elif octets[:1] == b"\x34":  # PUBLISH exactly once
                        caller.sendall(b"\x50\x02\x00\x01")
                    elif octets[:1] == b"\x62":  # PUBREL
                        caller.sendall(b"\x70\x02\x00\x01")

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        options = SubscriberMqtt(
            enable=True, host="127.0.0.1", port=broker.getsockname()[1], topic="x", qos=qos, protocol="3.1.1"
        )
        mqttpost.publish(options, "sms/in", b"{}")
        serving.join(10)
    number = b"\x00\x01" if qos else b""
    published = bytes((0x30 | qos << 1, 10 + len(number))) + b"\x00\x06sms/in" + number + b"{}"
    released = b"\x62\x02\x00\x01" if qos == 2 else b""
    assert got[0][:1] == b"\x10"
    assert b"".join(got[1:]) == published + released + b"\xe0\x00"  # it takes its leave
