"""At DEBUG nothing of a message that came through a broker, and no password, is in any log or file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.store.places import Places
from bench.rig import Gateway, Simulators
from tests.brokers.conftest import Servers
from tests.brokers.servers import PASSWORD, until
from tests.brokers.test_power_cut import arrived, connected
from tests.brokers.ways import WAYS, options_for, unique
from tests.service.test_secrecy import traces

TEXT = "Xylophone-Quartz for nobody's eyes"


@pytest.mark.parametrize("name", WAYS)
def test_nothing_of_a_message_is_left_anywhere(name: str, servers: Servers, tmp_path: Path) -> None:
    way = WAYS[name]
    server = servers.get(way.server)
    simulators = Simulators(1)
    (tmp_path / "home").mkdir()
    gateway = Gateway({"m1": {"port": simulators.paths[0]}}, tmp_path / "home", log="DEBUG")
    options = options_for(way, server, unique("sms"))
    gateway.store.save(way.section, options)
    peer = way.peer(server)
    try:
        gateway.start()
        until(lambda: connected(gateway), "connected", 60)
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
            codes.add(arrived(simulators)[-1].removeprefix(f"{TEXT} "))
        for poison in (
            f"{TEXT}",
            f'{{"command":"{TEXT}"}}',
            f'{{"command":"send-sms","data":{{"receiver":"{TEXT}","message":"{TEXT}"}}}}',
            f'{{"command":"send-sms","data":"{TEXT}","callback_topic":"{TEXT}/#"}}',
        ):
            peer.publish(options.topic, poison.encode())
        peer.ask(options.topic, {"command": "echo", "data": TEXT}, unique("answer"))
        gateway.stop()
        folders = [gateway.home, Places(gateway.home).runtime]
        for secret in ("Xylophone", "Obsidian"):
            assert traces(secret, folders) == [], secret
        log = gateway.log.read_text()
        assert "AT+CMGS=" in log and PASSWORD not in log
        for code in codes:
            assert len(code) == 6 and not re.search(rf"(?<!\d){code}(?!\d)", log)
    finally:
        gateway.close()
        simulators.close()
