"""The load script itself: 500 clients on 50 topics with the broker on one core, and nothing is lost."""

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_500_clients_on_50_topics_on_one_core_lose_nothing_beside_a_slow_reader() -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "bench" / "broker_load.py"), "--seconds", "2"],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "500 clients on 50 topics connected" in done.stdout
    assert re.findall(r"lost (\d+)", done.stdout) == ["0", "0"], done.stdout
