"""The latest lines of the log, kept in memory for the page that shows them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

LINES = 1500
LONGEST = 500  # characters of one line


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    at: float
    level: str
    source: str
    text: str


class LogRing(logging.Handler):
    """A handler for the root logger; a line keeps no control characters, so that none can forge another."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[Line] = deque(maxlen=LINES)
        self._numbers = count(1)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:LONGEST]
        plain = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
        self._lines.append(Line(next(self._numbers), record.created, record.levelname, record.name, plain))

    def lines(self, level: int = 0, search: str = "", most: int = 200) -> Sequence[Line]:
        """The newest lines of at least this level that hold the text, oldest first."""
        wanted = search.casefold()
        found = [
            line
            for line in list(self._lines)
            if getattr(logging, line.level, 0) >= level
            and (wanted in line.text.casefold() or wanted in line.source.casefold())
        ]
        return found[-most:]
