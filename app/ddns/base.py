"""What the updater asks of a vendor, and how it can end: done, later, or not until a person acts."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

from app.ddns.http import Answer
from app.settings.ddns import DdnsRecord

TEN_MINUTES = 600.0


@dataclass(frozen=True, slots=True)
class Done:
    """The record has the address. changed: it had another before; words: a sentence for the page."""

    changed: bool
    words: str


class Trouble(Exception):
    """Root of what can go wrong at a vendor; the text is a sentence for the page, without secrets."""


class Stop(Trouble):
    """Asking again would be of no use, or abuse, until the settings change."""


class Later(Trouble):
    """Asking again may help, after so many seconds at the earliest."""

    def __init__(self, sentence: str, seconds: float = 0.0) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Vendor(Protocol):
    """Somebody who keeps names."""

    def update(self, record: DdnsRecord, address: str) -> Done:
        """Let the record's name lead to the address. Raises Trouble or Unreachable."""
        ...


class Proofs(Protocol):
    """A vendor that can hold the proof for a certificate: a TXT record (RFC 8555 §8.4)."""

    def put_proof(self, record: DdnsRecord, name: str, text: str) -> str:
        """What to give to ``remove_proof``. Raises Trouble or Unreachable."""
        ...

    def remove_proof(self, record: DdnsRecord, handle: str) -> None: ...


def not_understood(vendor: str) -> Later:
    """Of an answer that has not the shape it should have."""
    return Later(f"{vendor} gave an answer that is not understood", TEN_MINUTES)


def credential(value: str, what: str) -> str:
    """What is to stand in a header field. Raises Stop; what: its name on the page."""
    if not (value.isascii() and value.isprintable()):
        raise Stop(f"{what}: there is a sign in it that none can have; copy it again")
    return value


def agent(company: str, email: str) -> str:
    """A User-Agent as No-IP asks for it: who made the client, and whom to write to.

    Only ASCII is safe there (RFC 9110 §5.5): letters lose their accents, other signs go.
    """
    words = " ".join(part for part in (company, "OTP-Pi/1", email) if part)
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())


def said(answer: Answer) -> str:
    """A vendor's own words, short and on one line, without markup."""
    words = re.sub(r"<[^>]*>", " ", answer.text)
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return words[:200] or f"HTTP {answer.status} without a word"


def is_ipv6(address: str) -> bool:
    return ipaddress.ip_address(address).version == 6
