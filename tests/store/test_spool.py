"""Texts that wait for a modem: what a crash left half written is gone."""

from __future__ import annotations

from pathlib import Path

from app.core.message import Message
from app.store.spool import FileSpool
from tests.house import HandClock


def test_a_text_that_was_half_written_does_not_stay(tmp_path: Path) -> None:
    clock = HandClock()
    spool = FileSpool(tmp_path, clock)
    spool.keep(Message(3, "a", "send-sms", "rest:u", "628121", "text", b"f" * 32, 1000.0, 2000.0))
    (tmp_path / "4.new").write_text('{"text": "a co')
    again = FileSpool(tmp_path, clock)
    assert [path.name for path in tmp_path.iterdir()] == ["3.json"]
    assert again.kept()[3].text == "text"
