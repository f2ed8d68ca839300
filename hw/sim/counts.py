"""What a simulated modem counts, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Counts:
    """What a modem has been asked so far.

    commands: AT lines, prompts: of them AT+CMGS, bodies: ended with Ctrl-Z, parts: sent to the air.
    overlaps: commands that came before the one before was answered. strays: lines run as commands that
    are none; stray_pdus: of them PDUs; joined: lines with a second command after a semicolon.
    """

    commands: int = 0
    prompts: int = 0
    bodies: int = 0
    parts: int = 0
    refused: int = 0
    overlaps: int = 0
    strays: int = 0
    stray_pdus: int = 0
    joined: int = 0
    wrong_lengths: int = 0
    pins: int = 0

    @property
    def round_trips(self) -> int:
        """Everything the host had to wait for: commands and bodies."""
        return self.commands + self.bodies

    def as_json(self) -> dict[str, int]:
        return asdict(self) | {"round_trips": self.round_trips}
