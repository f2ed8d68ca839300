"""A thousand mails by the whole service over twenty accounts of fifty a day, killed in the middle."""

from __future__ import annotations

import base64
import http.client
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from app.mail.letter import words_of
from app.mail.senders import THREADS
from app.settings.general import General
from app.settings.mail import EmailAccount
from bench.client import Client
from bench.rig import PASSWORD, USER, Gateway
from tests.mail.servers import running
from tests.mail.test_thousand import HoldingServer
from tests.service.test_mail import account
from tests.service.test_nothing_lost import status

ACCOUNTS, LIMIT = 20, 50
MAILS = ACCOUNTS * LIMIT


def zone_at_noon() -> str:
    """A zone in which midnight is far away, so that the limits do not begin anew during the test."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"  # their signs are those of POSIX: Etc/GMT-7 is seven hours ahead


def hand_in(service: Gateway, mails: int) -> None:
    """Mails m0, m1, … that nobody waits for."""
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Prefer": "respond-async"}
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for number in range(mails):
        data = {"id": f"m{number}", "receiver": "ann@example.org", "message": f"mail {number}"}
        body = json.dumps({"command": "send-email", "data": data})
        connection.request("POST", "/api/message", body, headers)
        with connection.getresponse() as answer:
            assert answer.status == 202
            assert json.load(answer)["data"] == {"id": f"m{number}", "state": "queued"}
    connection.close()


def states(service: Gateway) -> Counter[str]:
    with closing(sqlite3.connect(service.home / "state.db", timeout=20)) as database:
        return Counter(state for (state,) in database.execute("SELECT state FROM message"))


def await_end(service: Gateway) -> None:
    until = time.monotonic() + 240
    while (found := states(service)) and {"queued", "sending"} & set(found):
        assert time.monotonic() < until, (found, service.tail())
        time.sleep(0.2)


def test_exactly_fifty_each_none_lost_none_twice_across_a_kill(gateway: Callable[..., Gateway]) -> None:
    with running(HoldingServer(MAILS // 2)) as server:
        assert isinstance(server, HoldingServer)
        service = gateway({})
        service.store.save(General, General(device_time_zone=zone_at_noon()))
        for number in range(ACCOUNTS):
            sender = f"a{number}@example.com"
            fields = account(server.port, name=f"a{number}", sender_account=sender, daily_limit=LIMIT)
            service.put(EmailAccount, f"a{number}", **fields)
        service.start(ready=False)
        hand_in(service, MAILS)
        # Every sender thread has handed over a whole mail and waits for the verdict.
        assert server.all_held.wait(120), f"only {len(server.mails)} mails arrived"
        service.kill()
        server.release()
        service.start(ready=False)
        await_end(service)
        received = Counter(words_of(mail.octets) for mail in server.mails)
        assert received == {f"mail {number}": 1 for number in range(MAILS)}
        assert Counter(mail.sender for mail in server.mails) == {
            f"a{number}@example.com": LIMIT for number in range(ACCOUNTS)
        }
        # Those whose verdict nobody heard are unknown for ever: they were not sent again.
        assert states(service) == {"sent": MAILS - THREADS, "unknown": THREADS}

        # The limits are kept: one more is refused, and says why.
        refused = Client(service.port).call("send-email", receiver="ann@example.org", message="one more")
        assert (refused["response_code"], refused["reason"]) == ("1102", "mail_failed")
        assert "every mail account has sent its daily limit" in refused["error"]
        assert len(server.mails) == MAILS
        found = status(service, "m0")
        assert found is not None and found["state"] == "sent" and found["receiver"] != "ann@example.org"
