"""The real chat(8) with our script, its modem played by hand; the real pppd(8) reading what we write."""

from __future__ import annotations

import os
import select
import subprocess
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.system.dialup import chat_script, pppd_options
from tests.device.test_dialup import no_ppp, plan
from tests.wanting import need, program, unless

CHAT, NO_CHAT = program("chat", "ppp")
PPPD, NO_PPPD = program("pppd", "ppp")

#: What chat says, line by line, to the modem of these settings.
DIALOGUE = ["AT", "ATZ", "AT^CURC=0", 'AT+CGDCONT=1,"IP","internet"', "ATD*99***1#"]


class Line:
    """The modem's end of a line, played by the test."""

    def __init__(self, script: Path) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.chat = subprocess.Popen([str(CHAT), "-f", str(script)], stdin=slave, stdout=slave)
        os.close(slave)

    def hear(self) -> str:
        """The next line that chat says, without its carriage return."""
        said = b""
        until = time.monotonic() + 30
        while not said.endswith(b"\r"):
            assert select.select([self._master], [], [], until - time.monotonic())[0], said
            said += os.read(self._master, 1)
        return said[:-1].decode("ascii")

    def say(self, answer: str) -> None:
        os.write(self._master, f"\r\n{answer}\r\n".encode("ascii"))

    def close(self) -> None:
        self.chat.kill()
        self.chat.wait(10)
        os.close(self._master)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    need(NO_CHAT)
    script = tmp_path / "script"
    script.write_text(chat_script(plan()))
    line = Line(script)
    yield line
    line.close()


def test_chat_says_every_line_in_turn_and_ends_well_with_connect(line: Line) -> None:
    heard = []
    for _ in DIALOGUE[:-1]:
        heard.append(line.hear())
        line.say("OK")
    heard.append(line.hear())
    assert heard == DIALOGUE
    assert line.chat.poll() is None
    line.say("CONNECT 7200000")
    assert line.chat.wait(30) == 0


@pytest.mark.parametrize(
    ("answer", "status"),
    # chat(8): 4 and on for the ABORT strings, in the order of the script.
    [("BUSY", 4), ("NO CARRIER", 5), ("NO DIALTONE", 6), ("NO ANSWER", 7), ("+CME ERROR: 30", 8)],
)
def test_chat_gives_up_at_once_when_the_modem_says_that_it_is_over(
    line: Line, answer: str, status: int
) -> None:
    for _ in DIALOGUE[:-1]:
        line.hear()
        line.say("OK")
    line.hear()
    line.say(answer)
    assert line.chat.wait(30) == status


def test_chat_waits_for_each_ok_before_it_goes_on(line: Line) -> None:
    assert line.hear() == "AT"
    line.say("^RSSI:18")  # noise is not an answer
    line.say("OK")
    assert line.hear() == "ATZ"


@unless(not NO_PPPD, NO_PPPD)
@pytest.mark.parametrize(
    ("spoiled", "status"),
    [("", 4 if no_ppp() else 0), ("defaultroute-metrik 3", 2), ("lcp-echo-interval often", 2)],
)
def test_the_option_parser_of_the_real_pppd_takes_our_file_and_no_spoiled_one(
    tmp_path: Path, spoiled: str, status: int
) -> None:
    """Without PPP in the kernel pppd says so (4), after it has read every option."""
    options = tmp_path / "options"
    for route in ("default", "fallback"):
        text = pppd_options(plan(internet_route=route), tmp_path / "chat")
        options.write_text(text.replace("/dev/ttyUSB2", "/dev/null") + f"{spoiled}\n")
        ended = subprocess.run([str(PPPD), "file", str(options), "dryrun"], capture_output=True, timeout=30)
        assert ended.returncode == status, ended
