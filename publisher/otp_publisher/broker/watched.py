"""A file that is read again when it has changed; while it cannot be read, what was read last stands."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

log = logging.getLogger("otp_publisher.broker")


class Parsed(Protocol):
    @property
    def bad_lines(self) -> tuple[int, ...]: ...


Content = TypeVar("Content", bound=Parsed)


class Watched(Generic[Content]):
    """`current` costs one `stat` while nothing has changed. The first reading raises OSError."""

    def __init__(self, path: Path, parse: Callable[[str], Content]) -> None:
        self._path = path
        self._parse = parse
        self._seen = self._state()
        self._content = self._read()
        self._trouble = ""

    @property
    def current(self) -> Content:
        try:
            state = self._state()
            if state != self._seen:
                self._content = self._read()
                # Only now: a change while reading is seen the next time.
                self._seen = state
                log.info("%s was read again", self._path)
            self._trouble = ""
        except OSError as error:
            if not self._trouble:
                log.error("cannot read %s (%s); what it said before stands", self._path, error.strerror)
            self._trouble = str(error.strerror)
        return self._content

    @property
    def trouble(self) -> str:
        """Why the file cannot be read, in words; empty while it can."""
        return self._trouble

    def _read(self) -> Content:
        content = self._parse(self._path.read_text("utf-8", "surrogateescape"))
        for number in content.bad_lines:
            log.warning("%s line %d is of no use", self._path, number)
        return content

    def _state(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
