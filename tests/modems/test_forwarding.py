"""Handing incoming messages on: a signed webhook, retried with back-off and replayable; mail, MQTT, STOP."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.core.forwarding import Rule, begins_with_stop
from app.core.inbox import InboxMessage, NewMessage
from app.modems.forwarding import Forwarder, MayBeOut, NotTaken, signature
from app.store.database import Database
from app.store.forward import SqliteForward
from app.store.inbox import SqliteInbox
from tests.house import HandClock


class Hook:
    """A real HTTP server that answers as the test says and keeps what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(hook.status)
                if hook.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Post:
    """An outbox on disk, and everything a message can be handed to."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.database = Database(folder / "state.db")
        self.inbox = SqliteInbox(self.database)
        self.store = SqliteForward(self.database)
        self.mails: list[tuple[str, str, str]] = []
        self.published: list[tuple[str, bytes]] = []
        self.blocked: list[str] = []
        self.names: list[str] = []
        self.broken: Exception | None = None
        self.forwarder = self.again()

    def again(self) -> Forwarder:
        """The forwarder of the next process."""
        return Forwarder(
            self.store,
            self.inbox.one,
            self.clock,
            mail=self._mail,
            publish=lambda topic, body: self.published.append((topic, body)),
            block=self.blocked.append,
        )

    def _mail(self, to: str, subject: str, text: str, id: str) -> None:
        self.names.append(id)
        if self.broken is not None:
            raise self.broken
        self.mails.append((to, subject, text))

    def arrives(self, text: str, sender: str = "+628111", modem: str = "a") -> InboxMessage:
        message = NewMessage("8962100000000000017", modem, sender, text, 1_700_000_000.0, 1_700_000_002.0)
        return self.inbox.keep_message(message, [])


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.database.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


def test_a_webhook_gets_the_message_signed_with_hmac_sha256(post: Post, hook: Hook) -> None:
    post.forwarder.rules = [Rule("orders", webhook=hook.url, secret="key")]
    kept = post.arrives("Order 5")
    post.forwarder.look()
    ((headers, body),) = hook.got
    assert json.loads(body) == {
        "id": kept.id,
        "modem": "a",
        "iccid": "8962100000000000017",
        "sender": "+628111",
        "message": "Order 5",
        "sent": 1700000000.0,
        "arrived": 1700000002.0,
        "parts": 1,
        "missing": [],
    }
    moment = headers["x-otp-pi-timestamp"]
    assert moment == "1800000000"
    expected = hmac.new(b"key", moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-otp-pi-signature"] == f"sha256={expected}"
    post.forwarder.look()
    assert len(hook.got) == 1


def test_the_signature_is_the_published_one() -> None:
    # printf '1800000000.{}' | openssl dgst -sha256 -hmac key
    assert signature("key", 1800000000, b"{}") == (
        "sha256=7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f"
    )


def test_a_webhook_that_fails_is_tried_again_with_back_off(post: Post, hook: Hook) -> None:
    post.forwarder.rules = [Rule("orders", webhook=hook.url)]
    kept = post.arrives("Order 5")
    hook.status = 503
    post.forwarder.look()
    post.forwarder.look()
    assert len(hook.got) == 1  # not before ten seconds
    post.clock.advance(10.5)
    post.forwarder.look()
    assert len(hook.got) == 2
    post.clock.advance(10.5)
    post.forwarder.look()
    assert len(hook.got) == 2  # the second pause is longer
    hook.status = 204
    post.clock.advance(20.0)
    post.forwarder.look()
    assert len(hook.got) == 3
    assert post.store.of(kept.id) == [("orders/webhook", "done", 3, "")]


def test_after_the_last_try_it_waits_for_a_replay(post: Post, hook: Hook) -> None:
    post.forwarder.rules = [Rule("orders", webhook=hook.url)]
    kept = post.arrives("Order 5")
    hook.status = 500
    for _ in range(12):
        post.forwarder.look()
        post.clock.advance(30_000.0)
    assert len(hook.got) == 11
    assert post.store.of(kept.id) == [("orders/webhook", "failed", 11, "the webhook answered 500")]
    hook.status = 200
    assert post.forwarder.replay(kept.id) == 1
    post.forwarder.look()
    assert len(hook.got) == 12
    assert post.store.of(kept.id)[0][1] == "done"


def test_what_is_not_handed_on_yet_survives_a_restart(post: Post, hook: Hook) -> None:
    post.arrives("Order 5")  # and the process dies before any rule looked
    after = post.again()
    after.rules = [Rule("orders", webhook=hook.url)]
    after.look()
    assert len(hook.got) == 1


def test_a_redirect_is_not_followed(post: Post, hook: Hook) -> None:
    post.forwarder.rules = [Rule("orders", webhook=hook.url)]
    hook.status = 302
    kept = post.arrives("Order 5")
    post.forwarder.look()
    assert len(hook.got) == 1 and post.store.of(kept.id)[0][1] == "waiting"


def test_a_webhook_that_is_not_there_names_no_contents(post: Post) -> None:
    post.forwarder.rules = [Rule("orders", webhook="http://127.0.0.1:1/in")]
    kept = post.arrives("secret words")
    post.forwarder.look()
    (_, state, tries, error) = post.store.of(kept.id)[0]
    assert (state, tries) == ("waiting", 1) and "secret" not in error


def test_mail_and_topic_are_ways_of_their_own(post: Post) -> None:
    post.forwarder.rules = [Rule("orders", email="a@example.com", mqtt_topic="sms/in")]
    post.broken = NotTaken("the mail server refused it")
    kept = post.arrives("Order 5")
    post.forwarder.look()
    assert [topic for topic, _ in post.published] == ["sms/in"]
    post.broken = None
    post.clock.advance(11.0)
    post.forwarder.look()
    assert post.mails == [("a@example.com", "SMS from +628111", "Order 5\n\n(a)")]
    assert len(post.published) == 1  # the topic does not get it twice because the mail failed
    assert {state for _, state, _, _ in post.store.of(kept.id)} == {"done"}


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule("r"), True),
        (Rule("r", modem="a"), True),
        (Rule("r", modem="b"), False),
        (Rule("r", sender="8111"), True),
        (Rule("r", sender="BANK"), False),
        (Rule("r", words="ORDER"), True),
        (Rule("r", words="invoice"), False),
    ],
)
def test_a_rule_looks_at_modem_sender_and_words(rule: Rule, fits: bool) -> None:
    message = InboxMessage(1, NewMessage("card", "a", "+628111", "Order 5"))
    assert rule.fits(message) is fits


def test_stop_puts_the_sender_on_the_block_list_when_the_rule_is_on(post: Post) -> None:
    post.arrives("STOP")
    post.forwarder.look()
    assert post.blocked == []  # off by default
    post.forwarder.stop_words = ("STOP", "BERHENTI")
    post.arrives("stop.", "+628111")
    post.arrives("Berhenti kirim sms", "+628112")
    post.arrives("please do not stop", "+628113")
    post.arrives("STOP", "BANK")
    post.forwarder.look()
    assert post.blocked == ["+628111", "+628112"]


@pytest.mark.parametrize(
    ("text", "stop"), [("STOP", True), (" stop!", True), ("stopped", False), ("", False), ("Stop it", True)]
)
def test_the_first_word_decides(text: str, stop: bool) -> None:
    assert begins_with_stop(text, ("STOP",)) is stop


def test_an_answer_that_is_no_http_holds_up_nobody(post: Post, hook: Hook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            for _ in range(2):
                caller, _ = odd.accept()
                with caller:
                    caller.recv(65536)
                    caller.sendall(b"garbage that is no HTTP\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{odd.getsockname()[1]}/in"
        post.forwarder.rules = [Rule("odd", webhook=url), Rule("orders", webhook=hook.url)]
        kept = post.arrives("Order 5")
        post.forwarder.look()
    assert len(hook.got) == 1
    assert [(way, state, tries) for way, state, tries, _ in post.store.of(kept.id)] == [
        ("odd/webhook", "waiting", 1),
        ("orders/webhook", "done", 1),
    ]


def test_a_way_that_fails_as_nobody_foresaw_is_put_off_and_the_others_go_on(post: Post, hook: Hook) -> None:
    post.broken = RuntimeError("with the text of a message")
    post.forwarder.rules = [Rule("a", email="a@example.com"), Rule("b", webhook=hook.url)]
    kept = post.arrives("Order 5")
    post.forwarder.look()
    assert len(hook.got) == 1
    assert [one[1:] for one in post.store.of(kept.id)] == [
        ("waiting", 1, "an unforeseen RuntimeError"),
        ("done", 1, ""),
    ]


def test_a_mail_that_may_be_out_is_not_handed_on_again_but_by_hand(post: Post) -> None:
    post.broken = MayBeOut("the mail may be out")
    post.forwarder.rules = [Rule("orders", email="a@example.com")]
    kept = post.arrives("Order 5")
    post.forwarder.look()
    post.clock.advance(100_000.0)
    post.forwarder.look()
    assert len(post.names) == 1
    assert post.store.of(kept.id) == [("orders/email", "failed", 1, "the mail may be out")]
    post.broken = None
    post.forwarder.replay(kept.id)
    post.forwarder.look()
    assert len(post.mails) == 1
    first, second = post.names
    assert first != second  # so that the ledger does not take it for the one before


def test_all_tries_of_one_mail_bear_one_name(post: Post) -> None:
    post.broken = NotTaken("not now")
    post.forwarder.rules = [Rule("orders", email="a@example.com")]
    post.arrives("Order 5")
    post.forwarder.look()
    post.clock.advance(10.5)
    later = post.again()  # after a restart, too
    later.rules = post.forwarder.rules
    later.look()
    first, second = post.names
    assert first == second
