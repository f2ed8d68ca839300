"""The two boards the image is booted on, and what QEMU has to be told to make them."""

from collections.abc import Sequence
from pathlib import Path

from tests.boot.emulator.card import TREE, Card, tool
from tests.boot.emulator.machine import Machine

# The Pi's drivers that wait for its video processor, which the emulator does not have.
_ABSENT = "modprobe.blacklist=vc4,snd_bcm2835,bcm2835_v4l2,bcm2835_mmal_vchiq,vchiq,hci_uart"


# A port that sleeps may miss what is plugged in, as real ones with this controller (dwc2) do.
_AWAKE = "usbcore.autosuspend=-1"

# The emulated BCM2835 resets the board the moment its watchdog is armed, instead of when it was not fed.
_NO_WATCHDOG = "systemd.watchdog_sec=0"

# systemd gives a device or a unit 90 s, which an emulated board on a busy machine may need.
_UNHURRIED = "systemd.default_device_timeout_sec=900 systemd.default_timeout_start_sec=900"

SERIAL = "00000000feedc0de"

_UBOOT = TREE / "build/root-tools/usr/lib/u-boot/qemu_arm64/u-boot.bin"


def virt(
    card: Card, folder: Path, extra: Sequence[str] = (), append: str = "", disk: Sequence[str] = ()
) -> Machine:
    """A generic arm64 board with two cores and 1 GB, Ethernet to nowhere, USB 3, a watchdog; quick to boot.

    extra: more arguments for QEMU. append: more words for the kernel.
    disk: a -drive with the id "card", instead of an overlay over the image.
    """
    return _virt(folder, disk or _overlay(card, folder), [*_kernel(card, folder, "ttyAMA0", append), *extra])


def virt_by_uboot(folder: Path, disk: Sequence[str], extra: Sequence[str] = ()) -> Machine:
    """The same board with U-Boot in the place of the firmware; what starts is what the disk says.

    disk: a -drive with the id "card".
    """
    return _virt(folder, disk, ["-bios", str(_UBOOT), *extra])


def words_for_a_shell(port: str) -> str:
    """Words for the kernel that bring root's shell to the serial port.

    The shell is systemd's own for debugging, in the place of the port's login: it needs no change to the
    image, is there before anything else, and starts no session.
    """
    shell = f"systemd.debug_shell=1 systemd.default_debug_tty={port} systemd.mask=serial-getty@{port}.service"
    return f"console={port},115200 quiet {_UNHURRIED} {shell}"


def _overlay(card: Card, folder: Path) -> Sequence[str]:
    return ["-drive", f"file={card.overlay(folder)},format=qcow2,if=none,id=card"]


def _virt(folder: Path, disk: Sequence[str], more: Sequence[str]) -> Machine:
    arguments = ["-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "1024", *disk]
    arguments += ["-device", "virtio-blk-pci,drive=card", "-device", "virtio-rng-pci"]
    arguments += ["-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="]
    # A busy host may leave the guest without its processor for longer than the watchdog waits.
    arguments += ["-device", "qemu-xhci,id=usb", "-device", "i6300esb", "-action", "watchdog=none", *more]
    return Machine(folder, arguments, ["-serial", "unix:{console},server=on,wait=off"])


def raspi3b(card: Card, folder: Path, extra: Sequence[str] = (), append: str = "") -> Machine:
    """A Raspberry Pi 3B with a DS3231-like clock on its I2C bus; no network, console on the mini-UART.

    Two of its four cores have power: more than the host has makes the guest slower, and a core that is on
    but not used turns round and round in the firmware's waiting loop.
    """
    arguments = ["-M", "raspi3b", "-global", "bcm2837.enabled-cpus=2", "-m", "1024"]
    arguments += ["-dtb", str(_device_tree(card, folder))]
    arguments += _kernel(card, folder, "ttyS1", f"maxcpus=2 {_ABSENT} {_AWAKE} {_NO_WATCHDOG} {append}")
    arguments += ["-drive", f"file={card.overlay(folder)},format=qcow2,if=sd"]
    arguments += ["-device", "ds1338,bus=i2c-bus.1,address=0x68", *extra]
    return Machine(folder, arguments, ["-serial", "null", "-serial", "unix:{console},server=on,wait=off"])


def _kernel(card: Card, folder: Path, port: str, words: str) -> list[str]:
    """What the Pi's firmware would load from the boot partition, and root's shell on the serial port."""
    kernel, initramfs = card.boot_file("vmlinuz", folder), card.boot_file("initrd.img", folder)
    words = f"{card.command_line(folder)} {words_for_a_shell(port)} panic=-1 {words}"
    return ["-kernel", str(kernel), "-initrd", str(initramfs), "-append", words]


def _device_tree(card: Card, folder: Path) -> Path:
    """Debian's tree for the board with what the firmware adds: I2C on and the clock on it, by otppi.txt."""
    tree = card.boot_file("bcm2837-rpi-3-b.dtb", folder)
    bus = "/soc/i2c@7e804000"
    tool("fdtput", "-t", "s", tree, bus, "status", "okay")
    tool("fdtput", "-c", tree, f"{bus}/rtc@68")
    tool("fdtput", "-t", "s", tree, f"{bus}/rtc@68", "compatible", "maxim,ds3231")
    tool("fdtput", "-t", "x", tree, f"{bus}/rtc@68", "reg", "68")
    # Which Pi this is: 3 Model B, 1.2 (Raspberry Pi documentation, "New-style revision codes").
    tool("fdtput", "-c", tree, "/system")
    tool("fdtput", "-t", "x", tree, "/system", "linux,revision", "a02082")
    tool("fdtput", "-t", "s", tree, "/", "serial-number", SERIAL)
    return tree
