"""What a reset stick says, and what is made of it: never more than it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.__main__ import main
from app.settings.general import General
from app.settings.network import Dhcp, Wlan
from app.settings.store import SettingsStore
from app.system import commandline, reset
from app.system.reset import Order, answer, parse, understand
from app.system.trial import Trial
from hw.errors import PortLost
from hw.usbstick import LARGEST, Request, StickSuspicious, read_request
from tests.house import HandClock

VERIFY = "VERIFY = eyJkZXZpY2VUeXBlIjoiUlBpIiwgImJhc2VOYW1lIjoicmVzZXQtY29uZmlnLmluaSJ9"
CODE = "1234-5678"


def ini(*lines: str) -> Request:
    return Request("otppi/reset-config.ini", "\n".join([*lines, VERIFY]).encode(), 1)


def test_a_flag_that_is_true_counts_and_others_do_not() -> None:
    text = (
        f"# a stick\r\n[reset]\r\nRESET_DHCP = true\r\nRESET_WLAN=FALSE\r\nreset_sms = True\r\n{VERIFY}\r\n"
    )
    assert parse(text) == Order(frozenset({"RESET_DHCP", "RESET_SMS"}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RESET_DHCP = true", "VERIFY is wrong or missing"),
        ("RESET_DHCP = true\nVERIFY = x", "VERIFY is wrong or missing"),
        (
            f"RESET_DHCP = true\nRESET_DHCP = false\n{VERIFY}",
            "RESET_DHCP stands twice and says different things",
        ),
        (f"{VERIFY}\n" + "RESET_SMS = true\n" * 300, "the file has more than 200 lines"),
    ],
)
def test_a_request_that_is_wrong_counts_for_nothing(text: str, why: str) -> None:
    assert parse(text).refused == why


def test_odd_lines_are_left_out_and_told() -> None:
    order = parse(f"hello\nRESET_MOON = true\nRESET_SMS = yes\nRESET_API = true\n{VERIFY}")
    assert order.flags == {"RESET_API"}
    assert order.remarks == (
        "a line that is no KEY = true|false was left out",
        "RESET_MOON is not known and was left out",
        "RESET_SMS is neither true nor false and was left alone",
    )


def test_every_flag_of_the_manual_is_known() -> None:
    assert len(reset.FLAGS) == 24


@pytest.mark.parametrize("text", [CODE, "12345678", " 1234 5678\r\n"])
def test_the_oldest_form_is_the_code_on_the_card(text: str) -> None:
    order = understand(Request("optb/reset.txt", text.encode(), 1), CODE)
    assert order.flags == {"RESET_DHCP", "RESET_WLAN", "RESET_ETHERNET", "RESET_USER"}


@pytest.mark.parametrize(("text", "code"), [("1234-5679", CODE), ("", CODE), ("", ""), ("reset", CODE)])
def test_the_oldest_form_without_the_code_is_refused(text: str, code: str) -> None:
    assert understand(Request("optb/reset.txt", text.encode(), 1), code).refused


def test_a_reset_puts_back_what_the_device_came_with(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    store.factory.mkdir(parents=True)
    (store.factory / "wlan.json").write_text('{"ssid": "OTP-Pi-0A1F", "password": "from the card"}')
    store.save(Wlan, Wlan(ssid="mine", password="my own secret"))
    store.save(Dhcp, Dhcp(default_lease_time=600))
    store.save(General, General(device_name="kept"))
    report = answer(ini("RESET_WLAN = true"), store, tmp_path, CODE, 1_800_000_000.0)
    settings = store.load().settings
    assert (settings.one(Wlan).ssid, settings.one(Wlan).password) == ("OTP-Pi-0A1F", "from the card")
    assert settings.one(Dhcp).default_lease_time == 600
    assert settings.one(General).device_name == "kept"
    assert report.text() == "OTP-Pi reset\r\n\r\nDone:\r\nAccess point: reset\r\n"
    (entry,) = reset.history(tmp_path)
    assert (entry["at"], entry["outcome"], entry["sections"]) == (1_800_000_000, "done", ["wlan"])


def test_each_reset_is_told_to_the_audit_once(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    answer(ini("RESET_WLAN = true"), store, tmp_path, CODE, 1.0)
    answer(ini("RESET_MOON = true"), store, tmp_path, CODE, 2.0)
    assert [entry["outcome"] for entry in reset.untold(tmp_path)] == ["done", "nothing"]
    assert reset.untold(tmp_path) == []
    answer(ini("RESET_SMS = true"), store, tmp_path, CODE, 3.0)
    assert [entry["at"] for entry in reset.untold(tmp_path)] == [3]
    assert len(reset.history(tmp_path)) == 3


def test_the_same_file_resets_once(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    answer(ini("RESET_DHCP = true"), store, tmp_path, CODE, 1.0)
    store.save(Dhcp, Dhcp(default_lease_time=600))
    assert answer(ini("RESET_DHCP = true"), store, tmp_path, CODE, 2.0).outcome == "known"
    assert store.load().settings.one(Dhcp).default_lease_time == 600
    again = Request("otppi/reset-config.ini", ini("RESET_DHCP = true").content, 2)
    assert answer(again, store, tmp_path, CODE, 3.0).outcome == "done"


def test_what_was_on_trial_does_not_come_back_over_a_reset(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    Trial(store, tmp_path, HandClock()).save({Wlan: Wlan(ssid="tried", password="four green horses")})
    answer(ini("RESET_WLAN = true"), store, tmp_path, CODE, 1.0)
    assert not (tmp_path / "trial.json").exists()


def test_a_reset_leaves_on_trial_what_it_does_not_reset(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    trial = Trial(store, tmp_path, HandClock())
    trial.save({Dhcp: Dhcp(default_lease_time=600), Wlan: Wlan(ssid="tried", password="four green horses")})
    answer(ini("RESET_DHCP = true"), store, tmp_path, CODE, 1.0)
    assert trial.names == ["wlan"]
    store.save(Dhcp, Dhcp(default_lease_time=900))
    assert trial.give_up() == ["wlan"]
    assert store.one(Wlan).ssid != "tried"
    assert store.one(Dhcp).default_lease_time == 900


def test_what_cannot_be_read_is_told_to_the_audit_too(tmp_path: Path) -> None:
    assert (
        main(["reset", "--home", str(tmp_path), "--stick", str(stick(tmp_path, b"#" * (LARGEST + 1)))]) == 1
    )
    (entry,) = reset.untold(tmp_path)
    assert entry["outcome"] == "refused"
    assert entry["said"] == ["Refused: otppi/reset-config.ini is larger than 16 KiB. Nothing was changed."]


def test_what_is_refused_again_and_again_does_not_push_out_what_was_done(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    answer(ini("RESET_DHCP = true"), store, tmp_path, CODE, 1.0)
    for start in range(60):
        answer(ini("RESET_DHCP = true", "RESET_DHCP = false"), store, tmp_path, CODE, 2.0 + start)
        reset.refuse("otppi/reset-config.ini is not a file", tmp_path, 2.0 + start)
    assert answer(ini("RESET_DHCP = true"), store, tmp_path, CODE, 99.0).outcome == "known"
    assert [entry["at"] for entry in reset.history(tmp_path)] == [1, 61, 61]


def test_a_stick_that_was_done_before_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(commandline, "_sound", lambda store, name: heard.append(name))
    words = [
        "reset",
        "--home",
        str(tmp_path),
        "--stick",
        str(stick(tmp_path, ini("RESET_SMS = true").content)),
    ]
    assert main(words) == 0
    assert heard == ["reset_started", "reset_done"]
    assert main(words) == 0
    assert heard == ["reset_started", "reset_done"]


def stick(folder: Path, content: bytes, place: str = "otppi/reset-config.ini") -> Path:
    path = folder / place
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return folder


def test_a_request_is_read_from_each_place(tmp_path: Path) -> None:
    for number, place in enumerate(("otppi/reset-config.ini", "otp-pi/reset-config.ini", "optb/reset.txt")):
        found = read_request(stick(tmp_path / str(number), b"x", place))
        assert found is not None
        assert (found.place, found.content) == (place, b"x")


def test_no_request_is_no_request(tmp_path: Path) -> None:
    assert read_request(tmp_path) is None
    (tmp_path / "otppi").write_text("a file where a folder should be")
    assert read_request(tmp_path) is None


def test_a_stick_that_is_gone_has_nothing_to_say(tmp_path: Path) -> None:
    assert read_request(tmp_path / "gone") is None


def test_what_is_no_plain_small_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StickSuspicious, match="larger than 16 KiB"):
        read_request(stick(tmp_path / "huge", b"#" * (LARGEST + 1)))
    pipe = tmp_path / "pipe/otppi"
    pipe.mkdir(parents=True)
    os.mkfifo(pipe / "reset-config.ini")
    with pytest.raises(StickSuspicious, match="is not a file"):
        read_request(tmp_path / "pipe")
    link = tmp_path / "link/otppi"
    link.mkdir(parents=True)
    (link / "reset-config.ini").symlink_to(tmp_path / "huge/otppi/reset-config.ini")
    with pytest.raises(StickSuspicious, match="is a link"):
        read_request(tmp_path / "link")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/otppi").symlink_to(tmp_path / "huge/otppi")
    with pytest.raises(StickSuspicious, match="is a link"):
        read_request(tmp_path / "folder")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "otppi/reset-config.ini").mkdir(parents=True)
    with pytest.raises((StickSuspicious, PortLost)):
        read_request(tmp_path)


@pytest.mark.fuzz
@given(st.binary(max_size=LARGEST), st.sampled_from(["otppi/reset-config.ini", "optb/reset.txt"]))
def test_any_octets_are_understood_or_refused(content: bytes, place: str) -> None:
    order = understand(Request(place, content, 1), CODE)
    assert not (order.refused and order.flags)
    assert order.flags <= reset.FLAGS
    assert all(remark.isprintable() and len(remark) < 120 for remark in order.remarks)


KEYS = st.sampled_from(["RESET_DHCP", "RESET_WLAN", "reset_sms", "RESET_MOON", "VERIFY", "", "=", "\0"])
WORDS = st.sampled_from(["true", "false", "TRUE", "yes", "", '"true"', VERIFY.partition("= ")[2], "\x85"])
LINES = st.lists(st.builds("{} = {}".format, KEYS, WORDS) | st.text(max_size=40), max_size=30)


@pytest.mark.fuzz
@given(LINES)
def test_nothing_is_reset_that_no_line_says(lines: list[str]) -> None:
    order = parse("\n".join(lines))
    said = {line.partition("=")[0].strip().upper() for line in "\n".join(lines).splitlines()}
    assert order.flags <= said
    if order.flags:
        assert VERIFY.partition("= ")[2] in "\n".join(lines)
