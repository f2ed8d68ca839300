"""How many examples generated tests try: a few hundred each, or a million in all with OTPPI_FUZZ=1."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

FUZZ_EXAMPLES = 1_000_000

# "fast" is the same on every run, so that a green run stays green; "fuzz" looks for what nobody thought of.
settings.register_profile("fast", max_examples=300, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "fuzz",
    max_examples=FUZZ_EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FUZZING = os.environ.get("OTPPI_FUZZ", "") not in ("", "0")
settings.load_profile("fuzz" if FUZZING else "fast")


# Fast tests first: what talks to other processes, servers and browsers comes later.
_SLOW_ROOMS = ("contract", "service", "brokers", "browser", "image", "boot", "system", "study")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        rooms = item.path.parts
        return max((1 + place for place, room in enumerate(_SLOW_ROOMS) if room in rooms), default=0)

    items.sort(key=rank)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Share the million among the fuzz tests that are about to run; these carry no settings of their own."""
    if not FUZZING:
        return
    items = [
        item
        for item in session.items
        if isinstance(item, pytest.Function) and item.get_closest_marker("fuzz")
    ]
    runs: dict[object, int] = {}
    for item in items:  # a parametrised test runs as often as it has parameters
        runs[item.function] = runs.get(item.function, 0) + 1
    for function, count in runs.items():
        settings(max_examples=max(1, FUZZ_EXAMPLES // (len(runs) * count)))(function)
