"""The reset stick: real file systems, each request by itself, and everything that may be wrong with one.

ext4 is mounted from a loop device. This kernel may lack FAT and exFAT: then mount's own helper seam
(/sbin/mount.vfat) lays out what mtools reads from the very image; the rest of the way is the product's.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.machine import WORK, Machine, machine, until

VERIFY = "VERIFY = eyJkZXZpY2VUeXBlIjoiUlBpIiwgImJhc2VOYW1lIjoicmVzZXQtY29uZmlnLmluaSJ9\n"
INI = "otppi/reset-config.ini"

#: Section → something that is not its default, and the flag that takes it back.
CHANGED = {
    "dhcp": (("dhcp", "default_lease_time=600"), "RESET_DHCP"),
    "wlan": (("wlan", "channel=11"), "RESET_WLAN"),
    "ethernet": (("ethernet", "dns1=9.9.9.9"), "RESET_ETHERNET"),
    "api": (("api", "sms_path=/s"), "RESET_API"),
    "api_users": (("api_users/shop", "email=a@b.example"), "RESET_API_USER"),
    "blocking": (("blocking/628111", "state=blocked"), "RESET_BLOCKING"),
    "firewall": (("firewall/x", "port=9100"), "RESET_FIREWALL"),
    "modems": (("modems/m", "port=sim://m", "active=off"), "RESET_MODEM"),
    "sms": (("sms", "country_code=66"), "RESET_SMS"),
    "email": (("email/e", "smtp_host=mail.lan", "sender_account=a@b.example"), "RESET_EMAIL"),
    "smtp": (("smtp", "software_name=x"), "RESET_SMTP"),
    "ddns": (("ddns/d", "zone=example.org"), "RESET_DDNS"),
    "vendor_cloudflare": (("vendor_cloudflare", "account_id=x"), "RESET_VENDOR_CLOUDFLARE"),
    "vendor_noip": (("vendor_noip", "company_name=x"), "RESET_VENDOR_NOIP"),
    "vendor_dynu": (("vendor_dynu", "company_name=x"), "RESET_VENDOR_DYNU"),
    "vendor_afraid": (("vendor_afraid", "company_name=x"), "RESET_VENDOR_AFRAID"),
    "subscriber_ws": (("subscriber_ws", "topic=x"), "RESET_SUBSCRIBER_WS"),
    "subscriber_amqp": (("subscriber_amqp", "topic=x"), "RESET_SUBSCRIBER_AMQP"),
    "subscriber_mqtt": (("subscriber_mqtt", "topic=x"), "RESET_SUBSCRIBER_MQTT"),
    "subscriber_redis": (("subscriber_redis", "topic=x"), "RESET_SUBSCRIBER_REDIS"),
    "subscriber_activemq": (("subscriber_activemq", "topic=x"), "RESET_SUBSCRIBER_ACTIVEMQ"),
    "subscriber_stomp": (("subscriber_stomp", "topic=x"), "RESET_SUBSCRIBER_STOMP"),
}


class Stick:
    """A file system image that the machine sees as the partition /dev/NAME."""

    def __init__(self, machine: Machine, name: str, folder: Path) -> None:
        self.machine = machine
        self.name = name
        self.image = folder / f"{name}.img"
        self.loop = ""

    def ext4(self, fill: Callable[[Path], None]) -> None:
        content = self.image.with_suffix(".d")
        content.mkdir()
        fill(content)
        self.image.write_bytes(b"")
        subprocess.run(["truncate", "-s", "16M", self.image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-d", content, self.image], check=True)
        self.plug()

    def plug(self) -> None:
        done = subprocess.run(
            ["losetup", "--find", "--show", self.image], check=True, capture_output=True, text=True
        )
        self.loop = done.stdout.strip()
        major, minor = os.major(os.stat(self.loop).st_rdev), os.minor(os.stat(self.loop).st_rdev)
        self.machine(f"rm -f /dev/{self.name}; mknod /dev/{self.name} b {major} {minor}")

    def read(self) -> str:
        """Have the unit read it, as udev does when one is plugged in; the reader's own words."""
        since = self.machine("date +%s.%N")
        self.machine(f"systemctl start otppi-reset@{self.name}.service", check=False)
        said = f"journalctl --no-pager --output=cat --since=@{since} --unit=otppi-reset@{self.name}.service "
        said += f"--unit=otppi-reset-reader@{self.name}.service"
        return self.machine(said)

    def report(self) -> str:
        """What stands in reset-report.txt now."""
        done = subprocess.run(
            ["debugfs", "-R", "cat reset-report.txt", self.image], capture_output=True, check=True
        )
        return done.stdout.decode()

    def unplug(self) -> None:
        if self.loop:
            subprocess.run(["losetup", "--detach", self.loop], check=True)
            self.loop = ""


@pytest.fixture(scope="module")
def device() -> Iterator[Machine]:
    """A device of its own, that may see loop devices."""
    allowed = ["--property=DeviceAllow=block-loop rwm", "--capability=CAP_MKNOD"]
    with machine(arguments=allowed) as one:
        one.booted()
        yield one


@pytest.fixture
def stick(device: Machine, request: pytest.FixtureRequest) -> Iterator[Stick]:
    folder = WORK / "sticks" / str(abs(hash(request.node.name)))
    folder.mkdir(parents=True, exist_ok=True)
    one = Stick(device, "sdz1", folder)
    yield one
    one.unplug()
    device("rm -rf /var/lib/otppi/settings/*.json /var/lib/otppi/resets.json")


def asking(content: str | bytes, place: str = INI) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        path = folder / place
        path.parent.mkdir(parents=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o644)

    return fill


def change_everything(device: Machine) -> None:
    kept = "/root/changed-settings"
    if device(f"test -d {kept}", check=False).status:
        for change, _ in CHANGED.values():
            device.set(*change)
        device(f"cp -a /var/lib/otppi/settings {kept}")
    device(f"rm -f /var/lib/otppi/settings/*.json; cp -a {kept}/*.json /var/lib/otppi/settings/")


def changed_sections(device: Machine) -> set[str]:
    return set(
        device("cd /var/lib/otppi/settings && find -name '*.json' -printf '%f\\n' | sed s/.json$//").split()
    )


@pytest.mark.parametrize("section", CHANGED)
def test_each_flag_resets_its_section_and_nothing_else(device: Machine, stick: Stick, section: str) -> None:
    change_everything(device)
    assert changed_sections(device) == set(CHANGED)
    stick.ext4(asking(f"{CHANGED[section][1]} = true\n{VERIFY}"))
    said = stick.read()
    assert changed_sections(device) == set(CHANGED) - {section}, said
    assert "Done:" in stick.report()
    (entry,) = json.loads(device("cat /var/lib/otppi/resets.json"))
    assert entry["outcome"] == "done"
    # A flag may stand for more sections, which were at their defaults.
    assert set(entry["sections"]) & set(CHANGED) == {section}


def test_all_flags_reset_all_and_tell_it(device: Machine, stick: Stick) -> None:
    change_everything(device)
    flags = "".join(f"{flag} = true\n" for _, flag in CHANGED.values())
    stick.ext4(asking(flags + VERIFY))
    stick.read()
    assert changed_sections(device) == set()
    assert stick.report().count(": reset") == len(CHANGED)
    until(lambda: "channel=6" in device("cat /run/otppi-system/hostapd.conf"), "the access point is as new")


def test_false_and_missing_flags_leave_everything(device: Machine, stick: Stick) -> None:
    change_everything(device)
    stick.ext4(asking(f"RESET_DHCP = false\n{VERIFY}"))
    stick.read()
    assert changed_sections(device) == set(CHANGED)
    assert "Nothing to do" in stick.report()


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "wrong verify": (asking("RESET_DHCP = true\nVERIFY = eyJ4\n"), "VERIFY is wrong or missing"),
    "no verify": (asking("RESET_DHCP = true\n"), "VERIFY is wrong or missing"),
    "huge": (asking(f"RESET_DHCP = true\n{VERIFY}" + "#" * 5_000_000), "is larger than 16 KiB"),
    "nonsense": (asking(os.urandom(4096) + b"\xff\xfe\0"), "the file is not a text"),
    "contradiction": (asking(f"RESET_DHCP=true\nRESET_DHCP=false\n{VERIFY}"), "stands twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_a_report(device: Machine, stick: Stick, case: str) -> None:
    change_everything(device)
    fill, why = REFUSED[case]
    stick.ext4(fill)
    stick.read()
    assert changed_sections(device) == set(CHANGED)
    assert stick.report().startswith("OTP-Pi reset\r\n\r\nRefused: ")
    assert why in stick.report()


def test_a_link_to_a_request_is_not_followed(device: Machine, stick: Stick) -> None:
    device.set("dhcp", "default_lease_time=600")
    device(f"printf 'RESET_DHCP = true\\n{VERIFY.strip()}\\n' > /etc/otppi-outside.ini")

    def fill(folder: Path) -> None:
        (folder / "otppi").mkdir()
        (folder / INI).symlink_to("/etc/otppi-outside.ini")

    stick.ext4(fill)
    stick.read()
    assert "dhcp" in changed_sections(device)
    assert "is a link" in stick.report()


def test_a_folder_that_is_a_link_is_not_followed(device: Machine, stick: Stick) -> None:
    device.set("dhcp", "default_lease_time=600")
    device(f"mkdir -p /etc/x; printf 'RESET_DHCP = true\\n{VERIFY.strip()}\\n' > /etc/x/reset-config.ini")
    stick.ext4(lambda folder: (folder / "otppi").symlink_to("/etc/x"))
    stick.read()
    assert "dhcp" in changed_sections(device)


def test_a_report_that_is_a_link_leads_the_pen_nowhere(device: Machine, stick: Stick) -> None:
    device("echo untouched > /etc/victim")

    def fill(folder: Path) -> None:
        asking(f"RESET_DHCP = true\n{VERIFY}")(folder)
        (folder / "reset-report.txt").symlink_to("/etc/victim")

    stick.ext4(fill)
    stick.read()
    assert device("cat /etc/victim") == "untouched"
    assert "Done:" in stick.report() or "Nothing" in stick.report()


def test_a_pipe_is_no_request(device: Machine, stick: Stick) -> None:
    def fill(folder: Path) -> None:
        (folder / "otppi").mkdir()
        os.mkfifo(folder / INI)

    stick.ext4(fill)
    assert "is not a file" in stick.read()


def test_a_stick_without_a_request_is_left_as_it_is(device: Machine, stick: Stick) -> None:
    stick.ext4(lambda folder: (folder / "holiday.jpg").write_bytes(b"x"))
    before = stick.image.read_bytes()
    assert "no reset stick" in stick.read()
    assert stick.report() == ""
    assert stick.image.read_bytes() == before


def test_the_same_stick_resets_once_until_its_file_changes(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    device.set("dhcp", "default_lease_time=600")
    stick.read()
    assert "dhcp" not in changed_sections(device)
    device.set("dhcp", "default_lease_time=600")
    assert "Done before" in stick.read()
    assert "dhcp" in changed_sections(device)
    device("mount /dev/sdz1 /mnt && touch -d '2030-01-01' /mnt/otppi/reset-config.ini; umount /mnt")
    stick.read()
    assert "dhcp" not in changed_sections(device)


@pytest.mark.parametrize("place", ["otp-pi/reset-config.ini", INI])
def test_older_places_are_read_too(device: Machine, stick: Stick, place: str) -> None:
    device.set("dhcp", "default_lease_time=600")
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}", place))
    stick.read()
    assert "dhcp" not in changed_sections(device)


def test_the_oldest_form_needs_the_code_on_the_card(device: Machine, stick: Stick) -> None:
    code = json.loads(device("cat /var/lib/otppi/card.json"))["setup_code"]
    change_everything(device)
    stick.ext4(asking(f"{code}\r\n", "optb/reset.txt"))
    stick.read()
    assert set(CHANGED) - changed_sections(device) == {"dhcp", "wlan", "ethernet"}


def test_the_oldest_form_with_another_text_is_refused(device: Machine, stick: Stick) -> None:
    change_everything(device)
    stick.ext4(asking("reset\n", "optb/reset.txt"))
    stick.read()
    assert changed_sections(device) == set(CHANGED)
    assert "does not hold the set-up code" in stick.report()


def test_a_stick_pulled_while_it_is_read_harms_nothing(device: Machine, stick: Stick) -> None:
    """The image is torn off under the mounted file system: what is read then fails."""
    device.set("dhcp", "default_lease_time=600")
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    device("/usr/lib/otppi/libexec/stick mount sdz1; echo 3 > /proc/sys/vm/drop_caches", check=False)
    stick.image.write_bytes(b"")
    said = device("cd / && runuser -u otppi -- otppi reset --stick /run/otppi-stick/sdz1", check=False)
    device("umount --lazy /run/otppi-stick/sdz1; rmdir /run/otppi-stick/sdz1", check=False)
    assert "Traceback" not in said
    device("otppi show > /dev/null")
    assert device("systemctl is-active otppi") == "active"


def test_it_works_without_the_service_and_without_the_web(device: Machine, stick: Stick) -> None:
    device.set("dhcp", "default_lease_time=600")
    device("systemctl stop otppi.service")
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.read()
    assert "dhcp" not in changed_sections(device)
    device("systemctl start otppi.service")


def test_it_mends_settings_that_cannot_be_read(device: Machine, stick: Stick) -> None:
    device(
        "echo '{broken' > /var/lib/otppi/settings/dhcp.json; chown otppi /var/lib/otppi/settings/dhcp.json"
    )
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.read()
    assert "dhcp" not in changed_sections(device)


def test_a_reset_stands_in_the_audit(device: Machine, stick: Stick) -> None:
    device.settled("otppi.service")
    device.set("sms", "country_code=66")
    stick.ext4(asking(f"RESET_SMS = true\n{VERIFY}"))
    stick.read()
    query = "SELECT address, what, detail FROM audit ORDER BY seq DESC LIMIT 1"
    look = f"import sqlite3; print(sqlite3.connect('/var/lib/otppi/state.db').execute('{query}').fetchone())"
    told = "('reset stick', 'reset.done', 'Done:; SMS: reset')"
    until(lambda: device(f'python3 -c "{look}"') == told, "the audit tells it")


def test_nothing_stays_mounted(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.read()
    assert "otppi-stick" not in device("cat /proc/mounts")
    assert device("ls /run/otppi-stick") == ""


def test_a_stick_is_mounted_so_that_it_can_do_nothing(device: Machine, stick: Stick) -> None:
    stick.ext4(asking(VERIFY))
    device("/usr/lib/otppi/libexec/stick mount sdz1")
    options = device("findmnt --noheadings --output OPTIONS /run/otppi-stick/sdz1")
    device("/usr/lib/otppi/libexec/stick release sdz1")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(options.split(","))


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_fat_sticks_by_the_mount_seam(device: Machine, stick: Stick, kind: str) -> None:
    """An image made by its own tools; only the kernel's part of the mount is stood in for."""
    device.set("dhcp", "default_lease_time=600")
    subprocess.run(["truncate", "-s", "16M", stick.image], check=True)
    if kind == "vfat":
        subprocess.run(["mkfs.vfat", stick.image], check=True, capture_output=True)
        request = stick.image.with_suffix(".ini")
        request.write_text(f"RESET_DHCP = true\r\n{VERIFY.strip()}\r\n")
        subprocess.run(["mmd", "-i", stick.image, "::otppi"], check=True)
        subprocess.run(["mcopy", "-i", stick.image, request, "::otppi/reset-config.ini"], check=True)
        taken = stick.image.with_suffix(".taken")
        taken.mkdir()
        subprocess.run(["mcopy", "-s", "-i", stick.image, "::otppi", taken], check=True)
        content = (taken / "otppi/reset-config.ini").read_text()
    else:
        subprocess.run(["mkfs.exfat", stick.image], check=True, capture_output=True)
        content = f"RESET_DHCP = true\r\n{VERIFY}"  # no tool writes into exFAT without mounting it
    stick.plug()
    # mount(8) runs this in place of the kernel's driver, with the options it was given.
    helper = (
        '#!/bin/sh\necho "$@" >> /tmp/mount-arguments\n'
        'case "$*" in *remount*) exit 0 ;; esac\n'
        'mount -t tmpfs -o uid=otppi none "$2" && mkdir "$2/otppi"\n'
        'cp /tmp/request "$2/otppi/reset-config.ini"\n'
        'chown -R otppi "$2"\n'
    )
    device(f"cat > /usr/sbin/mount.{kind} <<'END'\n{helper}END\nchmod +x /usr/sbin/mount.{kind}")
    device(f"cat > /tmp/request <<'END'\n{content}END")
    device("rm -f /tmp/mount-arguments")
    stick.read()
    given = device("cat /tmp/mount-arguments")
    assert "nosuid" in given and "nodev" in given and "noexec" in given
    assert f"uid={device('id -u otppi')}," in given
    assert "dhcp" not in changed_sections(device)
