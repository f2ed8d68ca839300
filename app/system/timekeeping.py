"""The clock: zone, time server, time from a browser, and whether it can be trusted."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from app.core.clock import implausible
from app.settings.general import General
from app.system.dbus import Bus, Place, SystemRefused
from hw.rtc import Rtc

log = logging.getLogger(__name__)

TIMEDATE = Place("org.freedesktop.timedate1", "/org/freedesktop/timedate1", "org.freedesktop.timedate1")
#: Less is the way of a request through the Wi-Fi, not a difference of clocks.
WORTHWHILE = 2.0


@dataclass(frozen=True)
class TimeState:
    """The clock as the pages show it; `why` says why it is not trusted, "" when it is.

    temperature: of the clock chip in °C, or None; rtc: a sentence about the chip.
    """

    wall: float
    trusted: bool
    why: str
    zone: str
    ntp: bool
    synchronized: bool
    rtc: str
    temperature: float | None


def timesyncd(general: General) -> str:
    """timesyncd.conf(5), as a drop-in: the time server, and how long it may rest between two looks."""
    lines = ["# Written from the settings of OTP-Pi; a change here is lost.", "[Time]"]
    lines.append(f"NTP={general.ntp_server}")
    if general.update_timer:
        lines.append(f"PollIntervalMaxSec={general.update_timer}h")
    return "\n".join(lines) + "\n"


class Time:
    """What pages and settings do with the clock, over timedated."""

    def __init__(self, bus: Bus, rtc: Rtc) -> None:
        self._bus = bus
        self._rtc = rtc

    def apply(self, general: General) -> None:
        """Zone and switch of the time server; its name is the file's (`timesyncd`). Raises SystemRefused."""
        if self._bus.get(TIMEDATE, "Timezone") != general.device_time_zone:
            self._bus.call(TIMEDATE, "SetTimezone", "sb", general.device_time_zone, False)
        wanted = general.update_timer > 0
        if bool(self._bus.get(TIMEDATE, "NTP")) == wanted:
            return
        if wanted and not self._bus.get(TIMEDATE, "CanNTP"):
            raise SystemRefused("systemd-timesyncd is not installed: no time server can set the clock")
        self._bus.call(TIMEDATE, "SetNTP", "bb", wanted, False)

    def set(self, wall: float) -> None:
        """Set the clock, and with it the clock chip, to Unix seconds. Raises SystemRefused, ValueError."""
        if math.isnan(wall) or implausible(wall):
            raise ValueError(f"{wall:.0f} is not the time of today")
        # timedated refuses while a time server rules; that one comes back once the time is set.
        ruled = bool(self._bus.get(TIMEDATE, "NTP"))
        if ruled:
            self._bus.call(TIMEDATE, "SetNTP", "bb", False, False)
        try:
            self._bus.call(TIMEDATE, "SetTime", "xbb", int(wall * 1e6), False, False)
        finally:
            if ruled:
                self._bus.call(TIMEDATE, "SetNTP", "bb", True, False)

    def state(self, wall: float) -> TimeState:
        """How the clock stands; what cannot be asked is told as a sentence."""
        rtc = self._rtc.read()
        zone, ntp, synchronized = "", False, False
        try:
            zone = str(self._bus.get(TIMEDATE, "Timezone"))
            ntp = bool(self._bus.get(TIMEDATE, "NTP"))
            synchronized = bool(self._bus.get(TIMEDATE, "NTPSynchronized"))
        except SystemRefused as error:
            log.debug("timedated: %s", error)
        why = distrust(wall, synchronized, rtc.present, rtc.stopped)
        return TimeState(wall, not why, why, zone, ntp, synchronized, rtc.sentence, rtc.temperature)


def distrust(wall: float, synchronized: bool, rtc_present: bool, rtc_stopped: bool) -> str:
    """Why a clock is not to be trusted, "" when it is."""
    if why := implausible(wall):
        return why
    if synchronized:
        return ""
    if rtc_stopped:
        return "the clock chip stood still (its battery?)"
    return "" if rtc_present else "no clock chip, and no time server has been reached yet"
