"""Mobile internet by a stick that is a network card: a connection of NetworkManager, gone with the call."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from app.system.dbus import Bus, Place, SystemRefused, Typed
from app.system.network import DEVICE, MANAGER, NAME, Profile

# NM_DEVICE_TYPE_MODEM: a stick that ModemManager drives (QMI, MBIM). ECM, NCM and RNDIS are Ethernet.
MODEM = 8
# NMDeviceState: from PREPARE on it is coming up, ACTIVATED it is there, FAILED it will not be.
_PREPARE, _ACTIVATED = 40, 100

State = Literal["up", "coming", "down"]


def profile(card: str, kind: int, apn: str, username: str, password: str, metric: int) -> Profile:
    """The connection as AddAndActivateConnection2 takes it (NetworkManager D-Bus reference).

    kind: the card's NMDeviceType; metric: of its route, the lowest goes first.
    """
    wanted: Profile = {
        "connection": {
            "id": Typed("s", f"OTP-Pi mobile {card}"),
            "type": Typed("s", "gsm" if kind == MODEM else "802-3-ethernet"),
            "autoconnect": Typed("b", False),
        },
        "ipv4": {"method": Typed("s", "auto"), "route-metric": Typed("x", metric)},
        "ipv6": {"method": Typed("s", "auto"), "route-metric": Typed("x", metric)},
    }
    if kind == MODEM:
        fields = {"apn": apn, "username": username, "password": password}
        wanted["gsm"] = {name: Typed("s", value) for name, value in fields.items() if value}
    else:
        wanted["802-3-ethernet"] = {}
    return wanted


class MobileLink:
    """``app.modems.dialer.NetworkLink`` over NetworkManager. Raises SystemRefused."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def connect(self, card: str, apn: str, username: str, password: str, metric: int) -> None:
        """Begin; ``state`` tells how it goes. The password is with NetworkManager only while it lasts."""
        device = self._device(card)
        kind = int(self._bus.get(Place(NAME, device, DEVICE), "DeviceType"))
        wanted = profile(card, kind, apn, username, password, metric)
        # volatile: neither on the card nor left over when the connection ends, however that comes about.
        self._bus.call(
            MANAGER,
            "AddAndActivateConnection2",
            "a{sa{sv}}ooa{sv}",
            wanted,
            device,
            "/",
            {"persist": Typed("s", "volatile")},
        )

    def state(self, card: str) -> State:
        state = int(self._bus.get(Place(NAME, self._device(card), DEVICE), "State"))
        if state == _ACTIVATED:
            return "up"
        return "coming" if _PREPARE <= state < _ACTIVATED else "down"

    def disconnect(self, card: str) -> None:
        """Also of a stick that was pulled, or that never was connected."""
        with suppress(SystemRefused):
            self._bus.call(Place(NAME, self._device(card), DEVICE), "Disconnect")

    def _device(self, card: str) -> str:
        for device in self._bus.call(MANAGER, "GetDevices")[0]:
            place = Place(NAME, device, DEVICE)
            if card in (self._bus.get(place, "IpInterface"), self._bus.get(place, "Interface")):
                return str(device)
        raise SystemRefused(f"NetworkManager does not know the network card {card}")
