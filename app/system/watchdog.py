"""Tells systemd that the service is up, and that every worker still ticks (sd_notify(3), WatchdogSec=)."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

#: Why the service is not well, as a sentence, or "".
Check = Callable[[], str]


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send one state ("READY=1", "STOPPING=1", "WATCHDOG=1") to systemd; False when it does not listen."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.settimeout(2)
            manager.sendto(state.encode(), address)
    except OSError as error:
        log.warning("systemd cannot be told %s: %s", state.partition("=")[0], error)
        return False
    return True


def interval(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds between two signs of life, a third of what systemd allows; 0 where it watches nobody."""
    try:
        allowed = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
    except ValueError:
        return 0.0
    return allowed / 3


class Watchdog:
    """A thread that gives a sign of life while every check is content."""

    def __init__(self, checks: Mapping[str, Check], environment: Mapping[str, str] = os.environ) -> None:
        self._checks = checks
        self._environment = environment
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Say that the service is up; from here on, silence gets it restarted."""
        notify("READY=1", self._environment)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        notify("STOPPING=1", self._environment)
        self._thread.join(5)

    def ill(self) -> str:
        """What is wrong, as a sentence; "" when all is well."""
        for name, check in self._checks.items():
            try:
                why = check()
            except Exception:
                log.exception("the check of %s failed", name)
                why = "its check failed"
            if why:
                return f"{name}: {why}"
        return ""

    def _run(self) -> None:
        pause = interval(self._environment)
        while pause and not self._stopping.wait(pause):
            if why := self.ill():
                log.error("no sign of life is given: %s", why)
            else:
                notify("WATCHDOG=1", self._environment)
