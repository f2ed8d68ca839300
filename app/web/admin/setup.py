"""The set-up code: who holds the device's card may make its first administrator."""

from __future__ import annotations

import hmac
import json
import secrets
from pathlib import Path

from app.settings.files import write_whole

DIGITS = 8


class SetupCode:
    """The code of one home: the one printed on the card where first boot made one, else a file of its own."""

    def __init__(self, home: Path) -> None:
        self._card = home / "card.json"
        self._file = home / "setup-code"

    def code(self) -> str:
        """``1234-5678``; made now if there is none. Raises OSError when it cannot be kept."""
        for read in (self._from_card, self._from_file):
            if found := read():
                return found
        digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        made = f"{digits[:4]}-{digits[4:]}"
        write_whole(self._file, f"{made}\n".encode())
        return made

    def fits(self, given: str) -> bool:
        """Whether somebody typed it, with or without the dash."""
        return hmac.compare_digest(_digits(given).encode(), _digits(self.code()).encode())

    def _from_card(self) -> str:
        try:
            return str(json.loads(self._card.read_bytes())["setup_code"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _from_file(self) -> str:
        try:
            return self._file.read_text("ascii").strip()
        except (OSError, ValueError):
            return ""


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii() and sign.isdigit())
