"""A reset stick of the tests: a file system in a file, which the machine sees as a partition."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.system.machine import Machine, until

VERIFY = "VERIFY = eyJkZXZpY2VUeXBlIjoiUlBpIiwgImJhc2VOYW1lIjoicmVzZXQtY29uZmlnLmluaSJ9\n"
INI = "otppi/reset-config.ini"
ALLOWED = [
    "--property=DeviceAllow=block-loop rwm",
    "--capability=CAP_MKNOD",
]  # a machine may see loop devices


def certificate() -> str:
    """A fresh key and a certificate for it, in PEM."""
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    words += ["-subj", "/CN=branch.example", "-days", "3000", "-keyout", "-", "-out", "-"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


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
    "users": (("users/ann", "role=viewer"), "RESET_USER"),
    "keystore": (("keystore/k", f"certificate={certificate()}"), "RESET_KEYSTORE"),
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
        # The mark outlives --detach: an earlier run that broke off may have left it on this very device.
        subprocess.run(["blockdev", "--setrw", self.loop], check=True)
        major, minor = os.major(os.stat(self.loop).st_rdev), os.minor(os.stat(self.loop).st_rdev)
        self.machine(f"rm -f /dev/{self.name}; mknod /dev/{self.name} b {major} {minor}")

    def read(self) -> str:
        """Have the unit read it, as udev does when one is plugged in; the reader's own words."""
        since = self.machine("date +%s.%N")
        self.machine(f"systemctl start otppi-reset@{self.name}.service")
        calm(self.machine)
        said = f"journalctl --no-pager --output=cat --since=@{since} --unit=otppi-reset@{self.name}.service "
        said += f"--unit=otppi-reset-reader@{self.name}.service"
        return self.machine(said)

    def report(self) -> str:
        """What stands in reset-report.txt now."""
        done = subprocess.run(
            ["debugfs", "-R", "cat reset-report.txt", self.image], capture_output=True, check=True
        )
        return done.stdout.decode()

    def protect(self) -> None:
        """Push its write-protect switch, until it is unplugged."""
        subprocess.run(["blockdev", "--setro", self.loop], check=True)

    def unplug(self) -> None:
        if self.loop:
            subprocess.run(["blockdev", "--setrw", self.loop], check=True)
            subprocess.run(["losetup", "--detach", self.loop], check=True)
            self.loop = ""


def calm(device: Machine) -> None:
    """Wait until what was reset is in force, and nothing has failed by it."""
    units = "'otppi-configure*' 'otppi-apply@*'"
    at_work = f"systemctl list-units --no-legend --plain --state=activating,deactivating {units}; "
    at_work += f"systemctl list-jobs --no-legend {units}"
    until(lambda: device(at_work) == "", "the settings are in force")
    assert device("systemctl list-units --failed --no-legend --plain") == "", device.journal()


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


def kept_files(device: Machine) -> dict[str, str]:
    """File → checksum, of everything that a reset may not touch by the way: settings, factory, keys, card."""
    listed = device(
        "cd /var/lib/otppi && find settings factory keys card card.json -type f | xargs sha256sum"
    )
    return {path: checksum for checksum, path in (line.split() for line in listed.splitlines())}


def changed_sections(device: Machine) -> set[str]:
    return set(
        device("cd /var/lib/otppi/settings && find -name '*.json' -printf '%f\\n' | sed s/.json$//").split()
    )
