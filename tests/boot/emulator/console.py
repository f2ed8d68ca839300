"""A root shell on the guest's serial port: run a command, get output and status, however noisy the line."""

import codecs
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.boot.emulator.waiting import patience

# Colours, bracketed paste, and the "OSC 3008" marks systemd's shells print around every command.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r")
_LONGEST = 500

_PLAIN = "stty -echo; export TERM=dumb PAGER=cat SYSTEMD_COLORS=0 HOME=/root; cd; PS1=; PS2=; dmesg -n 1"


class Silence(TimeoutError):
    """The guest did not say what it should in time; the text is the end of what it said."""


class CommandFailed(AssertionError):
    """A command in the guest ended with a status other than 0."""


class Console:
    """Listens all the time: a guest that prints what nobody takes stops, and the whole emulator with it."""

    def __init__(self, path: Path, alive: Callable[[], None], log: Path) -> None:
        self._alive = alive  # raises when the emulator has died
        self._log = log.open("ab")
        self._news = threading.Condition()
        self._heard = ""
        self._count = 0
        self._socket = _connect(path, alive)
        self._listener = threading.Thread(target=self._listen, name="console", daemon=True)
        self._listener.start()

    def wait_for(self, pattern: str, timeout: float) -> re.Match[str]:
        """What the guest says next that matches; everything up to its end is then taken as heard."""
        deadline = time.monotonic() + timeout
        with self._news:
            while not (found := re.search(pattern, self._heard)):
                if time.monotonic() > deadline:
                    end = self._heard[-1500:]
                    raise Silence(f"no {pattern!r} within {timeout:.0f} s; last heard: {end!r}")
                self._alive()
                self._news.wait(0.5)
            self._heard = self._heard[found.end() :]
            return found

    def find_shell(self, timeout: float) -> None:
        """Waits for the shell's prompt and makes it a plain shell.

        Nothing is typed before: bytes that reach the port before Linux has opened it stop its input for good.
        """
        deadline = time.monotonic() + timeout
        self.wait_for(r"root@[\w-]+:\S*# ", timeout)
        while True:
            self.type(f"{_PLAIN}; echo r''eady")
            try:
                self.wait_for(r"(?m)^ready$", patience(5))
            except Silence:
                if time.monotonic() > deadline:
                    raise
            else:
                self.run("true")  # answers to earlier calls are now behind us
                return

    def run(self, command: str, timeout: float = patience(30), check: bool = True) -> str:
        """The output of a shell command (standard error too); raises CommandFailed unless check is False."""
        self._count += 1
        self.type(f"{{ {command}\n}} </dev/null 2>&1; status=$?; echo; echo @end {self._count} $status")
        found = self.wait_for(rf"(?s)^(.*?)\n?@end {self._count} (\d+)\n", timeout)
        output, status = found[1].strip("\n"), int(found[2])
        if check and status:
            raise CommandFailed(f"{command!r} ended with {status}:\n{output[-4000:]}")
        return output

    def succeeds(self, command: str, timeout: float = patience(30)) -> bool:
        return self.run(f"{command} >/dev/null && echo @yes || echo @no", timeout, check=False).endswith(
            "@yes"
        )

    def eventually(self, command: str, timeout: float = patience(30)) -> str:
        """The output of a command once it succeeds, tried every second."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.run(command, max(deadline - time.monotonic(), 5.0))
            except CommandFailed:
                if time.monotonic() > deadline:
                    raise
            time.sleep(1.0)

    def heard(self) -> str:
        """What the guest said that nobody has waited for yet."""
        with self._news:
            return self._heard

    def last_words(self) -> str:
        """The same of a machine that has ended, to the last byte that left it."""
        self._listener.join(patience(8))
        return self.heard()

    def forget(self) -> None:
        """What was said until now was said by a machine that is no more; the shell is at its prompt."""
        time.sleep(0.2)
        with self._news:
            self._heard = ""
        self.run("true")

    def type(self, text: str) -> None:
        """Types a line without waiting for anything."""
        self._socket.sendall(text.encode() + b"\n")

    def _listen(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with self._log, self._socket:
            while data := self._next():
                self._log.write(data)
                self._log.flush()
                with self._news:
                    # An escape sequence may come in pieces.
                    before, end = self._heard[:-_LONGEST], self._heard[-_LONGEST:]
                    self._heard = before + _ESCAPES.sub("", end + decoder.decode(data))
                    self._news.notify_all()

    def _next(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""  # the emulator was ended


def _connect(path: Path, alive: Callable[[], None]) -> socket.socket:
    deadline = time.monotonic() + patience(8)
    while True:
        port = socket.socket(socket.AF_UNIX)
        try:
            port.connect(str(path))
        except OSError:
            port.close()
            alive()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return port
