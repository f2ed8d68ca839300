"""Ports: opened alone, read at once, lost at once."""

from __future__ import annotations

import os
import termios
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.errors import DeviceMissing, HwError, PortBusy, PortLost
from hw.ports import Line, Port, open_port

PATIENCE = 20.0


@pytest.fixture
def pair() -> Iterator[tuple[int, str]]:
    """The far end of a pseudo-terminal, and the path of the near one."""
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    # the first opening of the near end is the test's: until then the far end counts as hung up
    yield master, path
    try:
        os.close(master)
    except OSError:
        pass


def _reading(port: Port) -> tuple[threading.Thread, list[bytes | PortLost]]:
    """A thread that blocks in read(), and what came of it."""
    result: list[bytes | PortLost] = []
    entered = threading.Event()

    def read() -> None:
        entered.set()
        try:
            result.append(port.read())
        except PortLost as error:
            result.append(error)

    thread = threading.Thread(target=read, name="reading", daemon=True)
    thread.start()
    assert entered.wait(PATIENCE)
    return thread, result


def test_bytes_go_both_ways(pair: tuple[int, str]) -> None:
    master, path = pair
    port = open_port(path)
    port.write(b"AT\r")
    assert os.read(master, 100) == b"AT\r"
    os.write(master, b"\r\nOK\r\n")
    assert port.read() == b"\r\nOK\r\n"
    port.close()


@pytest.mark.parametrize("prefix", ["", "spy://"])
def test_closing_wakes_a_reader(pair: tuple[int, str], prefix: str) -> None:
    port = open_port(prefix + pair[1] + ("?file=/dev/null" if prefix else ""))
    thread, result = _reading(port)
    time.sleep(0.05)  # so that it blocks; the result is the same if it does not yet
    port.close()
    thread.join(PATIENCE)
    assert result == [b""]
    port.close()


def test_an_unplugged_device_is_lost_at_once(pair: tuple[int, str]) -> None:
    master, path = pair
    port = open_port(path)
    thread, result = _reading(port)
    os.close(master)
    thread.join(PATIENCE)
    assert isinstance(result[0], PortLost)
    with pytest.raises(PortLost):
        port.write(b"AT\r")
    port.close()


def test_a_closed_port_refuses_to_write(pair: tuple[int, str]) -> None:
    port = open_port(pair[1])
    port.close()
    with pytest.raises(PortLost, match="closed"):
        port.write(b"AT\r")


def test_the_lines_settings_are_applied(pair: tuple[int, str]) -> None:
    port = open_port(pair[1], Line(baud=9600, data_bits=7, parity="E", stop_bits=2))
    descriptor = os.open(pair[1], os.O_RDWR | os.O_NOCTTY)
    control, speed = termios.tcgetattr(descriptor)[2], termios.tcgetattr(descriptor)[4]
    os.close(descriptor)
    port.close()
    assert speed == termios.B9600
    # a pseudo-terminal keeps CS8 and no parity whatever is asked (Linux pty_set_termios)
    assert control & termios.CSTOPB


def test_wrong_settings_are_refused(pair: tuple[int, str]) -> None:
    with pytest.raises(HwError, match="cannot be opened"):
        open_port(pair[1], Line(parity="X"))


def test_a_port_is_opened_by_one_only(pair: tuple[int, str]) -> None:
    port = open_port(pair[1])
    with pytest.raises(PortBusy, match="in use by another program"):
        open_port(pair[1])
    port.close()
    open_port(pair[1]).close()


@pytest.mark.parametrize("url", ["/dev/ttyNOWHERE7", "/dev/pts/99999", "/dev/null/x"])
def test_a_missing_device_is_named(url: str) -> None:
    with pytest.raises(DeviceMissing, match=f"no device at {url}"):
        open_port(url)


def test_something_that_is_no_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(HwError):
        open_port(str(file))
    with pytest.raises(HwError):
        open_port("nonsense://x")


def test_no_descriptor_is_left_behind(pair: tuple[int, str]) -> None:
    path = pair[1]
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        port = open_port(path)
        thread, _ = _reading(port)
        port.close()
        thread.join(PATIENCE)
    assert len(os.listdir("/proc/self/fd")) == before
