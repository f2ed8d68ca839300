"""Open a serial port by its url and read it without any polling delay."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import serial

from hw.errors import DeviceMissing, HwError, PortBusy, PortLost

#: A port whose flow control blocks our bytes for this long is given up (seconds).
WRITE_PATIENCE = 5.0
_CHUNK = 65536
_WANTS_READ = select.POLLIN | select.POLLPRI

# pyserial looks for ``protocol_sim`` in these packages: ``sim://NAME`` is one more serial port.
if "hw.sim" not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append("hw.sim")


@dataclass(frozen=True)
class Line:
    """The serial line's settings; every one of them is applied to the port.

    baud: bits per second. data_bits: 5 to 8. parity: N, E, O, M or S. stop_bits: 1, 1.5 or 2.
    """

    baud: int = 115200
    data_bits: int = 8
    parity: str = "N"
    stop_bits: float = 1
    rts_cts: bool = False


class Port(Protocol):
    """What the AT channel needs of a serial port."""

    url: str

    def read(self) -> bytes:
        """Wait for bytes and hand over all there are; ``b""`` after close(). Raises PortLost."""

    def write(self, data: bytes) -> None:
        """Write all of data. Raises PortLost."""

    def close(self) -> None:
        """Release the port and wake a reader; may be called more than once, from any thread."""


def open_port(url: str, line: Line | None = None) -> Port:
    """Open ``/dev/…``, ``sim://NAME``, ``spy://…`` or any other pyserial url, exclusively.

    Raises DeviceMissing if it is not there, PortBusy if somebody else has it, HwError if it refuses
    the line's settings.
    """
    line = line or Line()
    by_path = "://" not in url
    try:
        stream = serial.serial_for_url(
            url,
            do_not_open=True,
            baudrate=line.baud,
            bytesize=line.data_bits,
            parity=line.parity,
            stopbits=line.stop_bits,
            rtscts=line.rts_cts,
            timeout=None,
        )
        if by_path:
            stream.exclusive = True
        stream.open()
    except (OSError, ValueError, termios.error) as error:
        raise _opening_error(url, error) from error
    if by_path:
        with suppress(OSError):  # not every driver knows it; pyserial's flock stands in any case
            fcntl.ioctl(stream.fileno(), termios.TIOCEXCL)
        return DevicePort(url, stream)
    return StreamPort(url, stream)


def _opening_error(url: str, error: Exception) -> HwError:
    if isinstance(error, DeviceMissing | PortBusy):
        return error
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOTDIR):
        return DeviceMissing(f"There is no device at {url}.")
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return PortBusy(f"The port {url} is in use by another program.")
    if number in (errno.EACCES, errno.EPERM):
        return PortBusy(f"The system refuses access to {url}; the user must be in group dialout.")
    if number in (errno.ENOTTY, errno.EISDIR) or isinstance(error, termios.error):
        return HwError(f"{url} is not a serial port.")
    return HwError(f"The port {url} cannot be opened: {error}")


class DevicePort:
    """A port with a file descriptor: poll() wakes us the moment a byte is there, or at close()."""

    def __init__(self, url: str, stream: serial.Serial) -> None:
        self.url = url
        self._stream = stream
        self._fd: int = stream.fileno()
        self._wake_r, self._wake_w = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._fd, _WANTS_READ)
        self._poll.register(self._wake_r, select.POLLIN)
        self._closing = threading.Event()
        self._users = threading.Condition()
        self._inside = 0
        self._released = False

    def read(self) -> bytes:
        if not self._enter():
            return b""
        try:
            while True:
                self._poll.poll()
                if self._closing.is_set():
                    return b""
                try:
                    data = os.read(self._fd, _CHUNK)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise self._lost(error) from error
                if not data:  # the driver's hang-up: an unplugged stick, or the other end of a pty gone
                    raise PortLost(f"The device at {self.url} is gone.")
                return data
        finally:
            self._leave()

    def write(self, data: bytes) -> None:
        if not self._enter():
            raise PortLost(f"The port {self.url} is closed.")
        try:
            view = memoryview(data)
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    self._wait_until_writable()
                except OSError as error:
                    raise self._lost(error) from error
        finally:
            self._leave()

    def close(self) -> None:
        with self._users:
            if self._closing.is_set():
                return
            self._closing.set()
            os.write(self._wake_w, b".")
            if not self._inside:
                self._release()

    def _enter(self) -> bool:
        with self._users:
            if self._closing.is_set():
                return False
            self._inside += 1
            return True

    def _leave(self) -> None:
        # The descriptor is closed by the last one out: its number must not be reused under a reader.
        with self._users:
            self._inside -= 1
            if self._closing.is_set() and not self._inside:
                self._release()

    def _release(self) -> None:
        if self._released:
            return
        self._released = True
        with suppress(OSError):
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        with suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCOFLUSH)  # closing must not wait for a dead modem
        with suppress(OSError):
            self._stream.close()
        os.close(self._wake_r)
        os.close(self._wake_w)

    def _wait_until_writable(self) -> None:
        waiting = select.poll()
        waiting.register(self._fd, select.POLLOUT)
        waiting.register(self._wake_r, select.POLLIN)
        if not waiting.poll(WRITE_PATIENCE * 1000) or self._closing.is_set():
            raise PortLost(f"The device at {self.url} takes no more data.")

    def _lost(self, error: OSError) -> PortLost:
        reason = errno.errorcode.get(error.errno or 0, "error")
        return PortLost(f"The device at {self.url} is gone ({reason}).")


class StreamPort:
    """Any other pyserial port; reads block inside pyserial and are cancelled by close()."""

    def __init__(self, url: str, stream: serial.Serial) -> None:
        self.url = url
        self._stream = stream
        self._closed = False

    def read(self) -> bytes:
        try:
            first: bytes = self._stream.read(1)
            if self._closed or not first:
                return b""
            return first + bytes(self._stream.read(self._stream.in_waiting))
        except (OSError, TypeError, ValueError) as error:
            # pyserial's own streams raise TypeError or ValueError when closed under a reader
            if self._closed:
                return b""
            raise PortLost(f"The device at {self.url} is gone.") from error

    def write(self, data: bytes) -> None:
        if self._closed:
            raise PortLost(f"The port {self.url} is closed.")
        try:
            self._stream.write(data)
        except (OSError, TypeError, ValueError) as error:
            raise PortLost(f"The device at {self.url} is gone.") from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(OSError, AttributeError):
            self._stream.cancel_read()
        with suppress(OSError):
            self._stream.close()
