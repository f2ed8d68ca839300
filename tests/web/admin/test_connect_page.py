"""Connect: programs to copy that run, brokers described, figures with a token of their own."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.events import MessageReported
from app.settings.api import Api
from app.settings.metrics import Metrics
from app.settings.subscribers import SUBSCRIBERS, SubscriberMqtt
from app.web.snippets import snippets
from app.wire import report_json
from tests.wanting import unless
from tests.web.admin.site import PASSWORD, Client, Site, eventually

COMMANDS = {
    "request-otp", "verify-otp", "send-sms", "send-email", "send-message", "block-msisdn", "unblock-msisdn",
    "get-modem-list", "request-ussd", "answer-ussd", "cancel-ussd", "echo",
}  # fmt: skip


def snippet(page: str, language: str) -> str:
    """A program of the page as a reader copies it, with the password put in."""
    found = re.search(rf"<h3>{language}</h3><pre[^>]*><code>(.*?)</code></pre>", page, re.S)
    assert found is not None
    program = html.unescape(found[1])
    return program.replace("shop:PASSWORD", f"'shop:{PASSWORD}'").replace('"PASSWORD"', f'"{PASSWORD}"')


def code_sent(site: Site) -> str:
    text = next(text for _, text in reversed(site.received()) if text.startswith("Your code is "))
    return text.rpartition(" ")[2]


def run_with_code(site: Site, words: list[str]) -> str:
    """Run a program that sends a code, then asks for it; give it what the handset got."""
    before = len(site.received())
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        eventually(lambda: len(site.received()) > before or running.poll() is not None)
        told, _ = running.communicate(code_sent(site) + "\n", timeout=60)
    return told


@pytest.fixture(autouse=True)
def the_reference_is_free(site: Site) -> Iterator[None]:
    """Each program uses the same reference; what the last one left behind is forgotten."""
    yield
    site.service.database.submit(lambda connection: connection.execute("DELETE FROM otp")).wait()


def test_the_python_program_of_the_page_sends_and_checks_a_code(
    site: Site, ann: Client, tmp_path: Path
) -> None:
    program = tmp_path / "otp.py"
    program.write_text(snippet(ann.get("/connect").text, "Python"))
    assert run_with_code(site, [sys.executable, str(program)]).endswith("welcome\n")


@unless(bool(shutil.which("php")), "the packages php-cli and php-curl are not installed")
def test_the_php_program_of_the_page_sends_and_checks_a_code(site: Site, ann: Client, tmp_path: Path) -> None:
    program = tmp_path / "otp.php"
    program.write_text(snippet(ann.get("/connect").text, "PHP"))
    assert run_with_code(site, ["php", str(program)]).endswith("welcome\n")


@unless(bool(shutil.which("curl")), "the package curl is not installed")
def test_the_curl_lines_of_the_page_send_and_check_a_code(site: Site, ann: Client) -> None:
    send, check = snippet(ann.get("/connect").text, "curl").split("\n\n")
    assert json.loads(shell(send))["response_code"] == "0000"
    check = check.replace('"otp":"123456"', f'"otp":"{code_sent(site)}"')
    assert json.loads(shell(check))["response_code"] == "0000"


def shell(line: str) -> str:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True).stdout


def test_over_https_the_programs_trust_the_devices_own_certificate() -> None:
    found = snippets("https://192.168.0.11:10443/api/message", "shop")
    assert all("otp-pi.pem" in text for text in found.values())
    assert all("otp-pi.pem" not in text for text in snippets("http://192.168.0.11:8899/x", "shop").values())
    compile(found["Python"], "snippet", "exec")


def resolved(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    place: Any = document
    for name in reference[2:].split("/"):
        place = place[name]
    return place


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [inner] if key == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_broker_is_described_with_its_channels_from_the_same_commands(site: Site, ann: Client) -> None:
    there = {"host": "10.1.2.3", "port": 8883, "ssl": True, "topic": "otp/in", "password": "hush-hush"}
    site.store.save(SubscriberMqtt, SubscriberMqtt(**there))  # type: ignore[arg-type]
    page = ann.get("/connect/asyncapi.json")
    document = json.loads(page.text)
    assert document["asyncapi"] == "3.0.0"
    kinds = {"amqp", "redis", "mqtt", "activemq", "stomp", "ws"}
    assert len(SUBSCRIBERS) == len(kinds)
    assert set(document["servers"]) == kinds
    assert set(document["operations"]) == kinds | {f"{kind}-reports" for kind in kinds}
    assert {name.rpartition("-")[0] for name in document["channels"]} == kinds
    messages = document["components"]["messages"]
    assert set(messages) == COMMANDS | {"answer", "delivery-report"}
    for name in COMMANDS:
        payload = document["components"]["messages"][name]["payload"]
        assert (
            payload["properties"]["command"] == {"const": name} and "callback_topic" in payload["properties"]
        )
    event = MessageReported(7, "n7", "shop", "m1", "failed", "send-sms", "M1", 2, 1, "answers")
    told, schema = json.loads(report_json(event)), messages["delivery-report"]["payload"]["properties"]
    assert set(told["data"]) == set(schema["data"]["properties"])
    assert told["command"] == schema["command"]["const"]
    assert told["response_code"] in schema["response_code"]["enum"]
    assert told["data"]["result"] in schema["data"]["properties"]["result"]["enum"]
    assert document["servers"]["mqtt"]["host"] == "10.1.2.3:8883"
    assert document["servers"]["mqtt"]["protocol"] == "secure-mqtt"
    assert document["channels"]["mqtt-commands"]["address"] == "otp/in"
    assert (
        document["operations"]["mqtt"]["reply"]["address"]["location"] == "$message.payload#/callback_topic"
    )
    for reference in references(document):
        assert resolved(document, reference)
    assert "hush-hush" not in page.text
    words = ann.get("/connect/brokers").words
    assert "secure-mqtt://10.1.2.3:8883" in words and "otp/in" in words and "hush-hush" not in words
    site.store.save(SubscriberMqtt, SubscriberMqtt())


def scrape(site: Site, address: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """/metrics as somebody elsewhere gets it: through the door itself, since we sit on this device."""
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "bottle.raw_path": "/metrics",
        "REMOTE_ADDR": address, "HTTP_HOST": f"10.0.0.5:{site.port}", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "SERVER_PORT": str(site.port), **headers,
    }  # fmt: skip
    body = b"".join(site.door.app(environ, lambda status, fields, *_: told.extend((status, dict(fields)))))
    return int(told[0].split()[0]), body.decode(), told[1]


def test_figures_are_given_to_whoever_has_the_token(site: Site, ann: Client) -> None:
    status, _, fields = scrape(site, "192.168.0.20")
    assert (status, fields["Www-Authenticate"]) == (401, 'Bearer realm="OTP-Pi"')
    assert "only a collector on this device itself" in ann.get("/connect/metrics").words
    page = ann.post("/connect/metrics")
    token = re.search(r"credentials: (\S+)", html.unescape(page.text))[1]  # type: ignore[index]
    assert len(token) >= 32
    assert token not in ann.get("/connect/metrics").text
    status, text, fields = scrape(site, "192.168.0.20", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert status == 200 and fields["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'otppi_modem_state{modem="sim1",state="ready"} 1.0' in text
    for wrong in (f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer ", f"Basic {token}", token):
        assert scrape(site, "192.168.0.20", HTTP_AUTHORIZATION=wrong)[0] == 401
    assert Client(site).get("/metrics").status == 200  # a collector on the device itself
    assert Client(site).get("/metrics", Authorization="Bearer wrong").status == 401
    ann.post("/connect/metrics")
    assert scrape(site, "192.168.0.20", HTTP_AUTHORIZATION=f"Bearer {token}")[0] == 401
    site.store.save(Metrics, Metrics())
    assert scrape(site, "192.168.0.20", HTTP_AUTHORIZATION="Bearer ")[0] == 401
    assert token not in ann.get("/system/audit").text


def test_the_configuration_of_the_collector_is_ready_to_copy(site: Site, ann: Client) -> None:
    text = html.unescape(ann.get("/connect/metrics").text)
    lines = text[text.index("scrape_configs:") : text.index("</code>")]
    assert lines == (
        "scrape_configs:\n  - job_name: otp-pi\n    scheme: http\n    authorization:\n"
        f'      credentials: TOKEN\n    static_configs:\n      - targets: ["127.0.0.1:{site.port}"]'
    )


def test_no_secret_and_no_number_is_among_the_figures(site: Site, ann: Client) -> None:
    ann.post("/otp/request", {"receiver": "081277770001", "reference": "metric-1"})
    code = re.search(
        r"\d{6}", next(text for number, text in reversed(site.received()) if number.endswith("77770001"))
    )
    assert code is not None
    site.modem("sim1").sms_in("+628122223333", "pesan rahasia")
    eventually(lambda: 'otppi_inbox_total{modem="sim1"}' in Client(site).get("/metrics").text)
    text = Client(site).get("/metrics").text
    modem = site.modem("sim1")
    inside = ("rahasia", "metric-1", modem.card.iccid, modem.imei, PASSWORD)
    for secret in (code[0], "77770001", "22223333", *inside):
        assert secret not in text
    port = site.store.read(Api).value.http_port  # type: ignore[union-attr]
    assert str(port) not in text
