"""Serial ports and the USB devices behind them, on a tree laid out as sysfs has it."""

from __future__ import annotations

from pathlib import Path

from hw.serialports import SerialPort, at_ports, by_socket, serial_ports


def _stick(
    sysfs: Path, socket: str, vendor: str, product: str, interfaces: dict[int, tuple[str, str]]
) -> None:
    """A USB device with interfaces: number → (tty, class/subclass/protocol)."""
    device = sysfs / "devices" / "usb1" / socket
    device.mkdir(parents=True)
    (device / "idVendor").write_text(f"{vendor}\n")
    (device / "idProduct").write_text(f"{product}\n")
    (device / "product").write_text("HSPA modem\n")
    for number, (tty, kind) in interfaces.items():
        interface = device / f"{socket}:1.{number}"
        port = interface / tty
        (port / "tty" / tty).mkdir(parents=True)
        (interface / "bInterfaceNumber").write_text(f"{number:02x}\n")
        names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
        for name, value in zip(names, kind.split("/"), strict=True):
            (interface / name).write_text(f"{value}\n")
        (port / "tty" / tty / "device").symlink_to(port)
        link = sysfs / "class" / "tty" / tty
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(port / "tty" / tty)


def test_ports_of_one_stick_belong_together(tmp_path: Path) -> None:
    kind = "ff/ff/ff"
    _stick(tmp_path, "1-1.4", "2c7c", "0125", {number: (f"ttyUSB{number}", kind) for number in range(4)})
    _stick(tmp_path, "1-1.2", "067b", "2303", {0: ("ttyUSB10", kind)})
    ports = serial_ports(tmp_path, Path("/dev"))
    assert [port.path for port in ports] == [f"/dev/ttyUSB{number}" for number in (0, 1, 2, 3, 10)]
    groups = by_socket(ports)
    assert {socket: len(group) for socket, group in groups.items()} == {"1-1.4": 4, "1-1.2": 1}
    assert groups["1-1.4"][2] == SerialPort(
        "/dev/ttyUSB2", usb="2c7c:0125", socket="1-1.4", interface=2, product="HSPA modem"
    )


def test_the_table_names_the_port_that_speaks_at(tmp_path: Path) -> None:
    kind = "ff/ff/ff"
    _stick(tmp_path, "1-1", "2c7c", "0125", {number: (f"ttyUSB{number}", kind) for number in range(4)})
    ordered = at_ports(serial_ports(tmp_path), {"2c7c:0125": 2})
    assert [port.interface for port in ordered] == [2, 0, 1, 3]


def test_a_huawei_stick_is_told_by_its_interface_class(tmp_path: Path) -> None:
    interfaces = {0: ("ttyUSB0", "ff/01/01"), 1: ("ttyUSB1", "ff/01/03"), 2: ("ttyUSB2", "ff/01/02")}
    _stick(tmp_path, "1-1", "12d1", "1506", interfaces)
    ordered = at_ports(serial_ports(tmp_path), {})
    assert [port.interface for port in ordered] == [2, 0, 1]


def test_a_reserved_uart_is_no_port(tmp_path: Path) -> None:
    for name, kind in (("ttyS0", "4"), ("ttyS1", "0")):
        entry = tmp_path / "class" / "tty" / name
        entry.mkdir(parents=True)
        (entry / "type").write_text(f"{kind}\n")
        (tmp_path / "devices" / name).mkdir(parents=True)
        (entry / "device").symlink_to(tmp_path / "devices" / name)
    assert [port.path for port in serial_ports(tmp_path)] == ["/dev/ttyS0"]


def test_the_kernels_console_is_not_asked_for_a_modem(tmp_path: Path) -> None:
    for name in ("ttyAMA0", "ttyS0"):
        (tmp_path / "class/tty" / name / "device").mkdir(parents=True)
    (tmp_path / "class/tty/console").mkdir()
    (tmp_path / "class/tty/console/active").write_text("tty1 ttyAMA0\n")
    assert [port.path for port in serial_ports(tmp_path)] == ["/dev/ttyS0"]
