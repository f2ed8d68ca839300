"""One server for a test, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import Client, House


@pytest.fixture
def house() -> Iterator[House]:
    built = House()
    yield built
    built.close()


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    one = Client(house.port)
    yield one
    one.close()
