"""Who may hand mail to the local SMTP server, what a mail to an address means, and how its end is told."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core import peers
from app.core.commands import SendEmail, SendSms, Source
from app.core.errors import BadRequest
from app.core.msisdn import Numbering
from app.core.receiver import canonical
from app.core.replies import Reply
from app.mail.letter import DOOR, words_of
from app.settings.mail import LocalSmtp

LARGEST_MAIL = 10 * 1024 * 1024  # octets
MOST_RECIPIENTS = 100  # RFC 5321 §4.5.3.1.8
LONGEST_SMS = 1530  # characters: ten parts
# A mail that has passed so many servers goes in a circle (RFC 5321 §6.3).
MOST_STATIONS = 25

_RECEIVED = re.compile(rb"^received:", re.MULTILINE | re.IGNORECASE)
# What may be better in a moment: the sender's server may try again.
_PASSING = frozenset(
    {"queue_full", "too_late", "no_device", "port_gone", "not_sent", "storage", "rate_limited"}
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends. commands: the allowed ones, empty for all; per_minute: messages, 0 for no limit.

    take: counts so many messages against that limit; 0, or seconds until it is worth another try.
    """

    user: str
    commands: frozenset[str] = frozenset()
    per_minute: int = 0
    take: Callable[[int], int] = lambda count: 0

    @property
    def source(self) -> Source:
        return Source(DOOR, self.user)

    def allowed(self, command: str) -> bool:
        return not self.commands or bool(self.commands & {command, "send-message"})


class Guard(Protocol):
    """The API users' door-keeper, shared with the REST interface."""

    def sign_in(self, username: str, password: str, address: str) -> Visitor | None:
        """None for wrong credentials, an inactive or blocked user, or too many tries. May take long."""
        ...


class Reception:
    """The rules of the local SMTP server, without its sockets. numbering: as the settings have it now."""

    def __init__(self, settings: LocalSmtp, guard: Guard, numbering: Callable[[], Numbering]) -> None:
        self.settings = settings
        self.guard = guard
        self._numbering = numbering
        self._networks = [ipaddress.ip_network(entry) for entry in settings.allowed_addresses]
        self._sms_domain = f"sms.{settings.server_name}".lower()

    def by_address(self, address: str) -> Visitor | None:
        """The visitor who needs no password because of where it is."""
        here = peers.parsed(address)
        if here is None or not any(here in network for network in self._networks):
            return None
        return Visitor(f"[{here}]")

    def recipient(self, address: str, visitor: Visitor) -> str:
        """An envelope address as the core's receiver. Raises BadRequest with the reply to give."""
        local, _, domain = address.rpartition("@")
        sms = domain.lower().rstrip(".") == self._sms_domain
        if not visitor.allowed("send-sms" if sms else "send-email"):
            raise BadRequest("550 5.7.1 this user may not send that")
        try:
            return canonical(local if sms else address, self._numbering())
        except BadRequest as error:
            raise BadRequest(f"553 5.1.3 {error}") from error

    def commands(self, receivers: Sequence[str], raw: bytes | bytearray) -> list[SendEmail | SendSms]:
        """What to ask of the gateway, one a receiver. Raises BadRequest with the reply to give."""
        if len(_RECEIVED.findall(raw.partition(b"\r\n\r\n")[0])) > MOST_STATIONS:
            raise BadRequest("554 5.4.6 the mail goes in a circle")
        # Made once and shared: a large mail to many recipients would else fill the memory.
        by_mail = any("@" in receiver for receiver in receivers)
        by_radio = any("@" not in receiver for receiver in receivers)
        # The whole mail, octet for octet: attachments and all (see letter.DOOR).
        whole = raw.decode("latin-1") if by_mail else ""
        words = _short_enough(raw) if by_radio else ""
        return [
            SendEmail("send-email", one, whole) if "@" in one else SendSms("send-sms", one, words)
            for one in receivers
        ]


def admit(visitor: Visitor, messages: int) -> None:
    """Count them against the visitor's limit, all or none. Raises BadRequest with the reply to give."""
    if 0 < visitor.per_minute < messages:
        raise BadRequest(
            f"550 5.7.1 the mail has {messages} recipients, and this user may send {visitor.per_minute} "
            "messages a minute; send it to fewer at a time"
        )
    if seconds := visitor.take(messages):
        raise BadRequest(f"451 4.7.1 this user sends too many messages; try again in {seconds} s")


def _short_enough(raw: bytes | bytearray) -> str:
    """The words of a mail, as many as an SMS may have. Raises BadRequest with the reply to give."""
    try:
        text = words_of(raw)
    except BadRequest as error:
        raise BadRequest(f"554 5.6.0 {error}") from error
    if not text:
        raise BadRequest("554 5.6.0 the mail has no text")
    if len(text) > LONGEST_SMS:
        raise BadRequest(f"554 5.2.3 the text has more than {LONGEST_SMS} characters")
    return text


def verdict(replies: Sequence[Reply]) -> str:
    """One SMTP reply for all recipients of a mail.

    Once one of them was, or may have been, served, a temporary refusal would have it sent to them again:
    so that is permanent, and says how many were served.
    """
    failed = [reply for reply in replies if not reply.ok]
    if not failed:
        return "250 2.0.0 sent"
    sentence = failed[0].error or "not sent"
    if len(replies) > 1:
        sentence = f"{len(replies) - len(failed)} of {len(replies)} were sent; {sentence}"
    passing = len(failed) == len(replies) and all(reply.reason in _PASSING for reply in failed)
    words = " ".join(sentence.split())[:400]
    return f"451 4.3.0 {words}" if passing else f"554 5.0.0 {words}"
