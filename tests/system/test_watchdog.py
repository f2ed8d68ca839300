"""A service that hangs is started again, and what it promised holds across it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from tests.system.gateway import Asker, Modems, code_in
from tests.system.machine import Machine, until

NUMBER, PHONE = "081212345678", "+6281212345678"


@pytest.fixture(scope="module")
def sims(booted: Machine) -> Iterator[Modems]:
    booted.settled("otppi.service")
    modems = Modems(booted)
    yield modems
    booted("runuser -u otppi -- otppi delete modems/sim1; runuser -u otppi -- otppi delete api_users/probe")
    modems.close()


def hang(device: Machine) -> None:
    """Stop the service as a dead lock would, and wait until the watchdog has had it started anew."""
    first = device.show("otppi.service", "MainPID")
    assert device.show("otppi.service", "WatchdogUSec") == "30s"
    device(f"kill -STOP {first}")
    until(lambda: device.show("otppi.service", "MainPID") not in (first, "0"), "another process", 120)
    device.settled("otppi.service", patience=120)


def ask_until_sent(app: Asker, command: str, **data: object) -> None:
    until(lambda: app.code(command, **data) == "0000", "it is sent")


def test_what_was_promised_holds_across_the_watchdogs_restart(device: Machine, sims: Modems) -> None:
    """A code asked for before is verified after, once; a message sent before is not sent again."""
    app = Asker(device)
    ask_until_sent(app, "send-sms", receiver=NUMBER, message="hello", id="w1")
    asked = {"receiver": NUMBER, "message": "Your code is %s", "reference": "login"}
    ask_until_sent(app, "request-otp", **asked)
    hello, message = sims.await_texts(PHONE, 2)
    hang(device)

    assert "Watchdog timeout" in device("journalctl --boot --no-pager --unit=otppi.service")
    again = until(lambda: app.code("send-sms", receiver=NUMBER, message="hello", id="w1"), "an answer")
    assert again == "0000"  # the first outcome is told again
    verify = {"reference": "login", "receiver": NUMBER, "otp": code_in(message)}
    assert app.code("request-otp", **asked) == "1201"  # the reference still lives
    assert app.code("verify-otp", **verify) == "0000"
    assert app.code("verify-otp", **verify) != "0000"
    assert (hello, sims.texts(PHONE)) == ("hello", ["hello", message])
    assert sims.order("stats")["duplicates"] == 0


def test_a_message_in_the_modems_hands_when_the_service_hangs_ends_in_one_state(
    device: Machine, sims: Modems
) -> None:
    """The modem takes its time; what it then sent is known as sent or as unknown, and never sent twice."""
    app, number = Asker(device), "081255556666"
    until(lambda: app.code("send-sms", receiver=NUMBER, message="up?", id="up") == "0000", "it sends again")
    sims.order("set", delay_ms=8000)
    process = device.show("otppi.service", "MainPID")
    slow = {"receiver": number, "message": "slow", "id": "slow"}
    threading.Thread(target=app.ask, args=("send-sms",), kwargs=slow, daemon=True).start()
    until(lambda: "slow" in ledger(device), "it is in the ledger")
    device(f"kill -STOP {process}")
    until(lambda: device.show("otppi.service", "MainPID") not in (process, "0"), "another process", 120)
    device.settled("otppi.service", patience=120)
    sims.order("set", delay_ms=0)
    until(lambda: ledger(device)["slow"] in ("sent", "unknown", "delivered"), "its end is known")
    assert len(sims.texts("+62" + number[1:])) <= 1
    answer = until(lambda: app.code("send-sms", **slow), "an answer")
    # The repeat is told what is known of the first one.
    assert (answer == "0000") == (ledger(device)["slow"] in ("sent", "delivered")), answer
    assert len(sims.texts("+62" + number[1:])) <= 1


def ledger(device: Machine) -> dict[str, str]:
    """Message id → state."""
    look = "import sqlite3, json; print(json.dumps(dict(sqlite3.connect('/var/lib/otppi/state.db')"
    look += ".execute('SELECT id, state FROM message'))))"
    return json.loads(device(f'python3 -c "{look}"'))  # type: ignore[no-any-return]
