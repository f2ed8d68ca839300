"""Which modem may carry a number: the longest prefix first, then the default, then any, in turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Lane:
    """A modem that may carry a message. ``wait``: seconds until it could begin one more.

    stuck: one message, or a limit, has held it up for long: others come first, whatever they match.
    """

    modem: str
    name: str
    prefixes: tuple[str, ...] = ()
    default: bool = False
    wait: float = 0.0
    queued: int = 0
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A lane and why it stands where it stands, in words for the routing simulator."""

    lane: Lane
    why: str


class Router:
    """Orders lanes for one number; equals take turns, the shorter queue first."""

    def __init__(self) -> None:
        self._turns = count()  # next() is atomic

    def candidates(self, number: str, lanes: Iterable[Lane]) -> list[Choice]:
        """All lanes, best first. The first group that is not empty is the route; the rest is fail-over."""
        turn = next(self._turns)
        ranked = []
        for position, lane in enumerate(lanes):
            matched = max((p for p in lane.prefixes if number.startswith(p)), key=len, default="")
            if matched:
                rank, why = -len(matched), f"prefix {matched}"
            elif lane.default:
                rank, why = 1, "default modem"
            else:
                rank, why = 2, "any modem"
            ranked.append((lane.stuck, rank, lane.queued, position, Choice(lane, why)))
        width = len(ranked) or 1
        ranked.sort(key=lambda entry: (*entry[:3], (entry[3] - turn) % width))
        return [choice for *_, choice in ranked]
