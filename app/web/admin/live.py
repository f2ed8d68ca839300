"""Live pages by Server-Sent Events: a bounded queue a viewer, few viewers, and a heartbeat."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue

from app.core.events import Event, Events, MessageAccepted, MessageDone, MessageSending

VIEWERS = 8
HEARTBEAT = 10.0  # seconds; also how often a page looks for what no event tells, such as signal
LONGEST = 1800.0  # seconds after which a browser has to come again
WAITING = 64  # events a viewer that does not read may have before it; then the newest are left out
_EVERY_MESSAGE = (MessageAccepted, MessageSending, MessageDone)


class Told(Event):
    """Somebody was told something that waits in their session."""


class TooMany(Exception):
    """There are as many viewers as there may be."""


class Live:
    """Hands events to viewers; moves(): whether messages may be shown moving."""

    def __init__(self, events: Events, steady: Callable[[], float], moves: Callable[[], bool]) -> None:
        self._events = events
        self._steady = steady
        self._moves = moves
        self._lock = threading.Lock()
        self._viewers: set[Queue[Event | None]] = set()
        self._stopping = False

    def stop(self) -> None:
        """End all streams."""
        with self._lock:
            self._stopping = True
            for queue in self._viewers:
                _offer(queue, None)

    def tell(self) -> None:
        """Have open pages look for notices."""
        with self._lock:
            for queue in self._viewers:
                _offer(queue, Told())

    def stream(self, alive: Callable[[], bool]) -> Iterator[bytes]:
        """The octets of one viewer's stream. Raises TooMany at once; ends when ``alive()`` is over."""
        queue: Queue[Event | None] = Queue(WAITING)
        with self._lock:
            if len(self._viewers) >= VIEWERS or self._stopping:
                raise TooMany(f"{VIEWERS} pages are watched live already")
            self._viewers.add(queue)
        return self._flow(queue, alive)

    def _flow(self, queue: Queue[Event | None], alive: Callable[[], bool]) -> Iterator[bytes]:
        leave = self._events.listen(lambda event: _offer(queue, event))
        until = self._steady() + LONGEST
        try:
            yield b"retry: 5000\nevent: changed\ndata: hello\n\n"
            while not self._stopping and alive() and self._steady() < until:
                try:
                    event = queue.get(timeout=HEARTBEAT)
                except Empty:
                    yield b"event: changed\ndata: beat\n\n"
                    continue
                if event is not None:
                    yield b"".join(self._told(event))
        finally:
            leave()
            with self._lock:
                self._viewers.discard(queue)

    def _told(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, Told):
            yield b"event: told\ndata: notice\n\n"
            return
        if isinstance(event, _EVERY_MESSAGE) and self._moves():
            yield f"event: move\ndata: {json.dumps(_move(event))}\n\n".encode()
        yield b"event: changed\ndata: event\n\n"

    @property
    def viewers(self) -> int:
        return len(self._viewers)


def _move(event: MessageAccepted | MessageSending | MessageDone) -> dict[str, object]:
    match event:
        case MessageAccepted():
            return {"step": "accepted", "seq": event.seq, "door": event.door, "number": event.receiver}
        case MessageSending():
            return {"step": "sending", "seq": event.seq, "modem": event.modem, "number": event.receiver}
        case MessageDone():
            return {"step": "done", "seq": event.seq, "modem": event.modem, "state": event.state}


def _offer(queue: Queue[Event | None], event: Event | None) -> None:
    try:
        queue.put_nowait(event)
    except Full:
        pass
