"""Ethernet by NetworkManager: one profile of ours, made from the settings and in force at once."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

from app.settings.network import Ethernet
from app.system.dbus import Bus, Place, SystemRefused, Typed

NAME = "org.freedesktop.NetworkManager"
MANAGER = Place(NAME, "/org/freedesktop/NetworkManager", NAME)
SETTINGS = Place(NAME, "/org/freedesktop/NetworkManager/Settings", f"{NAME}.Settings")
CONNECTION = f"{NAME}.Settings.Connection"
DEVICE = f"{NAME}.Device"

# NM_DEVICE_TYPE_ETHERNET, and _VETH: a cable between two name spaces, where NetworkManager was given one.
CABLES = (1, 20)
#: What drives the network card of a modem or a telephone: never the cable, which a stick must not take over.
#: 61-otppi-modems.rules has the same list: the firewall goes by the group that they get there.
STICKS = ("cdc_ether", "cdc_ncm", "cdc_subset", "huawei_cdc_ncm", "ipheth", "rndis_host")
#: NM_CONNECTION_MULTI_CONNECT_MULTIPLE: as many cables as there are, each by itself.
MULTIPLE = 3
#: What the section decides of the profile, by NetworkManager's names.
DECIDED = {
    "connection": ("id", "type", "autoconnect-priority", "multi-connect"),
    "match": ("driver",),
    "ipv4": ("method", "address-data", "gateway", "dns", "ignore-auto-dns"),
    "ipv6": ("method",),
}
UNKNOWN_PROFILE = f"{NAME}.Settings.InvalidConnection"

#: The same on every device: whatever was made before is found and replaced, never doubled.
PROFILE = str(uuid.uuid5(uuid.NAMESPACE_DNS, "ethernet.otppi.lan"))

Profile = dict[str, dict[str, Typed]]


def profile(ethernet: Ethernet) -> Profile:
    """The profile as NetworkManager's AddConnection2 takes it (NetworkManager D-Bus reference)."""
    ipv4: dict[str, Typed] = {"method": Typed("s", "auto")}
    if ethernet.method == "fixed":
        address = {"address": Typed("s", ethernet.ip_address), "prefix": Typed("u", ethernet.prefix)}
        ipv4 = {"method": Typed("s", "manual"), "address-data": Typed("aa{sv}", [address])}
        if ethernet.gateway:
            ipv4["gateway"] = Typed("s", ethernet.gateway)
    servers = [server for server in (ethernet.dns1, ethernet.dns2) if server]
    if servers:
        ipv4["dns"] = Typed("au", [_as_number(server) for server in servers])
        ipv4["ignore-auto-dns"] = Typed("b", ethernet.method == "automatic")
    connection = {
        "id": Typed("s", "OTP-Pi Ethernet"),
        "uuid": Typed("s", PROFILE),
        "type": Typed("s", "802-3-ethernet"),
        "autoconnect": Typed("b", True),
        "autoconnect-priority": Typed("i", 100),
    }
    if ethernet.method == "automatic":
        connection["multi-connect"] = Typed("i", MULTIPLE)  # a fixed address is at one place only
    return {
        "connection": connection,
        "match": {"driver": Typed("as", [f"!{driver}" for driver in STICKS])},
        "802-3-ethernet": {},
        "ipv4": ipv4,
        "ipv6": {"method": Typed("s", "auto")},
    }


def apply(bus: Bus, ethernet: Ethernet) -> list[str]:
    """Put the section in force on every cable, a fixed address on the first; the names of the interfaces.

    A cable on which it is in force already is left alone. Raises SystemRefused.
    """
    path, known = _keep(bus, profile(ethernet))
    names: list[str] = []
    for device in bus.call(MANAGER, "GetDevices")[0]:
        place = Place(NAME, device, DEVICE)
        # A cable that NetworkManager was told to leave alone (a container's) stays alone.
        if bus.get(place, "DeviceType") not in CABLES or not bus.get(place, "Managed"):
            continue
        # A profile is in force at one place: on a stick it would be gone from the cable.
        if bus.get(place, "Driver") in STICKS:
            continue
        try:
            if not (known and _is_active(bus, place)):
                bus.call(MANAGER, "ActivateConnection", "ooo", path, device, "/")
        except SystemRefused as error:
            if not error.name.endswith((".UnknownDevice", ".ConnectionNotAvailable")):
                raise
            continue  # no cable in it: the profile waits
        names.append(str(bus.get(place, "Interface")))
        if ethernet.method == "fixed":
            break
    return names


def _is_active(bus: Bus, device: Place) -> bool:
    active = str(bus.get(device, "ActiveConnection"))
    return active != "/" and bus.get(Place(NAME, active, f"{NAME}.Connection.Active"), "Uuid") == PROFILE


def _keep(bus: Bus, wanted: Profile) -> tuple[str, bool]:
    """Have the profile; where it is, and whether it was there as it is wanted."""
    try:
        (path,) = bus.call(SETTINGS, "GetConnectionByUuid", "s", PROFILE)
    except SystemRefused as error:
        if error.name != UNKNOWN_PROFILE:
            raise
        # 0x1: to disk, so that the cable works before the gateway does.
        answer = bus.call(SETTINGS, "AddConnection2", "a{sa{sv}}ua{sv}", wanted, 1, {})
        return str(answer[0]), False
    if _is_same(bus.call(Place(NAME, path, CONNECTION), "GetSettings")[0], wanted):
        return str(path), True
    bus.call(Place(NAME, path, CONNECTION), "Update2", "a{sa{sv}}ua{sv}", wanted, 1, {})
    return str(path), False


def _is_same(there: Mapping[str, Mapping[str, Any]], wanted: Profile) -> bool:
    """In all that the section decides. What has its default value may be missing there."""
    return all(
        (there.get(group, {}).get(name) or None) == (_bare(wanted[group].get(name)) or None)
        for group, names in DECIDED.items()
        for name in names
    )


def _bare(value: Any) -> Any:
    if isinstance(value, Typed):
        return _bare(value.value)
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return {key: _bare(one) for key, one in value.items()} if isinstance(value, dict) else value


def addresses(bus: Bus) -> dict[str, list[str]]:
    """Interface → its IPv4 addresses with prefix, of what NetworkManager knows. Raises SystemRefused."""
    found: dict[str, list[str]] = {}
    for device in bus.call(MANAGER, "GetDevices")[0]:
        place = Place(NAME, device, DEVICE)
        config = bus.get(place, "Ip4Config")
        if config == "/":
            continue
        listed: list[dict[str, Any]] = bus.get(Place(NAME, config, f"{NAME}.IP4Config"), "AddressData")
        found[str(bus.get(place, "Interface"))] = [f"{one['address']}/{one['prefix']}" for one in listed]
    return found


def _as_number(address: str) -> int:
    # NetworkManager wants the octets in network order read as the machine's own integer.
    return int.from_bytes(ipaddress.IPv4Address(address).packed, "little")
