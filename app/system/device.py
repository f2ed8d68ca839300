"""The device around the gateway: takes the settings of network, time and power to the system."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.bell import Sound
from app.core.clock import Clock
from app.core.errors import GatewayError
from app.core.pulse import Pulse
from app.settings.general import General
from app.settings.network import Dhcp, Ethernet, FirewallRule, Wlan
from app.settings.problems import SettingsError
from app.settings.section import Section
from app.settings.snapshot import Settings
from app.settings.store import SettingsStore
from app.system import card, configure, network, radio, reset, units
from app.system.card import Card
from app.system.dbus import Bus, Place, SystemBus, SystemRefused
from app.system.keystore import Keystore
from app.system.power import Power, Timetable, timetables
from app.system.radio import AccessPoint
from app.system.recorded import RecordedBus, RecordedSound
from app.system.status import Status
from app.system.timekeeping import Time
from app.system.trial import Trial
from hw.buzzer import Buzzer
from hw.rtc import Rtc

log = logging.getLogger(__name__)

APPLIANCE = Path("/etc/otppi/appliance")
HOSTNAME = Place("org.freedesktop.hostname1", "/org/freedesktop/hostname1", "org.freedesktop.hostname1")
PERIOD = 2.0  # seconds between two looks at what is still to be applied
SOON = 5.0  # seconds after a change, when it shows what came of it
LOOK = 30.0  # seconds between two looks at what serves on the access point
APPLYING = 150.0  # seconds: what otppi-apply@ allows itself, and its end
LONGEST = 300.0  # seconds for one part: a unit, and a bus that does not answer
AGAIN = 60.0  # seconds until what the system refused to be asked is asked again

NOT_OURS = "this machine is not an OTP-Pi device: its network and its clock are left to their owner"


class Device:
    """`apply` takes a section over (from any thread); a thread of its own asks the system, so nobody waits.

    look: a periodic job, for what must not wait until the system has answered.

    tell: gets each entry of `reset.history` once.
    trial, power, time, status, card: what the pages use. troubles: part → why it is not in force.
    why_not: why this machine's network, clock and power are left alone, "" when they are not.
    """

    def __init__(
        self,
        store: SettingsStore,
        home: Path,
        clock: Clock,
        around: Surroundings,
        tell: Callable[[Mapping[str, object]], None] = lambda entry: None,
    ) -> None:
        self.ours = around.ours
        self.why_not = "" if around.ours else NOT_OURS
        bus = around.bus
        self.trial = Trial(store, home, clock)
        self.power = Power(bus)
        self.time = Time(bus, around.rtc)
        self.status = Status(home)
        self.keystore = Keystore(home / "tls")
        self.card: Card | None = card.load(home)
        self.troubles: dict[str, str] = {}
        self._bus = bus
        self._access_point = AccessPoint(bus, around.radio)
        self._stands: Mapping[str, str] = {}  # section → what is wrong with its daemons
        self._look_at = 0.0
        self._home = home
        self._tell = tell
        self._clock = clock
        self._settings: Settings | None = None
        self._due: dict[str, float] = {}  # part → steady time from which on it is to be put in force
        self._timetables: list[Timetable] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._pulse = Pulse(clock, LONGEST)
        self._works: Mapping[str, Callable[[Settings], None]] = {
            "time": self._put_time,
            "name": self._put_name,
            "ethernet": self._put_ethernet,
            "wlan": lambda _: self._unit("wlan"),
            "dhcp": lambda _: self._unit("dhcp"),
            "firewall": lambda _: self._unit("firewall"),
        }

    def start(self, settings: Settings) -> None:
        """What the boot has not done yet: time and Ethernet; the units have their files from the boot."""
        self.trial.resume()
        self._settings = settings
        self._timetables = timetables(self._clock, settings.one(General), self.power)
        if self.ours:
            said = configure.read_outcome()
            for part in ("wlan", "dhcp", "firewall"):
                self._tell_trouble(part, said.get(part, ""))
        self._want("time", "name", "ethernet")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(5)

    def stalled(self) -> str:
        """Why its thread no longer does its rounds, "" while it does."""
        return self._pulse.stalled(self._thread)

    def look(self) -> None:
        """What nobody confirmed goes back in time, and the timetables' minutes are not missed."""
        self.trial.tick()
        for timetable in self._timetables:
            timetable.look()

    def apply(self, section: type[Section], settings: Settings) -> None:
        """A section changed."""
        self._settings = settings
        if section is General:
            self._timetables = timetables(self._clock, settings.one(General), self.power)
        parts: Mapping[type[Section], tuple[str, ...]] = {
            General: ("time", "name"),
            Ethernet: ("ethernet",),
            Wlan: ("wlan", "dhcp"),  # its network may no longer be the one that addresses are lent from
            Dhcp: ("dhcp",),
            FirewallRule: ("firewall",),
        }
        self._want(*parts.get(section, ("firewall",)))  # the API's ports are doors in the firewall too

    def addresses(self) -> Mapping[str, list[str]]:
        """Interface → addresses; empty where the system does not tell."""
        try:
            return network.addresses(self._bus)
        except SystemRefused:
            return {}

    def own_addresses(self) -> list[str]:
        """Without interfaces and prefixes."""
        return [one.partition("/")[0] for found in self.addresses().values() for one in found]

    def _want(self, *parts: str) -> None:
        for part in parts:
            self._due[part] = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(PERIOD)
            self._wake.clear()
            if self._stopping.is_set():
                return
            self._pulse.beat()
            try:
                self._put_due()
                self._look_around()
                # On a disk that cannot be written they are told another time.
                with contextlib.suppress(OSError, SettingsError):
                    for entry in reset.untold(self._home):
                        self._tell(entry)
            except Exception:
                log.exception("the device met an unforeseen error")

    def _put_due(self) -> None:
        now = self._clock.steady()
        for part in [part for part, due in list(self._due.items()) if due <= now]:
            del self._due[part]
            self._pulse.beat()
            self._tell_trouble(part, self._put(part) or self._stands.get(part, ""))
            self._look_at = self._clock.steady() + SOON

    def _look_around(self) -> None:
        """Daemons that were started by the boot, by udev or by a change stay up, or it is told."""
        if not self.ours or self._clock.steady() < self._look_at:
            return
        self._look_at = self._clock.steady() + LOOK
        try:
            self._stands = self._access_point.look()
        except SystemRefused as error:
            log.debug("the access point: %s", error)
            return
        said = configure.read_outcome()
        for part in ("wlan", "dhcp"):
            if part not in self._due:
                self._tell_trouble(part, said.get(part, "") or self._stands.get(part, ""))

    def _tell_trouble(self, part: str, why: str) -> None:
        if why and why != self.troubles.get(part):
            log.log(logging.INFO if why == NOT_OURS else logging.WARNING, "%s: %s", part, why)
        self.troubles[part] = why

    def _put(self, part: str) -> str:
        if not self.ours:
            return NOT_OURS
        assert self._settings is not None
        try:
            self._works[part](self._settings)
        except GatewayError as error:
            self._due.setdefault(part, self._clock.steady() + AGAIN)
            return str(error)
        return configure.read_outcome().get(part, "")

    def _put_time(self, settings: Settings) -> None:
        self.time.apply(settings.one(General))
        time.tzset()  # this process goes by the new zone too: timetables, quiet hours, daily limits
        self._unit("time")

    def _put_name(self, settings: Settings) -> None:
        self._bus.call(HOSTNAME, "SetPrettyHostname", "sb", settings.one(General).device_name, False)

    def _put_ethernet(self, settings: Settings) -> None:
        network.apply(self._bus, settings.one(Ethernet))

    def _unit(self, part: str) -> None:
        units.start(self._bus, f"otppi-apply@{part}.service", patience=APPLYING)


@dataclass(frozen=True)
class Surroundings:
    """What is around the gateway: a real machine, or a desk that only notes.

    ours: whether the machine is a device whose network and clock the settings rule. radio: whether it has
    Wi-Fi now.
    """

    bus: Bus
    sound: Callable[[int], Sound]
    rtc: Rtc
    ours: bool
    radio: Callable[[], bool] = lambda: True


def machine(appliance: Path = APPLIANCE) -> Surroundings:
    """This machine, as it is."""
    return Surroundings(SystemBus(), Buzzer, Rtc(), appliance.exists(), radio.present)


def desk(clock: Clock, bus: RecordedBus | None = None) -> Surroundings:
    """A device that notes what it would do (`make run`); bus: with whom, for somebody who reads the notes."""
    bus = bus or RecordedBus(clock)
    return Surroundings(bus, lambda pin: RecordedSound(bus, pin), Rtc(), ours=True)
