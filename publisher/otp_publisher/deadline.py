"""One deadline for a whole call, handed down to every wait in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deadline:
    """`seconds` from the moment it was made; `connect` bounds the opening of one connection as well."""

    seconds: float
    connect: float = 10.0
    steady: Callable[[], float] = time.monotonic
    end: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.steady() + self.seconds)

    def left(self) -> float:
        """Seconds that remain, never negative."""
        return max(0.0, self.end - self.steady())

    def to_connect(self) -> float:
        """Seconds a connection may take to open; never 0, which sockets read as `do not block`."""
        return max(0.001, min(self.connect, self.left()))

    def to_wait(self) -> float:
        """Seconds the next wait may take; never 0."""
        return max(0.001, self.left())

    @property
    def over(self) -> bool:
        return self.left() <= 0
