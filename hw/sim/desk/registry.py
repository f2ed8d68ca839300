"""Who answers which AT command of a simulated modem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hw.sim.modem import SimModem


@dataclass(frozen=True)
class Said:
    """An answer: information lines, the final result (None: none comes), and news that follow it."""

    lines: tuple[str, ...] = ()
    final: str | None = "OK"
    news: tuple[str, ...] = ()


OK, ERROR = Said(), Said(final="ERROR")
#: modem, form (``""``, ``?``, ``=?``, ``=``), what follows the equals sign → answer
Desk = Callable[["SimModem", str, str], Said]
DESKS: dict[str, Desk] = {}


def desk(*names: str) -> Callable[[Desk], Desk]:
    """Register a function for commands by name, such as ``+CSQ``."""

    def put(answer: Desk) -> Desk:
        for name in names:
            DESKS[name] = answer
        return answer

    return put
