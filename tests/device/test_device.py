"""First boot, the card, status figures, Ethernet's profile, the watchdog, and what a desk notes."""

from __future__ import annotations

import os
import re
import socket
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.settings.network import Ethernet, Wlan
from app.settings.store import SettingsStore
from app.system import card, firstboot, network
from app.system.card import Card
from app.system.dbus import Typed
from app.system.power import Power
from app.system.recorded import RecordedBus
from app.system.status import Status
from app.system.watchdog import Watchdog, interval, notify
from tests.house import HandClock

CARD = Card("10000000abcd0a1f", "OTP-Pi-0A1F", "from;the:card", "1234-5678")


def board(root: Path, serial: str = "10000000abcd0a1f") -> Path:
    (root / "proc/device-tree").mkdir(parents=True)
    (root / "proc/device-tree/serial-number").write_text(serial + "\0")
    return root


def test_first_boot_makes_secrets_of_this_device(tmp_path: Path) -> None:
    made = firstboot.first_boot(tmp_path / "home", board(tmp_path / "root"))
    assert (made.serial, made.ssid) == ("10000000abcd0a1f", "OTP-Pi-0A1F")
    assert re.fullmatch(r"[a-z2-9]{12}", made.password)
    assert re.fullmatch(r"\d{4}-\d{4}", made.setup_code)
    wlan = SettingsStore(tmp_path / "home").load().settings.one(Wlan)
    assert (wlan.ssid, wlan.password) == (made.ssid, made.password)
    assert (tmp_path / "home/card.json").stat().st_mode & 0o777 == 0o600
    assert card.load(tmp_path / "home") == made


def test_two_devices_share_nothing(tmp_path: Path) -> None:
    one = firstboot.first_boot(tmp_path / "1", tmp_path)
    other = firstboot.first_boot(tmp_path / "2", tmp_path)
    assert one.password != other.password
    assert one.setup_code != other.setup_code


def test_a_second_first_boot_changes_nothing(tmp_path: Path) -> None:
    made = firstboot.first_boot(tmp_path, board(tmp_path / "root"))
    assert firstboot.first_boot(tmp_path, tmp_path / "root") == made


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("files", range(6))
def test_a_first_boot_cut_short_goes_on_with_the_same_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    """Cut after so many files: factory setting, card, two copies for the boot partition, two for the home."""
    home, boot = tmp_path / "home", board(tmp_path / "root") / "boot/firmware"
    boot.mkdir(parents=True)
    monkeypatch.setattr("os.path.ismount", lambda path: path == boot)
    replace, left = os.replace, iter(range(files))

    def cut(old: Path, new: Path) -> None:
        if next(left, None) is None:
            raise PowerCut
        replace(old, new)

    with monkeypatch.context() as power, pytest.raises(PowerCut):
        power.setattr("os.replace", cut)
        firstboot.first_boot(home, tmp_path / "root")
    told = [path.read_text() for path in boot.glob("*.txt")]
    assert not (home / firstboot.DONE).exists()  # so the next boot goes on

    made = firstboot.first_boot(home, tmp_path / "root")
    assert (home / firstboot.DONE).exists()
    assert SettingsStore(home).load().settings.one(Wlan).password == made.password
    for folder in (boot, home / "card"):
        assert (folder / "otp-pi-card.txt").read_bytes() == card.as_text(made).encode()
        assert (folder / "otp-pi-card.svg").exists()
    assert all(made.password in text and made.setup_code in text for text in told)


def test_the_unit_of_the_first_boot_looks_for_what_is_written_last() -> None:
    overlay = Path(__file__).resolve().parents[2] / "rootfs-overlay"
    unit = (overlay / "usr/lib/systemd/system/otppi-firstboot.service").read_text()
    assert f"\nConditionPathExists=!/var/lib/otppi/{firstboot.DONE}\n" in unit


def test_a_machine_without_a_serial_number_goes_by_its_machine_id(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    assert firstboot.first_boot(tmp_path / "home", tmp_path / "root").ssid == "OTP-Pi-CDEF"


def test_an_older_board_tells_its_number_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor : 0\nSerial\t\t: 00000000DEADBEEF\n")
    assert firstboot.serial_number(tmp_path) == "00000000deadbeef"


TEXT = """\
OTP-Pi\r
\r
Wi-Fi         OTP-Pi-0A1F\r
Password      from;the:card\r
Set-up code   1234-5678\r
\r
Open          http://192.168.0.11:8888\r
or            http://otp-pi.local:8888   (also by cable)\r
\r
Serial number 10000000abcd0a1f\r
\r
Whoever has this card can set the device up. Keep it; do not leave it in the device.\r
"""


def test_the_card_as_text() -> None:
    assert card.as_text(CARD) == TEXT


def test_the_card_as_a_telephone_reads_it() -> None:
    assert CARD.wifi == r"WIFI:T:WPA;S:OTP-Pi-0A1F;P:from\;the\:card;;"


def test_the_card_as_a_sheet_to_print() -> None:
    sheet = card.as_svg(CARD)
    tree = ElementTree.fromstring(sheet)
    words = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"OTP-Pi-0A1F", "from;the:card", "1234-5678", "http://192.168.0.11:8888"} <= set(words)
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}g"))) >= 2
    assert "<script" not in sheet


def test_a_name_cannot_break_out_of_the_sheet() -> None:
    sheet = card.as_svg(Card("", '<script>"&', "x" * 12, "1234-5678"))
    assert "<script>" not in sheet
    ElementTree.fromstring(sheet)


def test_a_damaged_card_is_no_card(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"serial": "1"}')
    assert card.load(tmp_path) is None


def test_ethernet_by_dhcp() -> None:
    profile = network.profile(Ethernet())
    assert profile["ipv4"] == {"method": Typed("s", "auto")}
    assert profile["connection"]["type"] == Typed("s", "802-3-ethernet")


def test_ethernet_with_a_fixed_address() -> None:
    ethernet = Ethernet(
        method="fixed", ip_address="10.0.0.2", prefix=16, gateway="10.0.0.1", dns1="10.0.0.1", dns2="9.9.9.9"
    )
    address = {"address": Typed("s", "10.0.0.2"), "prefix": Typed("u", 16)}
    assert network.profile(ethernet)["ipv4"] == {
        "method": Typed("s", "manual"),
        "address-data": Typed("aa{sv}", [address]),
        "gateway": Typed("s", "10.0.0.1"),
        "dns": Typed("au", [0x0100000A, 0x09090909]),
        "ignore-auto-dns": Typed("b", False),
    }


def test_a_desk_notes_what_the_device_would_do() -> None:
    bus = RecordedBus(HandClock())
    power = Power(bus)
    power.reboot()
    power.restart_service()
    network.apply(bus, Ethernet())
    assert bus.notes[0] == "Manager.Reboot(False)"
    assert bus.notes[1] == "Manager.RestartUnit('otppi.service', 'replace')"
    assert bus.notes[2].startswith("Settings.AddConnection2({'connection': {'id': 'OTP-Pi Ethernet'")


def files(root: Path, **content: str) -> Path:
    for name, text in content.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_figures_of_a_machine(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        proc__stat="cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n",
        proc__meminfo="MemTotal:        948304 kB\nMemAvailable:    600000 kB\n",
        proc__uptime="12345.67 40000.00\n",
        sys__class__thermal__thermal_zone0__temp="48312\n",
        sys__class__hwmon__hwmon2__in0_lcrit_alarm="1\n",
    )
    status = Status(tmp_path, root)
    assert status.look().cpu is None
    (root / "proc/stat").write_text("cpu  125 0 125 725 125 0 0 0 0 0\n")
    figures = status.look()
    assert figures.cpu == 0.5
    assert figures.temperature == 48.312
    assert (figures.memory_total, figures.memory_available) == (948304 * 1024, 600000 * 1024)
    assert figures.uptime == 12345.67
    assert figures.undervoltage
    assert 0 < figures.storage_free <= figures.storage_total


def test_a_machine_that_tells_nothing_gives_nothing(tmp_path: Path) -> None:
    figures = Status(tmp_path / "gone", tmp_path).look()
    assert (figures.cpu, figures.temperature, figures.memory_total, figures.storage_total) == (
        None,
        None,
        0,
        0,
    )
    assert not figures.undervoltage


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(10)
    return listener


def test_systemd_hears_that_the_service_is_up_and_alive(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000"}
    watchdog = Watchdog({"all": lambda: ""}, environment)
    watchdog.start()
    assert manager.recv(64) == b"READY=1"
    assert manager.recv(64) == b"WATCHDOG=1"
    watchdog.stop()
    heard = {manager.recv(64) for _ in range(1)}
    while b"STOPPING=1" not in heard:
        heard.add(manager.recv(64))


def test_a_worker_that_stands_still_silences_it(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000"}
    standing = threading.Event()
    watchdog = Watchdog({"modems": lambda: "has not moved" if standing.is_set() else ""}, environment)
    watchdog.start()
    assert manager.recv(64) == b"READY=1"
    assert manager.recv(64) == b"WATCHDOG=1"
    standing.set()
    assert watchdog.ill() == "modems: has not moved"
    manager.settimeout(0.2)
    with pytest.raises(TimeoutError):
        for _ in range(50):  # what was under way comes through; then nothing does
            manager.recv(64)
    watchdog.stop()


def test_a_check_that_fails_is_no_sign_of_life() -> None:
    def broken() -> str:
        raise RuntimeError("unforeseen")

    assert Watchdog({"jobs": broken}, {}).ill() == "jobs: its check failed"


def test_without_systemd_nobody_is_told() -> None:
    assert not notify("READY=1", {})
    assert interval({}) == 0.0
    assert interval({"WATCHDOG_USEC": "30000000"}) == 10.0
