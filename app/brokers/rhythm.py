"""When to try again: after a connection failed, and where another device may have died."""

from __future__ import annotations

from collections.abc import Sequence

from app.brokers.link import Incoming
from app.core.errors import Duplicated
from app.core.replies import Reply

SHORT_LIFE = 5.0  # seconds: a connection that closes earlier was none (wire §4)


def again_in(delay: float, lived: float | None, chance: float) -> float:
    """Seconds until the next attempt (wire §4).

    lived: seconds the connection held, None when it never opened; chance: 0 to 1, so that many devices do
    not come back at the same moment. Who lived long enough may come back almost at once.
    """
    if lived is not None and lived >= SHORT_LIFE:
        return min(1.0, delay) * chance
    return delay * (0.8 + 0.2 * chance)


def is_orphan(incoming: Incoming, reply: Reply | Sequence[Reply]) -> bool:
    """Whether an OTP's reference may be alive only because another device died before it sent the code.

    With a shared OTP store such a reference comes free a few seconds later.
    """
    lives = isinstance(reply, Reply) and reply.code == Duplicated.code and not reply.duplicate
    return lives and incoming.redelivered and not incoming.put_back
