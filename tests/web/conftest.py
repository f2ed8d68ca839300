"""One server for a test, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.door import Client, Door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    built = Door(tmp_path)
    yield built
    built.close()


@pytest.fixture
def client(door: Door) -> Iterator[Client]:
    one = Client(door.port)
    yield one
    one.close()
