"""Restart, reboot, switch off, expand the storage, clean up; and restarts by the timetable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from app.core.clock import Clock
from app.settings.general import WEEKDAYS, General
from app.system import units
from app.system.dbus import Bus, Place, SystemRefused

log = logging.getLogger(__name__)

#: A step of the clock by so many seconds or more is no time that passed.
LIVED_THROUGH = 120.0
#: Seconds that the units themselves allow (TimeoutStartSec=).
EXPANDING, CLEANING = 600.0, 300.0

LOGIN = Place("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")


class Power:
    """What the power buttons of the pages do; each raises SystemRefused."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def restart_service(self) -> None:
        units.restart(self._bus, "otppi.service")

    def reboot(self) -> None:
        self._bus.call(LOGIN, "Reboot", "b", False)

    def shut_down(self) -> None:
        self._bus.call(LOGIN, "PowerOff", "b", False)

    def expand_storage(self) -> None:
        """The file system takes the whole card; returns when it has."""
        units.start(self._bus, "otppi-expand.service", patience=EXPANDING)

    def clean_up(self) -> None:
        """Package files, old logs and old temporary files go."""
        units.start(self._bus, "otppi-cleanup.service", patience=CLEANING)


class Timetable:
    """Does something daily or weekly at a time of day; `look` is a periodic job.

    A clock that steps over the time (a browser sets it, a time server corrects it) rings nothing: only a
    minute that is lived through counts, and each day's only once. Of an hour that comes twice, when summer
    time ends, the first counts; a time that summer time leaves out comes with the hour after it.
    """

    def __init__(self, clock: Clock, often: str, day: str, at: str, work: Callable[[], None]) -> None:
        self._clock = clock
        self._often = often
        self._day = list(WEEKDAYS).index(day)
        self._at = at
        self._work = work
        self._seen: float | None = None

    def look(self) -> None:
        """Once a few seconds: act when the time of day has just come."""
        if self._often == "never" or not self._clock.trusted:
            self._seen = None
            return
        wall = self._clock.wall()
        before, self._seen = self._seen, wall
        if before is None or not 0 <= wall - before < LIVED_THROUGH:
            return
        seen, now = datetime.fromtimestamp(before), datetime.fromtimestamp(wall)
        if now.fold:  # an hour that comes twice, the second time
            return
        hour, minute = (int(part) for part in self._at.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if seen < due <= now and (self._often == "daily" or now.weekday() == self._day):
            log.info("it is %s: the timetable's restart", self._at)
            self._work()


def timetables(clock: Clock, general: General, power: Power) -> list[Timetable]:
    """The restarts of the section general."""

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except SystemRefused as error:
                log.error("the timetable's restart: %s", error)

        return run

    return [
        Timetable(
            clock,
            general.restart_service,
            general.restart_service_day,
            general.restart_service_time,
            guarded(power.restart_service),
        ),
        Timetable(
            clock,
            general.restart_device,
            general.restart_device_day,
            general.restart_device_time,
            guarded(power.reboot),
        ),
    ]
