"""The sticks that are plugged in: the ttys of one USB device together, its network card, its mode."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hw.serialports import SerialPort, by_socket, serial_ports


@dataclass(frozen=True)
class Stick:
    """One USB device, or a port of the board.

    socket: the USB path, or the port's own path. mode: modem, hilink or cdrom; name and advice: for people,
    where it shows no AT port. network: its network card, or "".
    """

    socket: str
    ports: tuple[SerialPort, ...] = ()
    usb: str = ""
    mode: str = "modem"
    name: str = ""
    advice: str = ""
    network: str = ""


@dataclass(frozen=True)
class _Known:
    mode: str
    name: str
    advice: str


@cache
def _table() -> dict[str, _Known]:
    """By ``vendor:product``."""
    text = files("hw").joinpath("sticks.toml").read_text(encoding="utf-8")
    return {
        usb: _Known(entry["mode"], entry["name"], entry["advice"])
        for entry in tomllib.loads(text)["stick"]
        for usb in entry["usb"]
    }


def sticks(sysfs: Path = Path("/sys"), dev: Path = Path("/dev")) -> list[Stick]:
    """All sticks with ttys, and those that ought to have some, in the order of their sockets."""
    found = {}
    for socket, ports in by_socket(serial_ports(sysfs, dev)).items():
        usb = ports[0].usb or ""
        found[socket] = Stick(socket, tuple(ports), usb, network=_network(sysfs, socket))
    for device in (sysfs / "bus" / "usb" / "devices").glob("*"):
        usb = f"{_text(device / 'idVendor')}:{_text(device / 'idProduct')}"
        known = _table().get(usb)
        if known is not None:
            network = _network(sysfs, device.name)
            found[device.name] = Stick(device.name, (), usb, known.mode, known.name, known.advice, network)
    return [found[socket] for socket in sorted(found)]


def card_of(port: str) -> str:
    """The network card of the stick behind a port, or ""."""
    paths = ((stick.network, one.path) for stick in sticks() for one in stick.ports)
    return next((network for network, path in paths if path == port), "")


def _network(sysfs: Path, socket: str) -> str:
    cards = sorted((sysfs / "bus" / "usb" / "devices" / socket).glob("*/net/*"))
    return cards[0].name if cards else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
