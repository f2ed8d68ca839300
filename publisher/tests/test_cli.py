"""The command line as a shell script sees it: JSON on stdout, and an exit status."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otp_publisher import cli

from .conftest import Way
from .servers import PASSWORD, USER, free_port


def run(*arguments: str, env: dict[str, str] | None = None, text: str = "") -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "otp_publisher", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | (env or {}),
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else done.stderr


@pytest.fixture
def rest(open_way: Callable[[str], Way], tmp_path: Path) -> tuple[Way, list[str]]:
    way = open_way("rest")
    config = tmp_path / "config.ini"
    config.write_text(
        f"[GENERAL]\nmethod = REST\n[REST]\nurl = {way.options['url']}\n"
        f'username = {USER}\npassword = "{PASSWORD}"\n'
    )
    return way, ["--config", str(config)]


def test_a_sent_message_is_status_0(rest: tuple[Way, list[str]]) -> None:
    way, config = rest
    status, answer = run(*config, "send-sms", "0812", "Halo é", "--id", "7", "--lifetime", "60")
    assert status == 0
    assert (answer["command"], answer["response_code"], answer["data"]["id"]) == ("send-sms", "0000", "7")
    assert way.device.outbox == [("0812", "Halo é")]


def test_what_is_set_goes_before_the_file(rest: tuple[Way, list[str]]) -> None:
    way, config = rest
    nobody = f"url=http://127.0.0.1:{free_port()}/"
    assert run(*config, "--set", nobody, "send-sms", "0812", "Halo")[0] == 2
    assert run(*config, "--set", "verify=off", "send-sms", "0812", "Halo")[0] == 0
    assert way.device.outbox == [("0812", "Halo")]
    status, answer = run(*config, "--set", "colour=red", "send-sms", "0812", "Halo")
    assert status == 2 and "REST has no option 'colour'" in answer["error"]


def test_a_text_can_come_from_standard_input(rest: tuple[Way, list[str]]) -> None:
    way, config = rest
    assert run(*config, "send-sms", "0812", "-", text="two\nlines\n")[0] == 0
    assert way.device.outbox == [("0812", "two\nlines")]


def test_a_refused_message_is_status_1(rest: tuple[Way, list[str]]) -> None:
    _, config = rest
    assert run(*config, "block", "0812")[0] == 0
    status, answer = run(*config, "send-email", "0812", "Subject", "Text")
    assert (status, answer["response_code"], answer["reason"]) == (1, "1102", "blocked")
    assert run(*config, "unblock", "0812")[0] == 0


def test_codes_modems_and_ussd(rest: tuple[Way, list[str]]) -> None:
    way, config = rest
    params = ["--param", "a", "--param", "b"]
    assert run(*config, "create-otp", "0812", "ref", "--message", "%s", *params)[0] == 0
    code = way.device.outbox[0][1]
    assert run(*config, "verify-otp", "0812", "ref", "no", *params)[0] == 1
    assert run(*config, "verify-otp", "0812", "ref", "-", *params, text=code)[0] == 0
    assert "modem1" in run(*config, "modems")[1]["data"]["modem_list"]
    assert run(*config, "ussd", "*123#", "modem1")[1]["data"]["ussd_response"] == "Your balance is 5"


def test_no_connection_is_status_2_with_its_cause(tmp_path: Path) -> None:
    options = ["--method", "REST", "--set", f"url=http://127.0.0.1:{free_port()}/"]
    status, answer = run(*options, "send-sms", "0812", "Halo")
    assert status == 2
    assert "ConnectionRefusedError" in answer["cause"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["send-sms", "0812"],
        ["no-such-command"],
        ["--method", "SMOKE", "modems"],
        ["--config", "/nowhere.ini", "modems"],
        ["--method", "REST", "--set", "nonsense", "modems"],
        ["--timeout", "0", "modems"],
        ["--method", "REST", "--set", "method=AMQP", "modems"],
        ["--method", "REST", "--set", "timeout=5", "modems"],
        ["broker"],
        ["broker", "--htpasswd", "/nowhere"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    status, _ = run(*arguments)
    assert status == 2


def test_an_unknown_fate_is_status_3(open_way: Callable[[str], Way]) -> None:
    way = open_way("redis-list")
    port, topic = str(way.options["port"]), way.options["topic"]
    options = ["--method", "REDIS", "--set", "mode=list", "--set", f"port={port}", "--set", f"topic={topic}"]
    login = ["--set", f"username={USER}"]
    env = {"OTP_PUBLISHER_PASSWORD": PASSWORD}
    status, answer = run(*options, *login, "--no-wait", "send-sms", "0812", "Halo", env=env)
    assert (status, answer["response_code"]) == (3, "1111")
    assert run(*options, *login, "send-sms", "0812", "Halo", env=env)[0] == 0


def test_an_unforeseen_error_is_status_3_and_says_nothing_of_the_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 would say that nothing was sent."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the-hidden-text")

    monkeypatch.setattr("otp_publisher.publisher.Publisher.send_sms", broken)
    assert cli.main(["--method", "REST", "send-sms", "0812", "the-hidden-text"]) == 3
    shown = capsys.readouterr()
    assert "RuntimeError" in shown.out and "the-hidden-text" not in shown.out + shown.err


def test_the_help_names_every_command() -> None:
    status, _ = run("--help")
    assert status == 0
    shown = subprocess.run(
        [sys.executable, "-m", "otp_publisher", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in (
        "send-sms",
        "send-email",
        "create-otp",
        "verify-otp",
        "block",
        "modems",
        "ussd",
        "broker",
    ):
        assert command in shown
