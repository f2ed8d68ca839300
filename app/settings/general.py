"""Section general: the device's name, time, OTP policy and timetables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from app.settings.checks import Host, HourMinute, RedisUrlOrNone, TimeZone
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Section

Often = Literal["never", "daily", "weekly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

OFTEN = {"never": "Never", "daily": "Every day", "weekly": "Every week"}
WEEKDAYS = {
    "monday": "Monday",
    "tuesday": "Tuesday",
    "wednesday": "Wednesday",
    "thursday": "Thursday",
    "friday": "Friday",
    "saturday": "Saturday",
    "sunday": "Sunday",
}


class General(Section):
    """Options that concern the whole device."""

    about: ClassVar[About] = About(
        name="general", title="General", help="The device's name, its time, and how one-time passwords live."
    )

    device_name: str = option("OTP-Pi", "Device name", longest=63, help="Shown in the pages and in alarms.")
    otp_expiration: int = option(
        300_000,
        "OTP expiration",
        unit="ms",
        minimum=1_000,
        maximum=86_400_000,
        help="How long a code is valid when the request does not say.",
    )
    drop_expired_otp: bool = option(
        True, "Drop expired OTP", help="A message whose time has passed is answered 1203 and not sent."
    )
    otp_digits: int = option(6, "OTP digits", minimum=4, maximum=10)
    otp_tries: int = option(
        5, "OTP tries", minimum=1, maximum=100, help="Wrong codes after which a reference is dead."
    )
    duplicate_window: int = option(
        600,
        "Duplicate window",
        unit="s",
        minimum=0,
        maximum=86_400,
        help="The same id, receiver and text within this time is sent once. 0: only a broker's redelivery.",
    )
    otp_store: Literal["embedded", "redis"] = option(
        "embedded",
        "OTP store",
        choices={"embedded": "On this device", "redis": "In Redis, shared by several devices"},
    )
    otp_store_url: RedisUrlOrNone = option(
        "",
        "OTP store address",
        secret=True,
        help="For Redis: redis://user:password@host:6379/0, or rediss:// for TLS.",
    )
    otp_store_secret: str = option(
        "",
        "OTP store secret",
        secret=True,
        help="For Redis: at least 16 characters, the same on every device that shares the store.",
    )
    device_time_zone: TimeZone = option("Asia/Jakarta", "Device time zone")
    ntp_server: Host = option("pool.ntp.org", "NTP server", help="Where the clock takes its time from.")
    update_timer: Literal[0, 6, 12, 24] = option(
        6,
        "Update timer",
        unit="h",
        choices={0: "Never", 6: "Every 6 hours", 12: "Every 12 hours", 24: "Daily"},
        help="How often the clock is set by the NTP server.",
    )
    inspect_modem_connection: Literal[0, 2, 5, 10, 30] = option(
        5,
        "Inspect modem connection",
        unit="s",
        choices={0: "Never", 2: "2 s", 5: "5 s", 10: "10 s", 30: "30 s"},
        help="How often modems are looked at; plugging and unplugging acts at once all the same.",
    )
    restart_service: Often = option("never", "Restart service", choices=OFTEN)
    restart_service_day: Weekday = option("sunday", "Restart service on", choices=WEEKDAYS)
    restart_service_time: HourMinute = option("03:00", "Restart service at", help="Local time, HH:MM.")
    restart_device: Often = option("never", "Restart device", choices=OFTEN)
    restart_device_day: Weekday = option("sunday", "Restart device on", choices=WEEKDAYS)
    restart_device_time: HourMinute = option("03:30", "Restart device at", help="Local time, HH:MM.")
    language: Literal["en", "id"] = option("en", "Language", choices={"en": "English", "id": "Indonesian"})

    def conflicts(self) -> Iterable[Finding]:
        if self.otp_store == "redis" and not self.otp_store_url:
            yield Finding(("otp_store_url", "otp_store"), "must be given when the OTP store is redis")
        if self.otp_store == "redis" and len(self.otp_store_secret) < 16:
            yield Finding(
                ("otp_store_secret", "otp_store"),
                "must be given when the OTP store is redis: at least 16 characters, the same on every device",
            )
