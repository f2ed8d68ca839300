"""The service and simulated modems, each a real process, for tests that kill and unplug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.rig import Gateway, Simulators
from tests.ddns.pebble import cloudflare as cloudflare
from tests.ddns.pebble import pebble as pebble


@pytest.fixture
def simulators() -> Iterator[Callable[..., Simulators]]:
    made: list[Simulators] = []

    def make(*words: object, **more: object) -> Simulators:
        made.append(Simulators(*words, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def make(modems: dict[str, dict[str, object]], **more: object) -> Gateway:
        made.append(Gateway(modems, tmp_path, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
