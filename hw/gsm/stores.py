"""The message stores of a modem: read and deleted by place, and never left in another one than ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hw.at import stored
from hw.at.channel import AtChannel
from hw.errors import AtError

#: "Invalid memory index" (27.005 §3.2.5): nothing lies there.
_EMPTY = (321, "invalid memory index")


class Stores:
    """ours: the store that the start sequence chose, None where the modem does not tell."""

    def __init__(self, channel: AtChannel) -> None:
        self.ours: str | None = None
        self._channel = channel
        self._astray = False  # whether another one may still be chosen for reading

    def settle(self, ours: str | None) -> None:
        """The modem was started, or taken up, with this store."""
        self.ours, self._astray = ours, False

    def elsewhere(self, store: str | None) -> bool:
        """Whether news name another store than ours, whose places have the same numbers."""
        return self.ours is not None and store is not None and store != self.ours and store.isalpha()

    def list(self) -> list[stored.Stored]:
        with self._at(None):
            return stored.listing(self._channel.ask("AT+CMGL=4").lines)

    def read(self, index: int, store: str | None) -> stored.Stored | None:
        try:
            with self._at(store):
                return stored.message(self._channel.ask(f"AT+CMGR={int(index)}").lines, index)
        except AtError as error:
            if error.code in _EMPTY:
                return None
            raise

    def delete(self, index: int, store: str | None) -> None:
        try:
            with self._at(store):
                self._channel.ask(f"AT+CMGD={int(index)}")
        except AtError as error:
            if error.code not in _EMPTY:
                raise

    @contextmanager
    def _at(self, store: str | None) -> Iterator[None]:
        """Another store for reading and deleting, for a moment (27.005 §3.2.2)."""
        if self._astray:
            self._return()
        if not self.elsewhere(store):
            yield
            return
        self._astray = True  # until the modem says that it is back
        self._channel.ask(f'AT+CPMS="{store}"')
        try:
            yield
        finally:
            self._return()

    def _return(self) -> None:
        self._channel.ask(f'AT+CPMS="{self.ours}"')
        self._astray = False
