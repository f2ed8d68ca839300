"""Simulated modems on real pseudo-terminals, dozens of them served by one thread."""

from __future__ import annotations

import fcntl
import heapq
import os
import selectors
import termios
import threading
import time
import tty
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hw.sim.modem import SimModem

_CHUNK = 65536
_MOST_UNREAD = 1 << 18  # what nobody reads is lost beyond this, as on a real line
_TICK = 1.0
_RATES = (4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)


@dataclass(eq=False)
class _Terminal:
    modem: SimModem
    master: int
    slave: int
    path: str
    link: Path | None
    unsent: bytearray = field(default_factory=bytearray)
    due: float | None = None


class SimPtys:
    """Serves modems on pseudo-terminals from one thread named ``sim-ptys``; close() removes them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._guard = threading.RLock()
        self._terminals: dict[SimModem, _Terminal] = {}
        self._timers: list[tuple[float, int, _Terminal]] = []
        self._stale: deque[_Terminal] = deque()  # have new output, announced by other threads
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="sim-ptys", daemon=True)
        self._thread.start()

    def plug_in(self, modem: SimModem, link: Path | None = None) -> str:
        """Give the modem a pseudo-terminal; returns the path to open (the link, if one is wanted)."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        terminal = _Terminal(modem, master, slave, os.ttyname(slave), link)
        if link is not None:
            with suppress(FileNotFoundError):
                link.unlink()
            link.symlink_to(terminal.path)
        with self._guard:
            self._terminals[modem] = terminal
            modem.on_output = lambda: self._announce(terminal)
            modem.on_unplug = lambda: self._remove(terminal)
            self._selector.register(master, selectors.EVENT_READ, terminal)
        self._announce(terminal)
        return str(link) if link is not None else terminal.path

    def unplug(self, modem: SimModem) -> None:
        """Pull the modem: the host's reads fail at once, the device and its link are gone."""
        modem.unplug()

    def path(self, modem: SimModem) -> str | None:
        """Where the modem can be opened now; None while it is unplugged."""
        with self._guard:
            terminal = self._terminals.get(modem)
            if terminal is None:
                return None
            return str(terminal.link) if terminal.link is not None else terminal.path

    def close(self) -> None:
        """Unplug all, end the thread."""
        with self._guard:
            for terminal in list(self._terminals.values()):
                self._remove(terminal)
            self._closing = True
        self._wake()
        self._thread.join(timeout=5.0)

    def __enter__(self) -> SimPtys:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _announce(self, terminal: _Terminal) -> None:
        if threading.current_thread() is self._thread:
            return  # the thread looks at the modem itself after it fed it
        self._stale.append(terminal)  # without the guard: the modem's own lock may be held here
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes just as well
            os.write(self._wake_w, b".")

    def _remove(self, terminal: _Terminal) -> None:
        with self._guard:
            if self._terminals.get(terminal.modem) is not terminal:
                return
            del self._terminals[terminal.modem]
            terminal.modem.on_output = terminal.modem.on_unplug = None
            self._selector.unregister(terminal.master)
            os.close(terminal.slave)
            os.close(terminal.master)
            terminal.master = -1
            if terminal.link is not None:
                with suppress(FileNotFoundError):
                    terminal.link.unlink()

    # The serving thread

    def _serve(self) -> None:
        while True:
            timeout = _TICK
            if self._timers:
                timeout = max(0.0, min(timeout, self._timers[0][0] - time.monotonic()))
            events = self._selector.select(timeout)
            with self._guard:
                if self._closing:
                    self._selector.close()
                    os.close(self._wake_r)
                    os.close(self._wake_w)
                    return
                for key, mask in events:
                    if key.data is None:
                        with suppress(BlockingIOError):
                            os.read(self._wake_r, _CHUNK)
                    elif mask & selectors.EVENT_READ:
                        self._feed(key.data)
                    else:
                        self._flush(key.data)
                for _ in range(len(self._stale)):
                    self._collect(self._stale.popleft())
                now = time.monotonic()
                while self._timers and self._timers[0][0] <= now:
                    terminal = heapq.heappop(self._timers)[2]
                    terminal.due = None
                    self._collect(terminal)

    def _feed(self, terminal: _Terminal) -> None:
        if terminal.master < 0:
            return
        try:
            data = os.read(terminal.master, _CHUNK)
        except OSError:
            return
        # A host that was killed left the terminal exclusive, since this end keeps it open.
        with suppress(OSError):
            fcntl.ioctl(terminal.slave, termios.TIOCNXCL)
        if terminal.modem.baud in (None, _rate(terminal.slave)):
            terminal.modem.receive(data)
        self._collect(terminal)

    def _collect(self, terminal: _Terminal) -> None:
        """Write what is due, and remember when to look again."""
        if terminal.master < 0:
            return
        terminal.unsent += terminal.modem.take(terminal.modem.steady())
        if terminal.master < 0:  # what was due pulled the plug
            return
        self._flush(terminal)
        due = terminal.modem.next_due()
        if due is not None and (terminal.due is None or due < terminal.due):
            terminal.due = due
            heapq.heappush(self._timers, (due, id(terminal), terminal))

    def _flush(self, terminal: _Terminal) -> None:
        if terminal.master < 0:
            return
        if terminal.unsent:
            try:
                del terminal.unsent[: os.write(terminal.master, terminal.unsent)]
            except BlockingIOError:
                pass
            except OSError:
                terminal.unsent.clear()
        del terminal.unsent[:-_MOST_UNREAD]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if terminal.unsent else 0)
        if self._selector.get_key(terminal.master).events != wanted:
            self._selector.modify(terminal.master, wanted, terminal)


def _rate(slave: int) -> int | None:
    """The rate that the host set, in bits per second."""
    speed = termios.tcgetattr(slave)[5]
    return next((rate for rate in _RATES if speed == getattr(termios, f"B{rate}")), None)
