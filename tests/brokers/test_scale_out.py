"""Three gateways on one broker and one Redis: one load, the same references, and one of them is killed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.settings.general import General
from bench.client import Client
from bench.rig import Gateway, Simulators
from tests.brokers.conftest import Servers
from tests.brokers.servers import PASSWORD, USER, Redis, until
from tests.brokers.test_power_cut import arrived, connected, each_has_one_in_hand, publish_all
from tests.brokers.ways import WAYS, options_for, unique

GATEWAYS, EACH = 3, 2
REQUESTS = 120


@pytest.fixture
def modems() -> Iterator[Simulators]:
    made = Simulators(GATEWAYS * EACH, delay_ms=300)
    yield made
    made.close()


@pytest.fixture
def gateways(servers: Servers, modems: Simulators, tmp_path: Path) -> Iterator[list[Gateway]]:
    """Not started yet; each has two modems, and all the same OTP store and secret."""
    redis = servers.get(Redis)
    shared = General(
        otp_store="redis",
        otp_store_url=f"redis://{USER}:{quote(PASSWORD)}@127.0.0.1:{redis.port}/7",
        otp_store_secret="the same on every device",
    )
    made = []
    for n in range(GATEWAYS):
        (tmp_path / str(n)).mkdir()
        paths = modems.paths[n * EACH : (n + 1) * EACH]
        gateway = Gateway(
            {f"m{k}": {"port": path} for k, path in enumerate(paths)}, tmp_path / str(n), "INFO"
        )
        gateway.store.save(General, shared)
        made.append(gateway)
    yield made
    for gateway in made:
        gateway.close()


def request(reference: str, number: str) -> dict[str, Any]:
    return {
        "command": "request-otp",
        "data": {"reference": reference, "receiver": number, "message": f"{reference}: %s"},
    }


def test_a_code_issued_by_one_gateway_is_verified_by_another(
    gateways: list[Gateway], modems: Simulators
) -> None:
    for gateway in gateways:
        gateway.start()
    one, two, three = (Client(gateway.port) for gateway in gateways)
    reference = unique("order")
    asked = one.call(**_flat(request(reference, "+628120000001")))
    assert asked["response_code"] == "0000"
    code = arrived(modems)[-1].removeprefix(f"{reference}: ")
    assert two.call(**_flat(request(reference, "+628120000001")))["response_code"] == "1201"
    answer = {"reference": reference, "receiver": "08120000001", "otp": code}
    assert two.call("verify-otp", **{**answer, "otp": "x"})["response_code"] == "1202"
    assert three.call("verify-otp", **answer)["response_code"] == "0000"
    assert two.call("verify-otp", **answer)["response_code"] == "1202"
    assert one.call("verify-otp", **answer)["response_code"] == "1202"


def _flat(message: dict[str, Any]) -> dict[str, Any]:
    return {"command": message["command"], **message["data"]}


@pytest.mark.parametrize("name", ["amqp", "redis-list", "redis-stream", "mqtt5"])
def test_one_of_three_is_killed_under_load_and_nothing_is_lost_or_doubled(
    name: str, servers: Servers, gateways: list[Gateway], modems: Simulators
) -> None:
    way = WAYS[name]
    server = servers.get(way.server)
    topic = unique("otp")
    shared = f"$share/gateways/{topic}" if name.startswith("mqtt") else topic
    for gateway in gateways:
        gateway.store.save(way.section, options_for(way, server, shared))
        gateway.start()
        until(lambda one=gateway: connected(one), "connected", 60)  # type: ignore[misc]
    references = [unique("order") for _ in range(REQUESTS)]
    numbers = {reference: f"+6281200{place:06d}" for place, reference in enumerate(references)}
    bodies = [json.dumps(request(reference, numbers[reference])).encode() for reference in references]
    publish_all(way, server, topic, bodies)

    killed, *others = gateways
    until(lambda: len(arrived(modems)) >= REQUESTS / 5, "a fifth arrived", 60)
    until(lambda: each_has_one_in_hand(modems, ["sim1", "sim2"]), "its modems have one in hand each")
    killed.kill()
    assert len(arrived(modems)) < REQUESTS
    if name.startswith("mqtt"):
        # What the broker gave it belongs to its session: the others cannot have it until it is back.
        killed.start(ready=False)
    # What a dead device had taken from a list or a stream the others take over after 21 s without a sign.
    until(lambda: len(set(arrived(modems))) >= REQUESTS, "every code arrived", 150)

    codes = dict(_parted(text) for text in arrived(modems))
    assert set(codes) == set(references)
    assert [text for text, times in Counter(map(_reference, arrived(modems))).items() if times != 1] == []
    # The codes of the dead one too are verified by those that live.
    clients = [Client(gateway.port) for gateway in others]
    for place, reference in enumerate(references):
        client = clients[place % len(clients)]
        answer = client.call(
            "verify-otp", reference=reference, receiver=numbers[reference], otp=codes[reference]
        )
        assert answer["response_code"] == "0000", (reference, answer)


def _parted(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(\S+): (\d{6})", text)
    assert found, text
    return found[1], found[2]


def _reference(text: str) -> str:
    return _parted(text)[0]
