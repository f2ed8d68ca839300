"""One service for a module of tests, or one of its own for a test that changes who may come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.web.admin.site import Client, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made.ready()
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**more: object) -> Site:
        made.append(Site(tmp_path, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ann(site: Site) -> Client:
    """An administrator who is signed in."""
    return Client(site).sign_in("ann")
