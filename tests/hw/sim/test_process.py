"""Simulated modems in a process of their own, steered by JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hw.errors import AtError, OutcomeUnknown, PortLost
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import encode_submit

NUMBER = "+6281200000000"


class Process:
    """``python3 -m hw.sim`` and its two pipes."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hw.sim", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[3],
        )
        self.events: list[str] = []
        self.modems = self._read()["modems"]

    def order(self, do: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            assert line, "the process ended"
            answer: dict[str, Any] = json.loads(line)
            if "event" not in answer:
                return answer
            self.events.append(answer["event"])

    def end(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(20)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process("--modems", "2", "--family", "sim800", "--links", str(tmp_path))
    yield process
    assert process.end() == 0
    assert list(tmp_path.iterdir()) == []


def test_messages_round_trips_and_duplicates_are_counted(process: Process, tmp_path: Path) -> None:
    assert [modem["path"] for modem in process.modems] == [f"{tmp_path}/sim1", f"{tmp_path}/sim2"]
    with GsmModem.open(process.modems[0]["path"]) as modem:
        assert modem.start().imei == process.modems[0]["imei"]
        process.order("reset")
        process.order("watch", modem="sim1")
        for text in ("one", "two", "two"):
            modem.send_sms(encode_submit(NUMBER, text))
    assert process.order("wait", messages=3, timeout=20)["messages"] == 3
    stats = process.order("stats")
    assert (stats["messages"], stats["parts"], stats["round_trips"], stats["duplicates"]) == (3, 3, 6, 1)
    assert stats["modems"]["sim2"]["round_trips"] == 0
    assert process.events == ["command", "prompt", "body", "sent"] * 3
    inbox = process.order("inbox", number=NUMBER)["messages"]
    assert [message["text"] for message in inbox] == ["one", "two", "two"]


def test_faults_are_written_from_outside(process: Process) -> None:
    with GsmModem.open(process.modems[0]["path"], send_timeout=0.5) as modem:
        modem.start()
        process.order("fault", modem="sim1", when="body", action="refuse", final="+CMS ERROR: 500")
        process.order("fault", modem="sim1", when="body", action="silence")
        with pytest.raises(AtError):
            modem.send_sms(encode_submit(NUMBER, "refused"))
        with pytest.raises(OutcomeUnknown):
            modem.send_sms(encode_submit(NUMBER, "unknown"))
        modem.send_sms(encode_submit(NUMBER, "clean"))
    assert process.order("stats")["messages"] == 2


def test_a_modem_is_pulled_and_comes_back_elsewhere(process: Process, tmp_path: Path) -> None:
    with GsmModem.open(process.modems[0]["path"]) as modem:
        modem.start()
        process.order("unplug", modem="sim1")
        with pytest.raises(PortLost):
            modem.signal()
    path = process.order("plug", modem="sim1", link="sim7")["paths"]["sim1"]
    assert path == f"{tmp_path}/sim7"
    with GsmModem.open(path) as modem:
        assert modem.start().imei == process.modems[0]["imei"]


def test_wrong_orders_are_answered_with_what_is_wrong(process: Process) -> None:
    assert "no order 'dance'" in process.order("dance")["error"]
    assert "no modem 'sim9'" in process.order("unplug", modem="sim9")["error"]
    assert "colour" in process.order("set", colour="red")["error"]
    assert "no action" in process.order("fault", when="body", action="explode")["error"]
    assert process.order("stats", id=7)["id"] == 7
