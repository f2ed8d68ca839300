"""Real servers on private loopback ports, started by the tests and stopped by their process id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom

import pytest

USER, PASSWORD = "otp", "s3cret:with;signs"
PATIENCE = 60.0
LONG = 120.0  # seconds a server may take to come up on a busy machine


def need(program: str, package: str) -> str:
    """The path of a program; without it a test is skipped on a desk and fails in CI."""
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/lib/rabbitmq/bin")
    if found is None:
        reason = f"{program} is missing: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """A port that nobody has, below those that kernels give to outgoing connections (from 32768)."""
    while True:
        port = SystemRandom().randrange(10240, 32768)
        with socket.socket() as sock:
            try:
                sock.bind(("", port))
            except OSError:
                continue
        return port


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.01)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(
    command: list[str], ports: list[int], log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process group of its own, from when its ports answer until it has ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    try:
        wait_until(
            lambda: process.poll() is not None or all(answers(port) for port in ports),
            f"{command[0]} to listen",
            LONG,
        )
        if process.poll() is not None:
            raise AssertionError(f"{command[0]} ended: {log.read_text()[-2000:]}")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
