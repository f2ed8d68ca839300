"""What every transport does: carry one message away and, if asked, bring its answer back."""

import secrets
from typing import Protocol

from ..deadline import Deadline
from ..errors import MissingLibrary


class Transport(Protocol):
    """One way to the device. Stateless between calls, so it may be shared by threads and survives a fork."""

    callback_delay: int
    """Milliseconds the device waits before it publishes an answer."""

    def reply_topic(self) -> str | None:
        """A topic nobody else uses, for the answer of one call; None: it comes on the same connection."""

    def carry(self, payload: str, reply_to: str | None, deadline: Deadline) -> str | None:
        """Deliver the payload; with `reply_to` listen there first, and return the first text that comes.

        NotPublished: it certainly did not go out. FateUnknown: it may have.
        """


def unique(prefix: str, separator: str = ".") -> str:
    """`sms.reply.<96 random bits>`: not to be guessed, and below every broker's limit for a name."""
    return f"{prefix}{separator}reply{separator}{secrets.token_hex(12)}"


def missing(library: str, extra: str, error: ImportError) -> MissingLibrary:
    return MissingLibrary(f"{library} is not installed ({error}): pip install 'otp-publisher[{extra}]'")
