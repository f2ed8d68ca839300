"""Half a minute of plugging, unplugging and renaming under load (``make soak``: 64 modems, ten minutes)."""

from __future__ import annotations

from bench.soak import LEAST, Soak


def test_nothing_grows_and_nothing_is_lost_while_modems_come_and_go() -> None:
    result = Soak(modems=64, seconds=30.0, senders=16, seed=7).run()
    assert result.problems() == []
    assert result.unplugged >= LEAST and len(result.returns) >= LEAST
    assert result.codes["0000"] > 50
