"""The reset stick on the booted device: plugged in while it runs, and at a start with the service broken."""

import json
from pathlib import Path

import pytest

from tests.boot.browser import Browser
from tests.boot.emulator.machine import Machine
from tests.boot.emulator.plugs import fat_stick, file_on, flash_disk
from tests.boot.emulator.waiting import patience

VERIFY = "eyJkZXZpY2VUeXBlIjoiUlBpIiwgImJhc2VOYW1lIjoicmVzZXQtY29uZmlnLmluaSJ9"
REQUEST = "RESET_WLAN = true\r\nRESET_DHCP = true\r\nRESET_ETHERNET = true\r\nRESET_USER = true\r\nVERIFY = "
PLACE = "otppi/reset-config.ini"

CHANGES = (
    "wlan ssid=Branch password=another-password channel=11",
    "dhcp default_lease_time=600",
    "ethernet method=fixed ip_address=10.0.2.77 prefix=24 netmask=255.255.255.0",
)


def otppi(virt: Machine, arguments: str) -> str:
    return virt.console.run(f"cd / && runuser -u otppi -- otppi {arguments}", patience(60))


def change_everything(virt: Machine) -> None:
    """Wi-Fi, leases and Ethernet are other than as delivered, there is an administrator, all is in force."""
    for change in CHANGES:
        otppi(virt, f"set {change}")
    otppi(virt, "set users/ann username=ann password=grey-otter-sings-42 role=administrator")
    virt.console.eventually("grep -qx channel=11 /run/otppi-system/hostapd.conf", patience(60))
    virt.console.eventually("ip -4 -o addr show | grep -q 10.0.2.77/24", patience(60))
    virt.console.eventually(f"{LOOK} | grep -q 'action=./login'", patience(60))


LOOK = "curl --silent --location --max-time 60 http://127.0.0.1:8888/"


@pytest.fixture(scope="module")
def changed(virt: Machine) -> Machine:
    change_everything(virt)
    return virt


def assert_as_delivered(virt: Machine) -> None:
    card = json.loads(virt.console.run("cat /var/lib/otppi/card.json"))
    virt.console.eventually("grep -qx channel=6 /run/otppi-system/hostapd.conf", patience(60))
    air = virt.console.run("cat /run/otppi-system/hostapd.conf").split("\n")
    assert f"wpa_passphrase={card['password']}" in air
    assert f"ssid2={card['ssid'].encode().hex()}" in air
    virt.console.eventually("grep -qx 'default-lease-time 3600;' /run/otppi-system/dhcpd.conf", patience(60))
    assert "username=ann" not in otppi(virt, "show users")


def test_a_wrong_verify_changes_nothing_and_says_so_on_the_stick(changed: Machine, tmp_path: Path) -> None:
    virt = changed
    stick = fat_stick(tmp_path / "stick.img", {PLACE: f"{REQUEST}bm90IG1pbmU=\r\n"})
    with flash_disk(virt, stick):
        virt.console.eventually(
            "journalctl -b --no-pager | grep -q 'VERIFY is wrong or missing'", patience(60)
        )
        virt.console.eventually("! mountpoint -q /run/otppi-stick/sda")
    assert file_on(stick, "reset-report.txt").startswith("OTP-Pi reset\r\n\r\nRefused: VERIFY is wrong")
    assert "ssid2=4272616e6368\n" in virt.console.run("cat /run/otppi-system/hostapd.conf")  # Branch
    assert "username=ann" in otppi(virt, "show users")


def test_plugged_in_while_the_device_runs(changed: Machine, tmp_path: Path) -> None:
    virt = changed
    stick = fat_stick(tmp_path / "stick.img", {PLACE: f"{REQUEST}{VERIFY}\r\n"})
    with flash_disk(virt, stick):
        virt.console.eventually(f"{LOOK} | grep -q 'action=./setup'", patience(60))
        assert_as_delivered(virt)
        virt.console.eventually("! ip -4 -o addr show | grep -q 10.0.2.77", patience(60))
        virt.console.eventually("! mountpoint -q /run/otppi-stick/sda")
    report = file_on(stick, "reset-report.txt")
    assert report.startswith("OTP-Pi reset\r\n\r\nDone:")
    assert report.count(": reset") == 4


def test_at_the_start_with_the_service_broken_and_what_the_admin_set_is_kept(
    virt: Machine, tmp_path: Path
) -> None:
    change_everything(virt)
    browser = Browser(virt.console, "http://127.0.0.1:8888")
    browser.sign_in("ann", "grey-otter-sings-42")
    browser.submit("/system/time", "/system/time", device_time_zone="Europe/Berlin")
    virt.console.eventually("readlink /etc/localtime | grep -q Europe/Berlin", patience(60))
    # What the page's button sends, in a browser that lives in 2033. Ours goes by the clock of the device:
    # its cookies are old all at once.
    browser.submit("/system/time", "/system/time/set", unix="2000000000.000")
    browser.sign_in("ann", "grey-otter-sings-42")
    page = browser.open("/system/time")
    assert "2033-05-18 05:3" in page, page
    virt.console.run("mkdir -p /etc/systemd/system/otppi.service.d")
    broken = "[Service]\\nExecStart=\\nExecStart=/bin/false\\n"
    virt.console.run(f"printf '{broken}' > /etc/systemd/system/otppi.service.d/broken.conf")
    stick = fat_stick(tmp_path / "stick.img", {PLACE: f"{REQUEST}{VERIFY}\r\n# again\r\n"})
    virt.console.run("systemctl mask --runtime otppi-reset@sda.service; sync")
    with flash_disk(virt, stick):
        virt.console.eventually("test -b /dev/sda")
        # The answer may not arrive any more: the device is on its way down.
        button = browser.filled_in("/system/power/reboot", "/system/power/reboot")
        virt.restart(patience(60), by=lambda: virt.console.type(button))
        assert_as_delivered(virt)
        virt.console.eventually("! ip -4 -o addr show | grep -q 10.0.2.77", patience(60))
        assert virt.console.run("systemctl is-active otppi", check=False) != "active"
        assert virt.console.run("readlink /etc/localtime").endswith("Europe/Berlin")
        assert 0 <= int(virt.console.run("date +%s")) - 2_000_000_000 < 3600
        virt.console.eventually("! mountpoint -q /run/otppi-stick/sda")
        virt.console.run("rm -r /etc/systemd/system/otppi.service.d && systemctl daemon-reload")
        virt.console.run("systemctl restart otppi", patience(60))
        virt.console.eventually(f"{LOOK} | grep -q 'action=./setup'", patience(60))
    assert file_on(stick, "reset-report.txt").startswith("OTP-Pi reset\r\n\r\nDone:")
