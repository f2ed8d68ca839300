"""Tells when a serial port or a USB device comes or goes, by the kernel's events through udev."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


class PortWatch:
    """changed() is called from the thread of the events, when udev is done; it must only enqueue."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._observer: Any = None

    def start(self) -> bool:
        """False where there is no udev: whoever asked looks for himself now and then."""
        try:
            import pyudev  # type: ignore[import-untyped, unused-ignore]  # it has no stubs

            monitor = pyudev.Monitor.from_netlink(pyudev.Context())
            monitor.filter_by("tty")
            monitor.filter_by("usb", "usb_device")
            self._observer = pyudev.MonitorObserver(monitor, callback=self._heard, name="udev")
            self._observer.start()
        except (ImportError, OSError) as error:
            log.warning("there are no udev events here (%s); ports are looked for periodically", error)
            self._observer = None
            return False
        return True

    def stop(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()

    def _heard(self, device: object) -> None:
        self._changed()
