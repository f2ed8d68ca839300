"""Hands incoming messages on by the rules: to a webhook that is signed, by e-mail, to an MQTT topic."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.core.clock import Clock
from app.core.errors import GatewayError
from app.core.faults import described
from app.core.forwarding import BACK_OFF, ForwardStore, Rule, Work, begins_with_stop
from app.core.inbox import InboxMessage
from app.modems.rounds import Rounds

log = logging.getLogger(__name__)

LOOK = 5.0  # seconds between looks at what is due again
PATIENCE = 10.0  # seconds for a webhook to answer
SIGNATURE, TIMESTAMP = "X-OTP-Pi-Signature", "X-OTP-Pi-Timestamp"


class NotTaken(Exception):
    """Whoever should get a message did not take it; the text names no contents."""


class MayBeOut(NotTaken):
    """Nobody can tell whether it was taken, so another try might hand it on twice."""


class Forwarder:
    """A thread named ``forward`` over the outbox. find(number) gives a message; None: it was deleted.

    mail(to, subject, text, id) and publish(topic, body) hand on or raise NotTaken, MayBeOut; the id is the
    same for each try, and another one when somebody has the message handed on again. block(number) puts a
    sender on the block list or raises GatewayError.
    """

    def __init__(
        self,
        store: ForwardStore,
        find: Callable[[int], InboxMessage | None],
        clock: Clock,
        *,
        mail: Callable[[str, str, str, str], None],
        publish: Callable[[str, bytes], None],
        block: Callable[[str], None],
    ) -> None:
        self.rules: Sequence[Rule] = ()
        self.stop_words: Sequence[str] = ()  # empty: the rule is off
        self._store = store
        self._find = find
        self._clock = clock
        self._mail = mail
        self._publish = publish
        self._block = block
        self._rounds = Rounds("forward", self.look, lambda: LOOK)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop(PATIENCE + 5)

    def told(self, message: InboxMessage) -> None:
        """A message came in; it stands in the outbox already. From any thread."""
        self._rounds.wake()

    def replay(self, message: int) -> int:
        """Hand a message on again; how many ways it goes."""
        ways = self._store.replay(message, self._clock.wall())
        self._rounds.wake()
        return ways

    def replay_failed(self) -> int:
        """Hand everything on again that was given up; how many ways it goes."""
        ways = self._store.replay_failed(self._clock.wall())
        self._rounds.wake()
        return ways

    def look(self) -> None:
        """One round over the outbox."""
        for number in self._store.fresh():
            kept = self._find(number)
            ways: list[str] = []
            if kept is not None:
                ways = [way for rule in self.rules if rule.fits(kept) for way in rule.ways()]
                self._stop_rule(kept)
            self._store.plan(number, ways, self._clock.wall())
        for work in self._store.due(self._clock.wall()):
            if self._rounds.stopping:
                return
            self._carry_out(work)

    def _stop_rule(self, kept: InboxMessage) -> None:
        sender = kept.message.sender
        if not sender.lstrip("+").isdigit() or not begins_with_stop(kept.message.text, self.stop_words):
            return
        try:
            self._block(sender)
        except GatewayError as error:
            log.warning("a sender who wrote STOP could not be blocked: %s", error)

    def _carry_out(self, work: Work) -> None:
        name, _, kind = work.way.rpartition("/")
        rule = next((one for one in self.rules if one.name == name and work.way in one.ways()), None)
        kept = self._find(work.message)
        if rule is None or kept is None:
            self._store.give_up(work.id, work.tries, "the rule or the message is gone")
            return
        try:
            self._hand_on(rule, kind, kept, work)
        except MayBeOut as error:
            log.error("a message is not handed on by %s again: %s", work.way, error)
            self._store.give_up(work.id, work.tries + 1, str(error))
        except NotTaken as error:
            self._put_off(work, str(error))
        except Exception as error:  # put off as well: the works behind it have their turn
            log.error("handing a message on by %s failed with an unforeseen %s", work.way, described(error))
            self._put_off(work, f"an unforeseen {type(error).__name__}")
        else:
            self._store.done(work.id)

    def _hand_on(self, rule: Rule, kind: str, kept: InboxMessage, work: Work) -> None:
        body = json.dumps(as_json(kept), separators=(",", ":")).encode("ascii")
        if kind == "webhook":
            post(rule.webhook, body, rule.secret, int(self._clock.wall()))
        elif kind == "email":
            message = kept.message
            text = f"{message.text}\n\n({message.modem})"
            self._mail(rule.email, f"SMS from {message.sender}", text, _name_of(work, kept))
        else:
            self._publish(rule.mqtt_topic, body)

    def _put_off(self, work: Work, why: str) -> None:
        if work.tries >= len(BACK_OFF):
            log.error("a message could not be handed on by %s: %s", work.way, why)
            self._store.give_up(work.id, work.tries + 1, why)
            return
        log.warning("a message is not handed on by %s yet: %s", work.way, why)
        self._store.again(work.id, work.tries + 1, self._clock.wall() + BACK_OFF[work.tries], why)


def _name_of(work: Work, kept: InboxMessage) -> str:
    """Numbers of deleted messages are used again; the time of arrival is not."""
    told = f"{work.way} {work.message} {kept.message.arrived!r} {work.replays}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def as_json(kept: InboxMessage) -> Mapping[str, Any]:
    """A message as webhooks and topics get it; times in Unix seconds."""
    message = kept.message
    return {
        "id": kept.id,
        "modem": message.modem,
        "iccid": message.sim,
        "sender": message.sender,
        "message": message.text,
        "sent": message.sent,
        "arrived": message.arrived,
        "parts": message.parts,
        "missing": list(message.missing),
    }


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``sha256=`` and the HMAC of timestamp, dot and body: the timestamp lets the receiver refuse replays."""
    mark = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256)
    return f"sha256={mark.hexdigest()}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed body goes to the address of the settings and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def post(url: str, body: bytes, secret: str, timestamp: int) -> None:
    """Raises NotTaken unless the answer is 2xx."""
    headers = {"Content-Type": "application/json", TIMESTAMP: str(timestamp)}
    if secret:
        headers[SIGNATURE] = signature(secret, timestamp, body)
    try:
        with _OPENER.open(urllib.request.Request(url, body, headers), timeout=PATIENCE) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        error.close()
        raise NotTaken(f"the webhook answered {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotTaken(f"the webhook cannot be reached ({type(error).__name__})") from error
