"""Parts of long messages wait here for one another, in any order, and come out joined.

Parts are joined as septets or octets and decoded afterwards: an escape or a surrogate pair that some sender
tore apart becomes whole again. Nothing is lost in silence: what stays incomplete comes out as well, with the
numbers of the missing parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hw.gsm.charset import Alphabet, Tables, decode_septets, decode_ucs2
from hw.gsm.messages import Deliver
from hw.gsm.udh import Concat, Ports

PATIENCE: Final = 24 * 3600.0  # seconds that parts wait; references of 8 bits come round again
MOST_WAITING: Final = 1000  # parts, over all messages
_REMEMBERED: Final = 100  # whole messages whose parts are known again

_Key: TypeAlias = tuple[str, int, int, int, Ports | None]
_Coding: TypeAlias = tuple[Alphabet, Tables, bool]


@dataclass(frozen=True, slots=True)
class Joined:
    """A message of one or more parts, in order."""

    parts: tuple[Deliver, ...] = field(repr=False)
    text: str | None = field(repr=False)
    """None when no part has readable text."""
    data: bytes | None = field(repr=False)
    """The octets of 8-bit parts; None when there are none."""
    missing: tuple[int, ...] = ()
    """The numbers of the parts that never came."""
    rows: tuple[int, ...] = ()
    """What the parts were put in under, repeated ones included."""

    @property
    def first(self) -> Deliver:
        """The earliest part there is: it names the sender and the time."""
        return self.parts[0]


def _key(part: Deliver, concat: Concat) -> _Key:
    return part.address.number, concat.ref, concat.bits, concat.total, part.content.ports


def join(parts: Mapping[int, Deliver], total: int, rows: Sequence[int] = ()) -> Joined:
    """Join the parts, by number, of a message of ``total``; at least one must be there."""
    numbers = sorted(parts)
    texts: list[str] = []
    run, coding, before = b"", None, 0
    for number in numbers:
        content = parts[number].content
        own: _Coding = content.alphabet, content.tables, content.text is not None
        if own != coding or number != before + 1:  # a pair cannot reach over a gap or another alphabet
            texts += _text(coding, run)
            run, coding = b"", own
        run, before = run + content.units, number
    texts += _text(coding, run)
    octets = [parts[number].content.data for number in numbers]
    data = [piece for piece in octets if piece is not None]
    return Joined(
        tuple(parts[number] for number in numbers),
        "".join(texts) if texts else None,
        b"".join(data) if data else None,
        tuple(number for number in range(1, total + 1) if number not in parts),
        tuple(rows),
    )


def _text(coding: _Coding | None, units: bytes) -> list[str]:
    if coding is None or not coding[2]:
        return []
    alphabet, tables, _ = coding
    return [decode_septets(units, tables) if alphabet == "gsm7" else decode_ucs2(units)]


@dataclass(slots=True)
class _Waiting:
    """The parts of one message so far, and when the first of them came."""

    since: float
    total: int
    parts: dict[int, Deliver] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)


class Shelf:
    """Where parts wait; has no clock and no store: the caller keeps the PDUs and puts them in again at start.

    at: any clock that only goes forward, in seconds; row: what the caller knows the part by.
    """

    def __init__(self, patience: float = PATIENCE, most_waiting: int = MOST_WAITING) -> None:
        self._patience = patience
        self._most_waiting = most_waiting
        self._shelf: dict[_Key, _Waiting] = {}  # oldest first
        self._whole: dict[_Key, _Waiting] = {}  # likewise

    def __len__(self) -> int:
        """How many parts wait."""
        return sum(len(waiting.parts) for waiting in self._shelf.values())

    def put(self, part: Deliver, at: float, row: int = 0) -> list[Joined]:
        """Take a part; returns the messages that end with it: whole ones, and those that are given up for it.

        A message is one sender's, with one reference, width of reference, total and pair of ports. The same
        part again is ignored, also shortly after its message was whole (networks repeat what seems lost).
        Another part under the same number shows that the reference came round: the older message is given up.
        """
        concat = part.content.part_of
        if concat is None:
            return [*self.give_up(at), join({1: part}, 1, [row])]
        ended = self.give_up(at)
        if self.row_of(part) is not None:
            return ended
        key = _key(part, concat)
        waiting = self._shelf.get(key)
        if waiting is not None and concat.seq in waiting.parts:
            if waiting.parts[concat.seq].content == part.content:
                waiting.rows.append(row)
                return ended
            ended.append(self._take(key))
            waiting = None
        if waiting is None:
            waiting = self._shelf[key] = _Waiting(at, concat.total)
        waiting.parts[concat.seq] = part
        waiting.rows.append(row)
        if len(waiting.parts) == concat.total:
            ended.append(self._take(key))
            self._remember(key, waiting)
        while len(self) > self._most_waiting:
            ended.append(self._take(next(iter(self._shelf))))
        return ended

    def row_of(self, part: Deliver) -> int | None:
        """A row of the message, whole since shortly, of which this is a part once more; None: of no such."""
        concat = part.content.part_of
        whole = self._whole.get(_key(part, concat)) if concat is not None else None
        known = whole.parts.get(concat.seq) if whole is not None and concat is not None else None
        if whole is None or known is None or (known.content, known.scts) != (part.content, part.scts):
            return None
        return whole.rows[0]

    def give_up(self, at: float) -> list[Joined]:
        """The messages whose first part has waited too long, as far as they came."""
        overdue = [key for key, waiting in self._shelf.items() if at - waiting.since > self._patience]
        return [self._take(key) for key in overdue]

    def _remember(self, key: _Key, whole: _Waiting) -> None:
        self._whole.pop(key, None)
        self._whole[key] = whole
        if len(self._whole) > _REMEMBERED:
            del self._whole[next(iter(self._whole))]

    def _take(self, key: _Key) -> Joined:
        waiting = self._shelf.pop(key)
        return join(waiting.parts, waiting.total, waiting.rows)
