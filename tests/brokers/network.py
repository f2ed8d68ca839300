"""Two network namespaces with a cable between them, on which packets can be dropped without a word."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

GATEWAY, BROKER = "10.99.7.1", "10.99.7.2"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace: str) -> None:
    """Move this thread, and no other, into a namespace: the sockets it opens from now on lie there."""
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if _libc.setns(handle, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Do something in a namespace, in a thread of its own."""
    results: list[T] = []

    def run() -> None:
        enter(namespace)
        results.append(work())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return results[0]


class Cable:
    """Namespaces ``near`` and ``far``; far is where a broker runs."""

    def __init__(self) -> None:
        self.near, self.far = f"otp-near-{os.getpid()}", f"otp-far-{os.getpid()}"
        for name in (self.near, self.far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.near, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", self.far)
        for name, address in ((self.near, GATEWAY), (self.far, BROKER)):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "wire", "up")

    @staticmethod
    def missing() -> str:
        """Why there can be none here, or nothing."""
        if os.geteuid() != 0:
            return "network namespaces need root"
        if not Path("/sbin/ip").exists() and not Path("/usr/sbin/ip").exists():
            return "the package iproute2 is not installed"
        tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
        return "" if tried.returncode == 0 else "this machine allows no network namespaces"

    def drop(self) -> None:
        """Nothing the broker says arrives any more; nobody is told."""
        _ip("-n", self.far, "route", "add", "blackhole", f"{GATEWAY}/32")

    def mend(self) -> None:
        _ip("-n", self.far, "route", "del", "blackhole", f"{GATEWAY}/32")

    def close(self) -> None:
        for name in (self.near, self.far):
            _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
