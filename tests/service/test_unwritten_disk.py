"""The service on a disk that is mounted read-only: it says so, and goes on for longer than a moment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from bench.rig import Gateway

#: Runs a command that sees the folder $0 read-only; nobody else does.
READ_ONLY = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"'


def read_only(folder: str) -> list[str]:
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", *own, "--mount", "sh", "-ec", READ_ONLY, folder]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces for tests here")
    return words


def test_a_read_only_disk_costs_what_would_be_kept_and_not_the_service(
    gateway: Callable[..., Gateway],
) -> None:
    one = gateway({"m": {"port": "sim://m", "default_modem": True}}, admin=True)
    one.within = read_only(str(one.home))
    one.start()
    assert one.process is not None
    one.process.terminate()
    # One whose start broke off after its doors were open ends with 1.
    assert one.process.wait(60) == 0, one.tail()
    assert "kept in memory" in one.log.read_text()
    assert "Traceback" not in one.log.read_text()
