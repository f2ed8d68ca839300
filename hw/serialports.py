"""The serial ports of this machine, and the USB device behind each of them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SYSFS = Path("/sys")
_DEV = Path("/dev")
#: Interfaces of Huawei sticks that speak AT, by class, subclass and protocol ("PCUI").
_HUAWEI_PCUI = {("ff", "01", "02"), ("ff", "02", "02"), ("ff", "03", "02"), ("ff", "06", "02")}


@dataclass(frozen=True)
class SerialPort:
    """A port and where it is plugged in.

    usb: ``vendor:product`` in hexadecimal, or None for a port of the board. socket: the USB path such as
    ``1-1.4``, the same for all ports of one stick. interface: the interface's number. serial: the USB
    device's serial number. at_likely: the interface's class says that it speaks AT (Huawei).
    """

    path: str
    usb: str | None = None
    socket: str | None = None
    interface: int | None = None
    manufacturer: str | None = None
    product: str | None = None
    serial: str | None = None
    at_likely: bool = False


def serial_ports(sysfs: Path = _SYSFS, dev: Path = _DEV) -> list[SerialPort]:
    """All serial ports that have a device behind them, in the order of their names.

    Without the kernel's consoles: a person or a log is at their other end, and no modem.
    """
    consoles = _text(sysfs / "class" / "tty" / "console" / "active").split()
    found = []
    for entry in sorted((sysfs / "class" / "tty").glob("tty*"), key=_natural):
        device = entry / "device"
        if not device.exists() or _is_phantom(entry) or entry.name in consoles:
            continue
        found.append(_described(str(dev / entry.name), device.resolve()))
    return found


def _is_phantom(entry: Path) -> bool:
    """A UART that the kernel only reserves: type 0 is PORT_UNKNOWN."""
    return _text(entry / "type") == "0"


def _described(path: str, device: Path) -> SerialPort:
    interface = next(
        (each for each in (device, *device.parents) if (each / "bInterfaceNumber").exists()), None
    )
    if interface is None:
        return SerialPort(path)
    stick = interface.parent
    kind = tuple(
        _text(interface / name) for name in ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
    )
    vendor = _text(stick / "idVendor")
    number = _text(interface / "bInterfaceNumber")
    return SerialPort(
        path,
        usb=f"{vendor}:{_text(stick / 'idProduct')}",
        socket=stick.name,
        interface=int(number, 16) if number else None,
        manufacturer=_text(stick / "manufacturer") or None,
        product=_text(stick / "product") or None,
        serial=_text(stick / "serial") or None,
        at_likely=vendor == "12d1" and kind in _HUAWEI_PCUI,
    )


def by_socket(ports: list[SerialPort]) -> dict[str, list[SerialPort]]:
    """The ports of each USB device; ports of the board stand alone, under their path."""
    groups: dict[str, list[SerialPort]] = {}
    for port in ports:
        groups.setdefault(port.socket or port.path, []).append(port)
    return groups


def at_ports(ports: list[SerialPort], interfaces: dict[str, int]) -> list[SerialPort]:
    """The ports of one stick in the order in which they are worth asking.

    interfaces: the AT interface by ``vendor:product`` (the dialects' ``usb`` tables). A stick that is in
    no table is probed: likely ports first, then by interface.
    """
    named = [port for port in ports if port.usb and interfaces.get(port.usb) == port.interface]
    rest = [port for port in ports if port not in named]
    return named + sorted(rest, key=lambda port: (not port.at_likely, port.interface or 0))


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _natural(entry: Path) -> tuple[str, int]:
    match = re.match(r"(.*?)(\d*)$", entry.name)
    return (match[1], int(match[2] or 0)) if match else (entry.name, 0)
