"""What a person can plug into the device's USB port: a serial modem whose far end is ours, a flash disk."""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

from tests.boot.emulator.card import TREE, tool
from tests.boot.emulator.console import CommandFailed, Console
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.waiting import patience

PLUGS = 4  # how often something is plugged into a port that misses it now and then


@contextmanager
def serial_cable(
    machine: Machine, name: str = "cable", port: str = "", stays: bool = False
) -> Iterator[socket.socket]:
    """A USB serial adapter, in while the block runs; yields the far end, where a modem would be.

    port: the USB port by number, for a board where not every port will do. stays: it is not pulled at the
    end; QEMU 10 ends by itself when it is pulled out of a raspi3b, and a hub there hangs the guest.
    """
    path = machine.folder / name
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(1)
        door.settimeout(patience(8))
        address = {"type": "unix", "data": {"path": str(path)}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        machine.qmp.ask("chardev-add", id=name, backend=backend)
        far_end, _ = door.accept()
    where: dict[str, object] = {"port": port} if port else {}
    if stays:  # else the end of the far end would pull it
        where["always-plugged"] = True
    machine.qmp.ask("device_add", driver="usb-serial", id=f"{name}-plug", chardev=name, **where)
    try:
        with far_end:
            yield far_end
    finally:
        path.unlink()
        if machine.has_power and not stays:
            _unplug(machine, f"{name}-plug")
            machine.qmp.ask("chardev-remove", id=name)


@contextmanager
def flash_disk(machine: Machine, image: Path, name: str = "stick", port: str = "") -> Iterator[None]:
    """A flash disk with the content of a file, in while the block runs; the guest's writes end up in it."""
    machine.qmp.ask(
        "blockdev-add",
        **{"node-name": name, "driver": "raw"},
        file={"driver": "file", "filename": str(image)},
    )
    where = {"port": port} if port else {}
    machine.qmp.ask("device_add", driver="usb-storage", id=f"{name}-plug", drive=name, **where)
    try:
        yield
    finally:
        _unplug(machine, f"{name}-plug")
        machine.qmp.ask("blockdev-del", **{"node-name": name})


@contextmanager
def flash_disk_on_a_pi(machine: Machine, image: Path) -> Iterator[str]:
    """A stick of `fat_stick` in the emulated Raspberry Pi's one port; yields its device, once it is there.

    The emulated controller now and then does not tell the guest of a plug; a person would try again too.
    """
    device = "/dev/disk/by-label/STICK"
    for attempt in range(PLUGS):
        with flash_disk(machine, image, f"stick{attempt}", port="1"):
            if _appears(machine.console, device):
                yield device
                return
    raise AssertionError(f"the guest saw none of {PLUGS} plugs")


def hold(console: Console, port: str) -> None:
    """Keeps a port open, so that its name stays taken after the cable was pulled; the unit is `holder`."""
    # Deaf to the hang-up that ends whoever has the port as its terminal.
    console.run(f"systemd-run --quiet --unit holder sh -c \"trap '' HUP; exec sleep infinity <>{port}\"")
    console.eventually(f"ls -l /proc/$(systemctl show -P MainPID holder)/fd | grep -q {port}")


@contextmanager
def network_stick(machine: Machine, name: str = "router") -> Iterator[None]:
    """A stick that shows itself as a network card (CDC Ethernet) to nowhere, in while the block runs."""
    machine.qmp.ask("netdev_add", type="user", id=name, restrict=True)
    machine.qmp.ask("device_add", driver="usb-net", id=f"{name}-plug", netdev=name)
    try:
        yield
    finally:
        _unplug(machine, f"{name}-plug")
        machine.qmp.ask("netdev_del", id=name)


def python_library(name: str) -> dict[str, bytes]:
    """The files of a wheel that scripts/boot-test has put into build/wheels, for a stick."""
    (wheel,) = (TREE / "build/wheels").glob(f"{name}-*.whl")
    with ZipFile(wheel) as archive:
        return {
            re.sub(r"\.cpython-\d+-[\w-]+\.so$", ".so", path): archive.read(path)
            for path in archive.namelist()
            if not path.endswith("/") and ".dist-info/" not in path
        }


def fat_stick(image: Path, files: Mapping[str, str | bytes], megabytes: int = 64) -> Path:
    """A FAT32 file system in a file, with files (path: content) on it; no partition table."""
    with image.open("wb") as disk:
        disk.truncate(megabytes * 1024 * 1024)
    tool("mkfs.vfat", "-F", "32", "-s", "1", "-n", "STICK", image)
    for folder in sorted({str(folder) for path in files for folder in Path(path).parents[:-1]}):
        tool("mmd", "-i", image, f"::/{folder}")
    for path, text in files.items():
        source = image.with_suffix(".file")
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        tool("mcopy", "-i", image, source, f"::/{path}")
        source.unlink()
    return image


def file_on(stick: Path, path: str) -> str:
    """The text of a file on a FAT stick, line ends as they are."""
    copy = stick.with_suffix(".read")
    tool("mcopy", "-n", "-o", "-i", stick, f"::/{path}", copy)
    text = copy.read_bytes().decode()
    copy.unlink()
    return text


def _appears(console: Console, device: str) -> bool:
    try:
        console.eventually(f"test -e {device}", patience(10))
    except CommandFailed:
        return False
    return True


def _unplug(machine: Machine, plug: str) -> None:
    machine.qmp.ask("device_del", id=plug)
    machine.qmp.wait_for("DEVICE_DELETED", device=plug)
