"""The ports that the contract of a GSM modem is tested on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from hw.sim.modem import SimModem
from hw.sim.plugs import plugs
from hw.sim.pty import SimPtys
from tests.hw.gsm.bench import Bench

_NUMBERS = count(1)
_REAL = os.environ.get("OTPPI_TEST_PORT")


def _check(bench: Bench) -> None:
    """Whatever a test did: nothing but whole commands may ever have been run as commands."""
    for modem in bench.opened:
        modem.close()
    if bench.sim is not None:
        assert bench.sim.stray_lines == []
        assert bench.sim.counts.joined == 0


@pytest.fixture(params=["sim", "pty", *(["real"] if _REAL else [])])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One modem on each kind of port; also on the real one at OTPPI_TEST_PORT, when that is set."""
    if request.param == "real":
        bench = Bench(_REAL or "", None)
        yield bench
        _check(bench)
        return
    modem = SimModem("sim")
    if request.param == "sim":
        name = f"bench{next(_NUMBERS)}"
        plugs.plug_in(name, modem)
        bench = Bench(f"sim://{name}", modem)
        yield bench
        _check(bench)
        plugs.unplug(name)
        return
    with SimPtys() as ptys:
        bench = Bench(ptys.plug_in(modem), modem)
        yield bench
        _check(bench)
