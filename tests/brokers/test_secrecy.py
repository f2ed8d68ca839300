"""At DEBUG nothing of a message that came through a broker, and no password, is in any log or file."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app.store.places import Places
from bench.rig import Gateway, Simulators
from tests.brokers.conftest import Servers
from tests.brokers.servers import PASSWORD, until
from tests.brokers.ways import WAYS, options_for, unique
from tests.service.test_secrecy import traces

SECRETS = ("Xylophone", "Obsidian")
TEXT = "Xylophone-Quartz for nobody's eyes"


@pytest.fixture(scope="module")
def modem() -> Iterator[Simulators]:
    made = Simulators(1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(modem: Simulators, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for all ways: each takes the settings over from the one before."""
    home = tmp_path_factory.mktemp("home")
    made = Gateway({"m1": {"port": modem.paths[0]}}, home, log="DEBUG")
    made.start()
    yield made
    made.stop()
    assert left_of(made) == []
    made.close()


def left_of(gateway: Gateway) -> list[str]:
    """Where a piece of a message can still be read."""
    folders = [gateway.home, Places(gateway.home).runtime]
    return [f"{secret} in {where}" for secret in SECRETS for where in traces(secret, folders)]


@pytest.mark.parametrize("name", WAYS)
def test_nothing_of_a_message_is_left_anywhere(
    name: str, servers: Servers, gateway: Gateway, modem: Simulators
) -> None:
    way = WAYS[name]
    options = options_for(way, servers.get(way.server), unique("sms"))
    before = connections(gateway)
    gateway.store.save(way.section, options)
    peer = way.peer(servers.get(way.server))
    try:
        until(lambda: connections(gateway) > before, "connected", 60)
        codes = set()
        for number in range(3):
            data = {
                "reference": unique("ref"),
                "receiver": f"08120000{number:04d}",
                "message": f"{TEXT} %s",
                "param1": "param-Obsidian",
            }
            answer = peer.ask(options.topic, {"command": "request-otp", "data": data}, unique("answer"))
            assert answer["response_code"] == "0000"
            codes.add(arrived(modem)[-1].removeprefix(f"{TEXT} "))
        for poison in (
            f"{TEXT}",
            f'{{"command":"{TEXT}"}}',
            f'{{"command":"send-sms","data":{{"receiver":"{TEXT}","message":"{TEXT}"}}}}',
            f'{{"command":"send-sms","data":"{TEXT}","callback_topic":"{TEXT}/#"}}',
        ):
            peer.publish(options.topic, poison.encode())
        peer.ask(options.topic, {"command": "echo", "data": TEXT}, unique("answer"))
    finally:
        gateway.store.save(way.section, way.section())
    assert left_of(gateway) == []
    log = gateway.log.read_text()
    assert "AT+CMGS=" in log and PASSWORD not in log
    for code in codes:
        assert len(code) == 6 and not re.search(rf"(?<!\d){code}(?!\d)", log)


def connections(gateway: Gateway) -> int:
    return gateway.log.read_text().count(": connected")


def arrived(modem: Simulators) -> list[str]:
    return [one["text"] for one in modem.order("inbox", limit=10_000)["messages"]]
