"""How the access point stands: whether there is a radio, and whether what serves on it stays up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.system import units
from app.system.accesspoint import INTERFACE
from app.system.dbus import Bus

#: Section whose page tells of it, unit, and daemon.
DAEMONS = (
    ("wlan", "otppi-ap.service", "hostapd"),
    ("dhcp", "otppi-dhcpd.service", "dhcpd"),
    ("dhcp", "otppi-dns.service", "dnsmasq"),
)
NO_RADIO = "this machine has no Wi-Fi: there is no access point"


def present(root: Path = Path("/")) -> bool:
    """Whether the kernel has the radio now; it may wake late, or be plugged in."""
    return (root / "sys/class/net" / INTERFACE).exists()


class AccessPoint:
    """Asked again and again: a daemon that systemd has started anew since the last look does not stay up."""

    def __init__(self, bus: Bus, radio: Callable[[], bool]) -> None:
        self._bus = bus
        self._radio = radio
        self._counts: dict[str, int] = {}

    def look(self) -> Mapping[str, str]:
        """Section → why it does not do what its settings say; raises SystemRefused."""
        if not self._radio():
            self._counts.clear()
            return {"wlan": NO_RADIO}
        found: dict[str, str] = {}
        for section, unit, daemon in DAEMONS:
            down, count = units.restarts(self._bus, unit)
            before, self._counts[unit] = self._counts.get(unit, count), count
            if down or count > before:
                found.setdefault(section, _does_not_stay_up(daemon, unit))
        return found


def _does_not_stay_up(daemon: str, unit: str) -> str:
    return f"{daemon} does not stay up; the log of {unit} tells why"
