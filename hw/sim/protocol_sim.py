"""``sim://NAME`` for pyserial: a simulated modem as a serial port, read without polling."""

from __future__ import annotations

import errno
from typing import Any

from serial import SerialBase, SerialException

from hw.sim.modem import SimModem
from hw.sim.plugs import plugs

_LONGEST_WAIT = 60.0  # only bounds the wait; data, close and cancel wake it at once


class Serial(SerialBase):  # type: ignore[misc, unused-ignore]  # pyserial's base is partly untyped
    """A port whose other end is the modem that ``hw.sim.plugs`` has behind the name."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._modem: SimModem | None = None
        self._buffer = bytearray()
        self._cancelled = False
        super().__init__(*arguments, **settings)

    def open(self) -> None:
        """Connect to the modem. Raises SerialException as for a device: missing, or in use."""
        try:
            modem = plugs.at(self.portstr or "")
        except ValueError as error:
            raise SerialException(str(error)) from error
        if modem is None:
            raise SerialException(errno.ENOENT, f"no simulated modem at {self.portstr}")
        with modem.changed:
            if modem.on_unplug is not None:
                raise SerialException(errno.EBUSY, f"{self.portstr} is in use")
            modem.on_unplug = self._lost
            modem.take(modem.steady())  # what it said while nobody listened
        self._modem = modem
        self._cancelled = False
        self.is_open = True

    def close(self) -> None:
        """Let go of the modem."""
        modem, self._modem = self._modem, None
        self.is_open = False
        if modem is not None:
            with modem.changed:
                modem.on_unplug = None
                modem.changed.notify_all()

    def read(self, size: int = 1) -> bytes:
        """Wait for size bytes; fewer after the timeout or cancel_read(). SerialException if unplugged."""
        modem = self._connected()
        deadline = None if self.timeout is None else modem.steady() + self.timeout
        with modem.changed:
            while True:
                now = modem.steady()
                self._buffer += modem.take(now)
                out_of_time = deadline is not None and now >= deadline
                if len(self._buffer) >= size or self._cancelled or out_of_time:
                    data = bytes(self._buffer[:size])
                    del self._buffer[:size]
                    self._cancelled = False
                    return data
                if self._modem is None:
                    raise SerialException(errno.EIO, f"{self.portstr} was unplugged")
                waits = [moment - now for moment in (modem.next_due(), deadline) if moment is not None]
                modem.changed.wait(min([*waits, _LONGEST_WAIT]))

    def write(self, data: Any) -> int:
        """Hand bytes to the modem."""
        modem = self._connected()
        if modem.baud in (None, self.baudrate):  # at another rate it sees framing errors, no bytes
            modem.receive(bytes(data))
        return len(data)

    def cancel_read(self) -> None:
        """Wake a reader without data."""
        modem = self._modem
        if modem is not None:
            with modem.changed:
                self._cancelled = True
                modem.changed.notify_all()

    def flush(self) -> None:
        """Nothing is ever kept back."""

    def reset_input_buffer(self) -> None:
        """Forget what was not read yet."""
        modem = self._connected()
        with modem.changed:
            modem.take(modem.steady())
            self._buffer.clear()

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        modem = self._connected()
        with modem.changed:
            self._buffer += modem.take(modem.steady())
            return len(self._buffer)

    def _connected(self) -> SimModem:
        if self._modem is None:
            raise SerialException(errno.EIO, f"{self.portstr} is gone")
        return self._modem

    def _lost(self) -> None:
        modem, self._modem = self._modem, None
        if modem is not None:
            with modem.changed:
                modem.on_unplug = None
                modem.changed.notify_all()

    def _reconfigure_port(self) -> None:
        """The line's settings do not matter to a simulation."""
