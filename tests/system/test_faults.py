"""A start with something broken: each says so, and serves what it can."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.system.gateway import Asker
from tests.system.machine import WORK, Machine, machine, until

STATUS = "curl -s -o /dev/null -w '%{http_code}' --max-time 10 http://127.0.0.1:8899/api/sms"


def equip(device: Machine) -> Asker:
    """A modem and somebody who may send."""
    device.set("modems/m", "port=sim://m", "default_modem=on")
    return Asker(device)


def sends(app: Asker, **more: object) -> None:
    """A message really goes out."""
    codes: list[str] = []

    def sent() -> bool:
        codes.append(app.code("send-sms", receiver="081234567890", message="hello", **more))
        return codes[-1] == "0000"

    try:
        until(sent, "a message goes out")
    except AssertionError as error:
        raise AssertionError(f"{error}; answers: {' '.join(dict.fromkeys(codes))}") from None


def serves(device: Machine) -> bool:
    return device(STATUS, check=False) in ("400", "401", "405")


def test_a_broken_settings_file_costs_its_own_section(tmp_path: Path) -> None:
    def spoil(root: Path) -> None:
        folder = root / "var/lib/otppi/settings"
        folder.mkdir(parents=True)
        (folder / "general.json").write_text('{"device_name": "half a fi')
        (folder / "api.json").write_text('{"http_port": 99999}')
        (folder / "sms.json").write_bytes(b"\0" * 4096)

    with machine(prepare=spoil) as device:
        assert device.booted() == "running"
        device.settled("otppi.service")
        until(lambda: serves(device), "the API answers at its default port")
        said = device.journal("otppi.service")
        assert "general.json is not JSON" in said
        assert "99999 is out of range" in said
        assert "sms.json holds nothing but blanks or zeros" in said
        assert device("otppi check", check=False).status == 2


def test_no_radio_and_no_clock_chip_are_nothing_broken() -> None:
    """The machine of these tests has neither: it runs, and says what is missing where it is asked."""
    with machine() as device:
        assert device.booted() == "running"
        assert device("test -e /sys/class/net/wlan0", check=False).status == 1
        assert device("systemctl is-active otppi-ap otppi-dhcpd", check=False) == "inactive\ninactive"
        until(lambda: serves(device), "the API answers")


@pytest.fixture(scope="module")
def shifted() -> Path:
    """A library that moves the wall clock of one program, as its owner's bad battery would."""
    source = WORK / "shift.c"
    source.write_text(
        "#define _GNU_SOURCE\n#include <time.h>\n#include <stdlib.h>\n#include <sys/time.h>\n"
        "#include <unistd.h>\n#include <sys/syscall.h>\n"
        'static long by(void) { const char *s = getenv("SHIFT"); return s ? atol(s) : 0; }\n'
        "int clock_gettime(clockid_t c, struct timespec *t) {\n"
        "  int r = syscall(SYS_clock_gettime, c, t);\n"
        "  if (!r && c == CLOCK_REALTIME) t->tv_sec += by();\n  return r; }\n"
        "int gettimeofday(struct timeval *t, void *z) {\n"
        "  struct timespec s; clock_gettime(CLOCK_REALTIME, &s);\n"
        "  t->tv_sec = s.tv_sec; t->tv_usec = s.tv_nsec / 1000; return 0; }\n"
        "time_t time(time_t *t) { struct timespec s; clock_gettime(CLOCK_REALTIME, &s);\n"
        "  if (t) *t = s.tv_sec; return s.tv_sec; }\n"
    )
    library = WORK / "shift.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


@pytest.mark.parametrize(
    ("shows", "why"),
    [
        (30 * 86400, "the clock shows a day before this version was made"),  # 1970-01-31
        (4_083_782_400, "the clock shows a year far away"),  # 2099-05-31
    ],
)
def test_a_clock_far_away_is_said_and_served_with(shifted: Path, shows: int, why: str) -> None:
    now = int(time.time())

    def prepare(root: Path) -> None:
        (root / "usr/lib/shift.so").write_bytes(shifted.read_bytes())
        folder = root / "etc/systemd/system/otppi.service.d"
        folder.mkdir(parents=True)
        (folder / "clock.conf").write_text(
            f"[Service]\nEnvironment=LD_PRELOAD=/usr/lib/shift.so SHIFT={shows - now}\n"
        )

    with machine(prepare=prepare) as device:
        assert device.booted() == "running"
        process = device.show("otppi.service", "MainPID")
        assert "shift.so" in device(f"cat /proc/{process}/maps")
        page = device("curl --silent --show-error --max-time 30 http://127.0.0.1:8888/setup")
        assert f"clock is not trusted: {why}." in page
        # The sender's clock is right; by the device's these are long over, or far ahead.
        app = equip(device)
        sends(app, expiration=now + 3600)
        sends(app, date_time=now)
        asked = {"receiver": "081234567890", "message": "Your code is %s", "reference": "far-away"}
        assert app.code("request-otp", expiration=now + 3600, **asked) == "0000"


def test_a_full_disk_is_said_and_served_with() -> None:
    with machine() as device:
        device.booted()
        app = equip(device)
        device("systemctl stop otppi; mkdir /tmp/kept; cp -a /var/lib/otppi/. /tmp/kept")
        device("mount -t tmpfs -o size=256k,mode=700,uid=otppi,gid=otppi none /var/lib/otppi")
        device("cd /tmp/kept && cp -a card.json card factory keys settings /var/lib/otppi")
        assert "No space left" in device("cat /dev/zero > /var/lib/otppi/full", check=False)
        device("systemctl start otppi")
        sends(app)
        assert "kept in memory" in device.journal("otppi.service")
        said = device("runuser -u otppi -- otppi set general device_name=x", check=False)
        assert said.status == 1
        assert "No space left on device" in said
        assert device.show("otppi.service", "NRestarts") == "0"


def test_a_read_only_disk_is_said_and_served_with() -> None:
    with machine() as device:
        device.booted()
        app = equip(device)
        device("systemctl stop otppi && mount --bind /var/lib/otppi /var/lib/otppi")
        device("mount -o remount,bind,ro /var/lib/otppi && systemctl start otppi")
        sends(app)
        assert "kept in memory" in device.journal("otppi.service")
        said = device("runuser -u otppi -- otppi set general device_name=x", check=False)
        assert said.status == 1
        assert "Read-only file system" in said
        # It did not break off after its doors were open, only to be started again.
        assert device.show("otppi.service", "NRestarts") == "0"
