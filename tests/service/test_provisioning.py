"""A device made ready on its command line alone, stopped and running, as documented in the README."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.client import Client
from bench.ports import free_port
from bench.rig import Gateway, Simulators


def otppi(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words, "--home", str(home)],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def done(home: Path, *words: str, given: str = "") -> str:
    result = otppi(home, *words, given=given)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def health(port: int, kind: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{kind}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def listed(client: Client) -> dict[str, dict[str, object]]:
    answer: dict[str, dict[str, object]] = client.call("get-modem-list")["data"]["modem_list"]
    return answer


def within(seconds: float, condition: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_from_an_empty_folder_to_a_verified_code(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    world = simulators(1)
    service = gateway({})
    port = service.port
    done(tmp_path, "add-api-user", "shop", "--password-stdin", given="a long:password\n")
    done(
        tmp_path,
        "set",
        "modems/m1",
        "name=m1",
        f"port={world.paths[0]}",
        "active=true",
        "recipient_prefix=62811,62812",
        "default_modem=true",
    )
    assert "recipient_prefix" in done(tmp_path, "show", "modems/m1")
    assert "a long:password" not in done(tmp_path, "show", "api_users") + done(tmp_path, "show")
    service.start()
    client = Client(port, "shop", "a long:password")
    data = {"reference": "r", "receiver": "081234567890"}
    assert client.call("request-otp", message="%s", **data)["response_code"] == "0000"
    code = world.order("inbox")["messages"][0]["text"]
    assert client.call("verify-otp", otp=code, **data)["response_code"] == "0000"


def test_a_running_gateway_takes_changes_over(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    world = simulators(2)
    service = gateway({}).start(ready=False)
    port = service.port
    status, why = health(port, "ready")
    assert status == 503 and why["ready"] is False and "no modem is set up" in str(why["why"])
    assert health(port, "live") == (200, {"live": True})

    done(tmp_path, "set", "modems/m1", f"port={world.paths[0]}")
    within(10, lambda: health(port, "ready")[0] == 200)
    done(tmp_path, "set", "modems/m1", f"port={world.paths[1]}")
    client = Client(port)
    within(10, lambda: listed(client)["m1"]["port"] == world.paths[1])
    within(10, lambda: health(port, "ready")[0] == 200)

    done(tmp_path, "add-api-user", "late", "--password-stdin", given="another password\n")
    within(5, lambda: Client(port, "late", "another password").call("echo")["response_code"] == "0000")

    elsewhere = free_port()
    done(tmp_path, "set", "api", f"http_port={elsewhere}")
    service.port = elsewhere
    within(5, lambda: service.healthy("ready"))

    done(tmp_path, "set", "general", "otp_digits=8")
    time.sleep(1.0)
    moved = Client(elsewhere)
    assert (
        moved.call("request-otp", reference="r", receiver="0812000001", message="%s")["response_code"]
        == "0000"
    )
    assert len(world.order("inbox", limit=1)["messages"][0]["text"]) == 8

    answer = moved.call("block-msisdn", receiver="0812 0000 01")
    assert answer["data"] == {"receiver": "62812000001"}
    assert "62812000001" in done(tmp_path, "show", "blocking")
    done(tmp_path, "delete", "modems/m1")
    within(10, lambda: health(elsewhere, "ready")[0] == 503)


def test_wrong_settings_are_told_at_once_by_field_and_cost_only_their_section(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    world = simulators(1)
    service = gateway({"m1": {"port": world.paths[0]}})
    (tmp_path / "settings" / "sms.json").write_text('{"country_code": "sixty-two", "limit_per_day": -1')
    general = {"otp_digits": 99, "otp_tries": 0, "device_time_zone": "Mars/Olympus"}
    (tmp_path / "settings" / "general.json").write_text(json.dumps(general))
    told = otppi(tmp_path, "check")
    assert told.returncode == 2
    for field in ("otp_digits", "otp_tries", "device_time_zone", "sms"):
        assert field in told.stdout
    service.start()
    client = Client(service.port)
    answer = client.call("send-sms", receiver="081234567890", message="still works")
    assert answer["response_code"] == "0000"
    assert "otp_digits" in service.tail() or "otp_digits" in service.log.read_text()


def test_a_backup_moves_everything_to_another_device(
    simulators: Callable[..., Simulators], gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    world = simulators(1)
    service = gateway({"m1": {"port": world.paths[0]}})
    file, other = tmp_path / "backup.json", tmp_path / "other"
    done(tmp_path, "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    done(other, "restore", str(file))
    assert done(other, "show", "--json") == done(tmp_path, "show", "--json")
    service.home = other
    service.start()
    assert Client(service.port).call("echo")["response_code"] == "0000"


def test_the_schema_names_every_section() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app", "schema"], capture_output=True, text=True, timeout=60, env=os.environ
    )
    schema = json.loads(result.stdout)
    assert {"general", "api", "api_users", "sms", "modems", "blocking"} <= set(schema["properties"])


def test_a_gateway_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    result = otppi(tmp_path, "serve")
    assert result.returncode == 1
    assert "state.db cannot be opened" in result.stdout


def test_a_door_that_was_taken_is_opened_when_it_comes_free(gateway: Callable[..., Gateway]) -> None:
    service = gateway({})
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", service.port))
        taken.listen()
        service.spawn()
        within(20, lambda: "cannot be opened" in service.tail())
    service.await_health("live")


def test_the_pages_door_too(gateway: Callable[..., Gateway]) -> None:
    service = gateway({}, admin=True)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", service.admin_port))
        taken.listen()
        service.spawn()
        within(30, lambda: f"admin: port {service.admin_port} cannot be opened" in service.tail())

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{service.admin_port}/setup", timeout=20):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    within(60, answers)
