"""One connection to one broker, as the subscriber sees it: the small contract every driver fulfils."""

from __future__ import annotations

import hashlib
import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Unpublishable(Exception):
    """An answer cannot go to the topic it asks for; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came. token: what ``settle`` wants back; None when the broker has let go of it.

    redelivered: the broker says it may have given it to us (or to another device) before.
    name: the broker's own name of the message, where it is the same each time the message is given.
    put_back: it was asked for once already, and is asked for again after a while.
    """

    body: bytes = field(repr=False)
    token: Any = None
    redelivered: bool = False
    name: str = ""
    put_back: bool = False

    @property
    def digest(self) -> bytes:
        """What tells its body from others."""
        return hashlib.sha256(self.body).digest()


class Link(Protocol):
    """One connection, made anew after each loss. All but ``wake`` are called by the subscriber's thread.

    Each raises ``dial.Fault`` when the connection is of no use any more; whatever was not settled by then
    the broker gives again to the next link.
    """

    def open(self) -> None:
        """Connect, sign in and subscribe, each within the timeout."""
        ...

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        """Wait for traffic, at most so long and no longer than until ``wake``; what came in comes back.

        room: how many messages the house can take; with none the link does not read any.
        """
        ...

    def limit(self, prefetch: int) -> None:
        """How many messages may be under way at a time from now on.

        0, where several devices share the messages: take none, another one may carry them.
        """
        ...

    def settle(self, token: Any) -> None:
        """The outcome is known: the broker may forget the message."""
        ...

    def release(self, token: Any) -> bool:
        """Nothing was done: the broker may give the message to another device. False if it cannot."""
        ...

    def publish(self, topic: str, body: bytes) -> None:
        """Publish an answer. Raises Unpublishable when only this topic is at fault."""
        ...

    def wake(self) -> None:
        """End a ``turn`` early; from any thread, also before and after the link's life."""
        ...

    def close(self) -> None:
        """Sign off as far as that is possible, and free everything. Never raises."""
        ...


class Bell:
    """Wakes a thread that waits for a socket; rung once or often, it rings until it was heard."""

    def __init__(self) -> None:
        self._ear, self._rope = socket.socketpair()
        self._ear.setblocking(False)
        self._rope.setblocking(False)

    def ring(self) -> None:
        try:
            self._rope.send(b"!")
        except OSError:
            pass  # full: it rings already; closed: nobody waits any more

    def wait(self, other: socket.socket | None, seconds: float, write: bool = False) -> bool:
        """Wait for the bell or for the socket; True when the socket can be read (or written, if asked)."""
        with selectors.DefaultSelector() as either:
            either.register(self._ear, selectors.EVENT_READ)
            if other is not None:
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
                either.register(other, wanted)
            ready = [key.fileobj for key, _ in either.select(max(0.0, seconds))]
        if self._ear in ready:
            try:
                self._ear.recv(4096)
            except OSError:
                pass
        return other in ready if other is not None else False

    def close(self) -> None:
        self._ear.close()
        self._rope.close()
