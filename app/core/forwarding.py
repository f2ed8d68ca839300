"""Which messages of the inbox are handed on, to whom, and how the work for that is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.core.inbox import InboxMessage

# Seconds from one try to the next; after the last the message waits for somebody to replay it.
BACK_OFF = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 3600.0, 7200.0, 14400.0, 28800.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """Empty conditions mean any; every target that is not empty gets the message."""

    name: str
    modem: str = ""
    sender: str = ""
    words: str = ""
    webhook: str = ""
    secret: str = field(default="", repr=False)
    email: str = ""
    mqtt_topic: str = ""

    def fits(self, kept: InboxMessage) -> bool:
        message = kept.message
        return (
            self.modem in ("", message.modem)
            and self.sender.casefold() in message.sender.casefold()
            and self.words.casefold() in message.text.casefold()
        )

    def ways(self) -> tuple[str, ...]:
        """One piece of work each, so that a broken webhook does not send the mail again."""
        kinds = (("webhook", self.webhook), ("email", self.email), ("mqtt", self.mqtt_topic))
        return tuple(f"{self.name}/{kind}" for kind, target in kinds if target)


@dataclass(frozen=True, slots=True)
class Work:
    """One message for one way. way: rule and kind, such as ``orders/webhook``.

    replays: how often somebody had it handed on again.
    """

    id: int
    message: int
    way: str
    tries: int = 0
    replays: int = 0


class ForwardStore(Protocol):
    """The outbox: what is to be handed on survives a restart."""

    def fresh(self) -> Sequence[int]:
        """Messages that no rule has looked at."""
        ...

    def plan(self, message: int, ways: Sequence[str], now: float) -> None:
        """The rules have looked: this is what is to be done about a message."""
        ...

    def due(self, now: float) -> Sequence[Work]: ...

    def done(self, work: int) -> None: ...

    def again(self, work: int, tries: int, due: float, error: str) -> None: ...

    def give_up(self, work: int, tries: int, error: str) -> None: ...

    def replay(self, message: int, now: float) -> int:
        """Hand a message on again, whatever came of it; how many ways."""
        ...

    def replay_failed(self, now: float) -> int:
        """Hand everything on again that was given up; how many ways."""
        ...


def begins_with_stop(text: str, words: Sequence[str]) -> bool:
    """Whether the first word of a message, without its punctuation, is one of the STOP words."""
    first = text.strip().split(maxsplit=1)[:1]
    return bool(first) and first[0].strip(".,!:;-\"'").casefold() in {word.casefold() for word in words}
