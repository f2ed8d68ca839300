"""One line of the table: a figure and the target it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table. limit: the target; least: whether the figure must be at least that."""

    name: str
    figure: float
    unit: str
    limit: float | None = None
    least: bool = False

    @property
    def met(self) -> bool:
        if self.limit is None:
            return True
        return self.figure >= self.limit if self.least else self.figure <= self.limit
