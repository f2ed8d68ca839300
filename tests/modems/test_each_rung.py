"""Each rung of the ladder is reached, seen in events and figures, helps, and loses or doubles no message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.errors import NotSent
from app.core.events import Event, RungClimbed
from app.core.message import Sent
from app.metrics import Metrics
from app.modems.ladder import RUNGS, Patience, Rung
from hw.sim.modem import SimModem
from tests.modems.test_ladder import QUICK, Hub
from tests.modems.yard import Parcel, Yard, parcel


class Rescue:
    """Hears the events: the modem is deaf until the rung that is to help begins."""

    def __init__(self, rung: Rung) -> None:
        self.modem: SimModem | None = None
        self.metrics = Metrics(dict)
        self._rung = rung

    def __call__(self, event: Event) -> None:
        self.metrics.listen(event)
        begins = isinstance(event, RungClimbed) and event.worked is None and event.rung == self._rung
        if begins and self.modem is not None:
            self.modem.deaf = False


class Heard(list[Event]):
    """The yard's events, passed on."""

    def __init__(self, rescue: Rescue) -> None:
        super().__init__()
        self._rescue = rescue

    def append(self, event: Event) -> None:
        super().append(event)
        self._rescue(event)


@pytest.fixture
def hub() -> Iterator[Hub]:
    yield Hub()


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_is_climbed_told_counted_and_helps_without_losing_or_doubling_a_message(
    tmp_path: Path, hub: Hub, rung: Rung
) -> None:
    rescue = Rescue(rung)
    yard = Yard(tmp_path, hub, replace(QUICK, park=1.0), heard=Heard(rescue))
    try:
        modem = rescue.modem = yard.ready()
        below = RUNGS.index(rung) - 1  # the rungs before it have failed; climbing them all takes minutes
        yard.worker("a").ladder.rung = RUNGS[below] if below >= 0 else None
        modem.deaf = True
        jobs = [parcel(f"message {number}", seconds=300) for number in range(5)]
        for job in jobs:
            yard.fleet.submit("a", job)
        yard.until(lambda: str(rung) in yard.rungs(), timeout=120)
        for job in jobs:
            again(yard, job)
        # The first means against silence is free of charge, whatever stands above it.
        assert yard.rungs() == (["resync"] if rung is Rung.RESYNC else ["resync", str(rung)])
        assert yard.helped()[-1] == str(rung)
        assert sorted(one.text for one in yard.air.inbox()) == [f"message {number}" for number in range(5)]
        assert yard.air.duplicates == 0
        line = f'otppi_modem_rung_total{{modem="a",rung="{rung}"}} 1.0'
        assert line in rescue.metrics.render().decode()
    finally:
        yard.close()


def again(yard: Yard, job: Parcel) -> None:
    """As the delivery does: what is known not to be sent is tried again, nothing else."""
    while not isinstance(outcome := job.wait(), Sent):
        assert isinstance(outcome, NotSent)
        yard.until(yard.lanes, timeout=120)
        job = parcel(job.message.text, seconds=300)
        try:
            yard.fleet.submit("a", job)
        except NotSent:
            job.refused(NotSent("not ready"))


def test_the_patience_of_the_ladder_is_the_published_one() -> None:
    patience = Patience()
    assert (patience.find, patience.park) == (90.0, 900.0)
    assert 60.0 <= patience.safety <= 600.0
