"""First boot: the secrets of this one device, its name in the air, and the card that tells them."""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path

from app.settings.files import make_folder, render_json, sync_folder, write_whole
from app.settings.passwords import generate_password
from app.system import card
from app.system.card import Card

log = logging.getLogger(__name__)

#: Where the firmware's partition is mounted, newest place first.
BOOT = ("boot/firmware", "boot")
#: What is written last, in the home.
DONE = "card/otp-pi-card.svg"
PASSWORD_LENGTH = 12  # 59 bits: WPA2 takes 4096 rounds a guess
SETUP_DIGITS = 8


def first_boot(home: Path, root: Path = Path("/")) -> Card:
    """Make what is missing and leave what is there: a first boot that lost its power goes on here.

    home: the gateway's folder; root: where /proc and /boot are found. Raises OSError when home cannot be
    written; a boot partition that cannot be costs only the copy of the card there.
    """
    known = card.load(home)
    if known is None:
        serial = serial_number(root)
        known = Card(
            serial=serial,
            ssid=f"OTP-Pi-{_tail(serial, root)}",
            password=generate_password(PASSWORD_LENGTH),
            setup_code=_setup_code(),
        )
        make_folder(home / "factory")
        write_whole(
            home / "factory" / "wlan.json",
            render_json({"ssid": known.ssid, "password": known.password}),
        )
        card.save(home, known)  # before any copy: what goes on after a power cut tells the same secrets
    write_copies(known, home, root)
    return known


def write_copies(known: Card, home: Path, root: Path = Path("/")) -> None:
    """The card as text and SVG, on the boot partition where there is one and in the home always.

    The last of them (`DONE`) says that first boot is done: its unit looks for it.
    """
    make_folder(home / "card")
    folders = [root / place for place in BOOT if os.path.ismount(root / place)][:1]
    for folder in (*folders, home / "card"):
        try:
            _write(folder / "otp-pi-card.txt", card.as_text(known).encode())
            _write(folder / "otp-pi-card.svg", card.as_svg(known).encode())
        except OSError as error:
            log.warning("the card cannot be written to %s: %s", folder, error.strerror)


def _write(path: Path, content: bytes) -> None:
    if path.parent.name == "card":
        write_whole(path, content)
        return
    # FAT has neither owners nor modes, and refuses to be told any.
    fresh = path.with_suffix(path.suffix + ".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    sync_folder(path.parent)


def serial_number(root: Path = Path("/")) -> str:
    """The board's serial number in hexadecimal, "" where the machine has none."""
    for place in ("proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number"):
        try:
            return (root / place).read_text(errors="replace").strip("\0\n ").lower()
        except OSError:
            continue
    try:
        found = re.search(r"^Serial\s*:\s*(\w+)", (root / "proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1].lower() if found else ""


def _tail(serial: str, root: Path) -> str:
    """Four signs that tell two devices on one desk apart."""
    if len(serial) >= 4 and serial.strip("0"):
        return serial[-4:].upper()
    try:
        identity = (root / "etc/machine-id").read_text().strip()
    except OSError:
        identity = ""
    return identity[-4:].upper() if len(identity) == 32 else secrets.token_hex(2).upper()


def _setup_code() -> str:
    digits = "".join(secrets.choice("0123456789") for _ in range(SETUP_DIGITS))
    return f"{digits[:4]}-{digits[4:]}"
