"""The clock chip, the trust in the clock, and timetables that survive its steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.settings.general import General
from app.system.dbus import SystemRefused
from app.system.power import Timetable
from app.system.recorded import RecordedBus
from app.system.timekeeping import Time, distrust, timesyncd
from hw.rtc import Rtc
from tests.house import HandClock

NOW = 1_800_000_000.0


class Chip:
    """A DS3231 on an I2C bus, register by register (datasheet 19-5170)."""

    def __init__(self, status: int, temperature: tuple[int, int]) -> None:
        self.registers = {0x0F: [status], 0x11: list(temperature)}
        self.closed = False

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        assert address == 0x68
        return self.registers[register][:length]

    def close(self) -> None:
        self.closed = True


def chip_at(folder: Path, chip: Chip) -> Rtc:
    (folder / "dev").mkdir()
    (folder / "dev/i2c-1").write_text("")
    return Rtc(folder, lambda number: chip)


def test_a_chip_the_kernel_has_not_bound_is_read_over_i2c(tmp_path: Path) -> None:
    chip = Chip(0x08, (0x19, 0x40))  # 25.25 °C, the datasheet's own example
    state = chip_at(tmp_path, chip).read()
    assert (state.present, state.stopped, state.temperature) == (True, False, 25.25)
    assert chip.closed


def test_frost_and_a_stopped_oscillator(tmp_path: Path) -> None:
    state = chip_at(tmp_path, Chip(0x88, (0xFB, 0xC0))).read()
    assert (state.stopped, state.temperature) == (True, -4.25)


def test_a_chip_the_kernel_has_bound(tmp_path: Path) -> None:
    clock = tmp_path / "sys/class/rtc/rtc0"
    (clock / "device/hwmon/hwmon1").mkdir(parents=True)
    (clock / "name").write_text("rtc-ds1307 1-0068\n")
    (clock / "since_epoch").write_text("1800000000\n")
    (clock / "device/hwmon/hwmon1/temp1_input").write_text("27250\n")
    state = Rtc(tmp_path).read()
    assert (state.present, state.stopped, state.temperature) == (True, False, 27.25)
    (clock / "since_epoch").unlink()  # the kernel refuses to tell a time that the chip does not vouch for
    assert Rtc(tmp_path).read().stopped


def test_a_machine_without_a_chip_says_so(tmp_path: Path) -> None:
    state = Rtc(tmp_path).read()
    assert (state.present, state.sentence) == (False, "this machine has no clock chip")


class Deaf:
    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        raise OSError(121, "Remote I/O error")

    def close(self) -> None:
        pass


def test_a_bus_without_a_chip_says_so(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/i2c-1").write_text("")
    assert Rtc(tmp_path, lambda number: Deaf()).read().sentence == "no clock chip answers on the I2C bus"


@pytest.mark.parametrize(
    ("wall", "synchronized", "present", "stopped", "why"),
    [
        (0.0, True, True, False, "the clock shows a day before this version was made"),
        (4_100_000_000.0, False, True, False, "the clock shows a year far away"),
        (NOW, False, True, True, "the clock chip stood still (its battery?)"),
        (NOW, False, False, False, "no clock chip, and no time server has been reached yet"),
        (NOW, True, True, True, ""),
        (NOW, False, True, False, ""),
    ],
)
def test_when_the_clock_is_not_trusted(
    wall: float, synchronized: bool, present: bool, stopped: bool, why: str
) -> None:
    assert distrust(wall, synchronized, present, stopped) == why


def test_the_time_servers_file() -> None:
    head = "# Written from the settings of OTP-Pi; a change here is lost.\n[Time]\n"
    assert timesyncd(General()) == head + "NTP=pool.ntp.org\nPollIntervalMaxSec=6h\n"
    assert timesyncd(General(ntp_server="10.0.0.1", update_timer=0)) == head + "NTP=10.0.0.1\n"


def test_setting_the_clock_goes_around_the_time_server_and_back(tmp_path: Path) -> None:
    bus = RecordedBus(HandClock())
    Time(bus, Rtc(tmp_path)).set(NOW)
    assert list(bus.notes) == [
        "timedate1.SetNTP(False, False)",
        "timedate1.SetTime(1800000000000000, False, False)",
        "timedate1.SetNTP(True, False)",
    ]


@pytest.mark.parametrize("wall", [0.0, -5.0, 5_000_000_000.0, float("nan"), float("inf")])
def test_a_time_that_cannot_be_today_is_refused(tmp_path: Path, wall: float) -> None:
    bus = RecordedBus(HandClock())
    with pytest.raises(ValueError):
        Time(bus, Rtc(tmp_path)).set(wall)
    assert not bus.notes


class Stubborn(RecordedBus):
    def call(self, place: Any, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        if member == "SetTime":
            raise SystemRefused("the system refused SetTime")
        return super().call(place, member, signature, *arguments)


def test_a_time_server_comes_back_even_when_the_clock_could_not_be_set(tmp_path: Path) -> None:
    bus = Stubborn(HandClock())
    with pytest.raises(SystemRefused):
        Time(bus, Rtc(tmp_path)).set(NOW)
    assert bus.notes[-1] == "timedate1.SetNTP(True, False)"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("often", "begin", "seconds", "rings"),
    [
        ("daily", "2027-03-01T02:59:50", 30, 1),
        ("daily", "2027-03-01T02:00:00", 30, 0),
        ("daily", "2027-03-01T03:00:10", 3600, 0),
        ("weekly", "2027-03-07T02:59:50", 30, 1),  # a Sunday
        ("weekly", "2027-03-08T02:59:50", 30, 0),
        ("never", "2027-03-01T02:59:50", 30, 0),
    ],
)
def test_a_timetable_rings_when_its_minute_comes(often: str, begin: str, seconds: int, rings: int) -> None:
    clock = HandClock(wall=at(begin))
    rang: list[float] = []
    table = Timetable(clock, often, "sunday", "03:00", lambda: rang.append(clock.wall()))
    for _ in range(seconds // 2):
        table.look()
        clock.advance(2)
    assert len(rang) == rings


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """A zone whose clocks go forward at 02:00 on 2027-03-28, and back at 03:00 on 2027-10-31."""
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield ZoneInfo("Europe/Berlin")
    time.tzset()


@pytest.mark.parametrize(
    ("day", "at_time", "rings"),
    [
        ("2027-03-27", "02:30", ["02:30 +0100"]),
        ("2027-03-28", "02:30", ["03:00 +0200"]),  # that time does not come
        ("2027-03-28", "03:00", ["03:00 +0200"]),
        ("2027-03-28", "01:59", ["01:59 +0100"]),
        ("2027-10-31", "02:30", ["02:30 +0200"]),  # that time comes twice
        ("2027-10-31", "02:00", ["02:00 +0200"]),
        ("2027-10-31", "03:00", ["03:00 +0100"]),
        ("2027-10-31", "01:59", ["01:59 +0200"]),
    ],
)
def test_each_day_rings_once_when_summer_time_comes_and_goes(
    berlin: ZoneInfo, day: str, at_time: str, rings: list[str]
) -> None:
    clock = HandClock(wall=datetime.fromisoformat(f"{day}T00:30:00").replace(tzinfo=berlin).timestamp())
    rang: list[str] = []

    def ring() -> None:
        rang.append(datetime.fromtimestamp(clock.wall(), berlin).strftime("%H:%M %z"))

    table = Timetable(clock, "daily", "sunday", at_time, ring)
    for _ in range(5 * 3600 // 2):
        heard = len(rang)
        table.look()
        if len(rang) > heard:  # what it rings for is a restart: the next one begins anew
            table = Timetable(clock, "daily", "sunday", at_time, ring)
        clock.advance(2)
    assert rang == rings


def test_a_clock_that_steps_over_the_hour_rings_nothing() -> None:
    clock = HandClock(wall=at("2027-03-01T01:00:00"))
    rang: list[float] = []
    table = Timetable(clock, "daily", "sunday", "03:00", lambda: rang.append(1))
    table.look()
    clock.step_wall(4 * 3600)
    for _ in range(10):
        table.look()
        clock.advance(2)
    clock.step_wall(-4 * 3600)  # and back: still nothing was lived through
    for _ in range(10):
        table.look()
        clock.advance(2)
    assert rang == []


def test_a_clock_nobody_trusts_rings_nothing() -> None:
    clock = HandClock(wall=at("2027-03-01T02:59:58"))
    clock.trusted = False
    rang: list[float] = []
    table = Timetable(clock, "daily", "sunday", "03:00", lambda: rang.append(1))
    for _ in range(5):
        table.look()
        clock.advance(2)
    assert rang == []
