"""The commands of the command line, run as a person runs them: words in, lines and an exit status out."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.api import ApiUser
from app.settings.commandline import add_commands
from app.settings.modems import Modem
from app.settings.passwords import verify_password
from app.settings.sections import SECTIONS
from app.settings.store import SettingsStore

MAIN = """
import argparse, sys
from app.settings.commandline import add_commands
parser = argparse.ArgumentParser(prog="app")
add_commands(parser.add_subparsers(required=True))
arguments = parser.parse_args()
sys.exit(arguments.run(arguments))
"""


class Shell:
    """Runs commands in this process, on a home of their own."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.store = SettingsStore(home)
        self._capture = capture

    def __call__(self, *words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser(prog="app")
        add_commands(parser.add_subparsers(required=True))
        arguments = parser.parse_args([*words, "--home", str(self.home)])
        status = arguments.run(arguments)
        out, err = self._capture.readouterr()
        return status, out, err


@pytest.fixture
def app(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "home", capsys)


def test_set_and_show_an_option(app: Shell) -> None:
    assert app("set", "api", "http_port=8000") == (0, "api.http_port: 8899 → 8000\n", "")
    status, out, _ = app("show", "api")
    assert status == 0
    assert out.startswith("api\n  http_port=8000\n  enable_http=true\n")
    assert app("set", "api", "http_port=8000") == (0, "nothing is different\n", "")


def test_a_modem_is_made_by_setting_it(app: Shell) -> None:
    words = "name=m1 port=/dev/null active=true recipient_prefix=62811,62812 default_modem=true sim_pin=4711"
    assert app("set", "modems/m1", *words.split()) == (0, "modems/m1: added\n", "")
    assert app.store.load().settings.items(Modem)["m1"].recipient_prefix == ("62811", "62812")
    _, out, _ = app("show", "modems/m1")
    assert "  recipient_prefix=62811,62812\n" in out
    assert "  sim_pin=(set)\n" in out
    assert "4711" not in out
    assert app("set", "modems/m1", "sim_pin=") == (0, "modems/m1.sim_pin: (set) → (unset)\n", "")
    assert app("delete", "modems/m1") == (0, "modems/m1: deleted\n", "")
    assert app("delete", "modems/m1") == (1, "", "modems/m1: there is no such item\n")


def test_a_modem_that_is_not_plugged_in_is_set_with_a_warning(app: Shell) -> None:
    status, _, err = app("set", "modems/m1", "port=/dev/ttyUSB77")
    assert status == 0
    assert err == "warning: modems/m1.port: /dev/ttyUSB77 does not exist now: the modem counts as absent\n"
    status, out, _ = app("check")
    assert status == 0
    assert out.startswith("warning: modems/m1.port: /dev/ttyUSB77 does not exist now")


def test_an_item_without_an_id_gets_one_from_its_name(app: Shell) -> None:
    assert app("set", "modems", "name=SIM two", "port=sim://b")[:2] == (0, "modems/SIM-two: added\n")
    assert app("set", "modems", "name=SIM two", "port=sim://c") == (
        1,
        "",
        "modems/SIM-two-2.name: 'SIM two' is already taken by modems/SIM-two\n",
    )
    status, _, err = app("set", "modems", "port=sim://d")
    assert (status, err) == (1, "modems: is a collection: say modems/ITEM, or name=… for a new item\n")


def test_wrong_values_are_refused_all_at_once(app: Shell) -> None:
    status, out, err = app("set", "api", "http_port=0", "enable_http=maybe", "colour=red")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "api.colour: there is no such option in api",
        "api.http_port: 0 is out of range: 1 to 65535",
        "api.enable_http: 'maybe' is neither on nor off",
    ]
    assert not app.store.path(app.store.sections[1]).exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["set", "apis", "a=b"], "'apis' is not a section: general, "),
        (["set", "api/x", "a=b"], "api: has no items"),
        (["show", "modems/"], "modems: say which item after the slash"),
        (["show", "modems/m9"], "modems/m9: there is no such item"),
        (["set", "modems/a b", "port=sim://a"], "modems: 'a b' cannot be the id of an item"),
        (["delete", "api"], "api: say which item: delete SECTION/ITEM"),
        (["restore", "/nowhere/backup"], "cannot be read (No such file or directory)"),
        (["backup", "/nowhere/backup"], "cannot be written (No such file or directory)"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(app: Shell, words: list[str], why: str) -> None:
    status, out, err = app(*words)
    assert (status, out) == (1, "")
    assert why in err


def test_check_tells_everything_that_is_wrong_with_status_2(app: Shell) -> None:
    app.store.folder.mkdir(parents=True)
    (app.store.folder / "api.json").write_text('{"http_port": 0, "otp_path": "x", "https_port": 99999}')
    (app.store.folder / "sms.json").write_text('{"country_code": ')
    (app.store.folder / "modems.json").write_text('{"m1": {"port": "sim://a", "sim_pin": "12"}}')
    status, out, _ = app("check")
    assert status == 2
    assert out.splitlines() == [
        "api.http_port: 0 is out of range: 1 to 65535",
        "api.https_port: 99999 is out of range: 1 to 65535",
        "api.otp_path: 'x' is not a path such as /api/otp (letters, digits and . _ ~ - between slashes)",
        "sms: sms.json is not JSON (line 1, column 18): the section is at its defaults",
        "modems/m1.sim_pin: the value given is not a PIN: 4 to 8 digits",
        "api: runs without what is wrong until api.json is right",
        "sms: runs without what is wrong until sms.json is right",
        "modems: runs without what is wrong until modems.json is right",
        f"5 problems in {app.store.folder}",
    ]


def test_set_puts_right_what_check_found_and_keeps_the_rest(app: Shell) -> None:
    app.store.folder.mkdir(parents=True)
    (app.store.folder / "modems.json").write_text(
        '{"m1": {"port": "sim://a", "baud_rate": "fast", "recipient_prefix": ["62811"]}}'
    )
    assert app("check")[0] == 2
    assert app("set", "modems/m1", "baud_rate=9600")[0] == 0
    assert app("check")[0] == 0
    modem = app.store.load().settings.items(Modem)["m1"]
    assert (modem.port, modem.baud_rate, modem.recipient_prefix) == ("sim://a", 9600, ("62811",))


def test_an_api_user_is_added_with_a_password_from_standard_input(
    app: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct: horse battery \n"))
    assert app("add-api-user", "shop", "--password-stdin") == (0, "API user shop was added\n", "")
    user = app.store.load().settings.items(ApiUser)["shop"]
    assert verify_password(user.password, "correct: horse battery ")
    assert "correct" not in app.store.path(ApiUser).read_text()

    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    status, out, err = app("add-api-user", "shop", "--password-stdin")
    assert (status, out) == (0, "API user shop has a new password\n")
    assert err == "warning: the password is too short: at least 10 characters\n"
    assert verify_password(app.store.load().settings.items(ApiUser)["shop"].password, "short")


def test_an_api_user_without_a_password_is_refused(app: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, _, err = app("add-api-user", "shop", "--password-stdin")
    assert status == 1
    assert "api_users.password: there is no password" in err


def test_a_generated_password_is_printed_and_works(app: Shell) -> None:
    status, out, _ = app("add-api-user", "shop", "--generate")
    assert status == 0
    password = out.splitlines()[1].removeprefix("password: ")
    assert len(password) == 20
    assert verify_password(app.store.load().settings.items(ApiUser)["shop"].password, password)


def test_backup_then_restore_brings_everything_back(app: Shell, tmp_path: Path) -> None:
    file = str(tmp_path / "all.json")
    app("set", "api", "http_port=8000")
    status, out, _ = app("backup", file)
    assert status == 0
    assert "only you can read it (0600)" in out
    app("set", "api", "http_port=8001")
    expected = f"api.http_port: 8001 → 8000\nchanges from {file}: 1, none made yet\n"
    assert app("restore", file, "--dry-run") == (0, expected, "")
    assert "http_port=8001" in app("show", "api")[1]
    assert app("restore", file)[0] == 0
    assert "http_port=8000" in app("show", "api")[1]
    assert app("restore", file) == (0, "nothing is different\n", "")


def test_show_as_json_masks_secrets(app: Shell) -> None:
    app("set", "modems/m1", "port=sim://a", "sim_pin=4711")
    shown = json.loads(app("show", "--json")[1])
    assert shown["modems"]["m1"]["sim_pin"] == "set"
    assert shown["modems"]["m1"]["apn_password"] == "unset"
    assert list(shown) == [section.about.name for section in SECTIONS]


def test_the_schema_describes_every_option(app: Shell) -> None:
    schema = json.loads(app("schema")[1])
    assert schema["properties"]["api"]["properties"]["http_port"] == {
        "title": "HTTP port",
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "default": 8899,
    }
    modem = schema["properties"]["modems"]["additionalProperties"]
    assert modem["required"] == ["name", "port"]
    assert modem["properties"]["sim_pin"]["writeOnly"] is True
    assert modem["properties"]["stop_bits"]["enum"] == [1, 1.5, 2]


def test_the_home_comes_from_the_environment_and_a_process_ends_with_the_status(tmp_path: Path) -> None:
    environment = {**os.environ, "OTPPI_HOME": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", MAIN, *words], env=environment, capture_output=True, text=True, timeout=60
        )

    assert run("set", "sms", "country_code=66").returncode == 0
    assert (tmp_path / "settings" / "sms.json").exists()
    assert run("set", "sms", "country_code=x").returncode == 1
    (tmp_path / "settings" / "sms.json").write_text("{")
    refused = run("check")
    assert refused.returncode == 2
    assert refused.stderr == ""
