"""Recorded dialogues: cleaned of what is personal, played again to the driver, one for every family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw.at.channel import AtChannel
from hw.gsm.dialects import dialects, parse
from hw.gsm.modem import GsmModem
from hw.gsm.record import main
from hw.gsm.recording import Exchange, Replay, cleaned, from_json, read_spy
from hw.sim.card import numbered
from hw.sim.families import FAMILIES
from hw.sim.modem import SimModem
from hw.sim.pty import SimPtys

FOLDER = Path(__file__).with_name("recordings")
RECORDINGS = sorted(FOLDER.glob("*.json"))


def test_a_spy_log_is_read_as_question_and_answer() -> None:
    log = [
        "000000.000 OPEN baudrate=115200",
        "000000.001 TX   0000  41 54 0D                                          AT.",
        "000000.002 Q-RX reset_input_buffer",
        "000000.003 RX   0000  0D 0A 4F 4B                                       ..OK",
        "000000.004 RX   0000  0D 0A                                             ..",
        "000000.005 TX   0000  41 54 49 0D                                       ATI.",
        "000000.006 RX   0000  58 0D 0A                                          X..",
    ]
    assert read_spy(log) == [Exchange(b"AT\r", b"\r\nOK\r\n"), Exchange(b"ATI\r", b"X\r\n")]


def test_what_names_a_person_a_card_or_a_device_is_not_in_a_recording() -> None:
    said = cleaned(
        [
            Exchange(b'AT+CPIN="4711"\r', b"\r\nOK\r\n"),
            Exchange(b"AT+CGSN\r", b"\r\n356938035643809\r\n\r\nOK\r\n"),
            Exchange(b"AT+CCID\r", b"\r\n8949020000012345678F\r\n\r\nOK\r\n"),
            Exchange(b"AT+CNUM\r", b'\r\n+CNUM: "","+491701234567",145\r\n'),
        ]
    )
    everything = b"".join(one.sent + one.received for one in said)
    for secret in (b"4711", b"356938035643809", b"89490200000", b"491701234567"):
        assert secret not in everything
    assert said[1].received == b"\r\n490154203237518\r\n\r\nOK\r\n"
    assert said[3].received == b'\r\n+CNUM: "","+628110000000",145\r\n'


def test_a_session_becomes_a_profile_and_a_dialogue(tmp_path: Path) -> None:
    sim = SimModem("recorded", make="quectel", card=numbered(3))
    with SimPtys() as ptys:
        assert main([ptys.plug_in(sim), "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "quectel-ec25.json").read_text())
    assert record["dialect"] == "Quectel"
    assert numbered(3).iccid not in json.dumps(record)
    profile = parse((tmp_path / "quectel-ec25.toml").read_text())
    assert profile.fits("Quectel", "EC25") and profile.stores == ("ME",)
    assert profile.cnmi == ("2,1,0,1,0",)


def test_a_port_where_nothing_is_gives_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/dev/no-such-tty", "--out", str(tmp_path)]) == 1
    assert "There is no device" in capsys.readouterr().err


def test_every_family_has_a_simulated_twin_and_a_recorded_dialogue() -> None:
    names = {dialect.name for dialect in dialects()}
    recorded = {json.loads(file.read_text())["dialect"] for file in RECORDINGS}
    assert names <= recorded
    assert len(FAMILIES) >= len(names)


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
def test_a_recorded_modem_is_brought_up_as_it_was(file: Path) -> None:
    record = json.loads(file.read_text())
    replay = Replay(from_json(record["dialogue"]))
    modem = GsmModem(lambda news, lost: AtChannel(replay, on_news=news, on_lost=lost, name="replay"))
    try:
        identity = modem.start()
    finally:
        modem.close()
    assert (identity.manufacturer, identity.model) == (record["manufacturer"], record["model"])
    assert identity.dialect.name == record["dialect"]
    assert identity.imei == "490154203237518"
    assert identity.iccid is not None and identity.news is not None and identity.store is not None
    assert replay.unknown == []
