"""How long to wait for an emulated device, and how."""

import os
import time
from collections.abc import Callable


def patience(quiet_seconds: float) -> float:
    """A time-out for what takes quiet_seconds on two idle cores; OTPPI_PATIENCE stretches it."""
    return quiet_seconds * 4 * float(os.environ.get("OTPPI_PATIENCE", "1"))


def wait_until(true: Callable[[], bool], timeout: float) -> None:
    """Returns once true() is; an AssertionError when it takes longer than timeout seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"not true within {timeout:.0f} s"
        time.sleep(0.1)
