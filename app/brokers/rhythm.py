"""When to try again after a connection failed."""

from __future__ import annotations

SHORT_LIFE = 5.0  # seconds: a connection that closes earlier was none (wire §4)


def again_in(delay: float, lived: float | None, chance: float) -> float:
    """Seconds until the next attempt (wire §4).

    lived: seconds the connection held, None when it never opened; chance: 0 to 1, so that many devices do
    not come back at the same moment. Who lived long enough may come back almost at once.
    """
    if lived is not None and lived >= SHORT_LIFE:
        return min(1.0, delay) * chance
    return delay * (0.8 + 0.2 * chance)
