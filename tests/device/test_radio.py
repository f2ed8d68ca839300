"""The access point as it stands: no radio, daemons that do not stay up; told while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings.network import FirewallRule
from app.settings.store import SettingsStore
from app.system import configure, device, radio
from app.system.dbus import Place, SystemRefused
from app.system.device import Device, Surroundings
from app.system.recorded import RecordedBus, RecordedSound
from hw.rtc import Rtc
from tests.house import HandClock

NO_WIFI = "this machine has no Wi-Fi: there is no access point"


class Systemd:
    """Units whose states the test turns; the object of a unit has its name as the last part of its path."""

    def __init__(self) -> None:
        self.substate = dict.fromkeys(("otppi-ap", "otppi-dhcpd", "otppi-dns"), "running")
        self.count = dict.fromkeys(self.substate, 0)

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        assert member == "LoadUnit"
        return [f"/units/{arguments[0].removesuffix('.service')}"]

    def get(self, place: Place, name: str) -> Any:
        unit = place.path.rpartition("/")[2]
        return self.substate[unit] if name == "SubState" else self.count[unit]


def test_no_radio_is_said(tmp_path: Path) -> None:
    access_point = radio.AccessPoint(Systemd(), lambda: radio.present(tmp_path))
    assert access_point.look() == {"wlan": NO_WIFI}
    (tmp_path / "sys/class/net/wlan0").mkdir(parents=True)
    assert access_point.look() == {}


def test_a_daemon_that_systemd_starts_again_and_again_does_not_stay_up() -> None:
    systemd = Systemd()
    systemd.count["otppi-dns"] = 7  # long ago
    access_point = radio.AccessPoint(systemd, lambda: True)
    assert access_point.look() == {}
    systemd.count["otppi-ap"] = 3  # up at this moment, as it was at the last one
    systemd.substate["otppi-dhcpd"] = "auto-restart"
    assert access_point.look() == {
        "wlan": "hostapd does not stay up; the log of otppi-ap.service tells why",
        "dhcp": "dhcpd does not stay up; the log of otppi-dhcpd.service tells why",
    }
    systemd.substate["otppi-dhcpd"] = "running"
    assert access_point.look() == {}


class Bus(RecordedBus):
    """A desk's, where a unit may be refused or a daemon may fall."""

    falls = ""
    refuses = ""

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        if member == "StartUnit" and self.refuses:
            raise SystemRefused(self.refuses)
        return super().call(place, member, signature, *arguments)

    def get(self, place: Place, name: str) -> Any:
        return self.falls if name == "SubState" and self.falls else super().get(place, name)


class House:
    def __init__(self, home: Path, outcome: dict[str, str]) -> None:
        self.clock = HandClock()
        self.bus = Bus(self.clock)
        self.wifi = True
        self.outcome = outcome
        self.store = SettingsStore(home)
        bus = self.bus
        around = Surroundings(
            bus, lambda pin: RecordedSound(bus, pin), Rtc(), ours=True, radio=lambda: self.wifi
        )
        self.device = Device(self.store, home, self.clock, around)

    def start(self) -> Device:
        self.device.start(self.store.load().settings)
        return self.device


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(device, "PERIOD", 0.02)
    told: dict[str, str] = {}
    monkeypatch.setattr(configure, "read_outcome", lambda root=Path("/"): told)
    one = House(tmp_path, told)
    yield one
    one.device.stop()


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_the_boot_could_not_put_in_force_is_told_from_the_start(house: House) -> None:
    house.outcome |= {"dhcp": "nobody would get an address", "firewall": "nft is not installed", "wlan": ""}
    troubles = house.start().troubles
    assert troubles["dhcp"] == "nobody would get an address"
    assert troubles["firewall"] == "nft is not installed"


def test_what_becomes_of_the_access_point_is_told_while_it_lasts(house: House) -> None:
    troubles = house.start().troubles

    def told(wlan: str, dhcp: str) -> bool:
        house.clock.advance(31)  # until the next look, whenever the last one was
        return troubles["wlan"].startswith(wlan) and troubles["dhcp"].startswith(dhcp)

    house.wifi = False
    eventually(lambda: told(NO_WIFI, ""))
    house.wifi, house.bus.falls = True, "auto-restart"
    eventually(lambda: told("hostapd does not stay up", "dhcpd does not stay up"))
    house.bus.falls = ""
    eventually(lambda: told("", "") and troubles["wlan"] == troubles["dhcp"] == "")


def test_why_it_failed_now_goes_before_what_an_earlier_run_said(house: House) -> None:
    house.outcome["firewall"] = "words of yesterday"
    one = house.start()
    house.bus.refuses = "otppi-apply@firewall.service failed; its log tells why"
    one.apply(FirewallRule, house.store.load().settings)
    eventually(lambda: one.troubles["firewall"] == house.bus.refuses)
