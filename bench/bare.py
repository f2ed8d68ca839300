"""A bare serial loop: what the simulated modem itself takes for a message, in the same two round trips."""

from __future__ import annotations

import time

from hw.gsm.pdu import encode_submit
from hw.ports import Port, open_port


def bare_times(path: str, text: str, messages: int) -> list[float]:
    """Seconds of each message: only a port, a prompt, a PDU and its OK; nothing of the service."""
    port = open_port(path)
    try:
        for command in ("ATE0", "AT+CMGF=0"):
            _say(port, f"{command}\r", b"OK\r\n")
        took = []
        for number in range(messages):
            (pdu,) = encode_submit(f"+62810{number:08d}", text)
            began = time.perf_counter()
            _say(port, f"AT+CMGS={pdu.tpdu_length}\r", b"> ")
            _say(port, f"{pdu.hex}\x1a", b"OK\r\n")
            took.append(time.perf_counter() - began)
        return took
    finally:
        port.close()


def _say(port: Port, words: str, end: bytes) -> None:
    port.write(words.encode("ascii"))
    heard = b""
    while not heard.endswith(end):
        heard += port.read()
