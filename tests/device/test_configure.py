"""Files come into force only when their reader takes them; what runs is left alone otherwise."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from subprocess import PIPE

import pytest

from app.settings.mail import LocalSmtp
from app.settings.network import Dhcp, Wlan
from app.settings.snapshot import Settings
from app.settings.store import SettingsStore
from app.system import configure


class Host:
    """A machine whose programs answer as the test says; notes what was run."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.answers: dict[str, tuple[int, str]] = {}

    def run(self, words: Sequence[str], until: str = "") -> tuple[int, str]:
        line = " ".join(words)
        self.ran.append(line)
        return next((answer for start, answer in self.answers.items() if start in line), (0, ""))


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = SettingsStore(tmp_path / "home").load().settings
    return loaded.replaced(Wlan, Wlan(password="correct horse"))


def test_everything_is_written_for_its_reader_alone(tmp_path: Path, host: Host, settings: Settings) -> None:
    found = configure.configure(settings, root=tmp_path, run=host.run)
    assert found == {"wlan": "", "dhcp": "", "firewall": "", "time": ""}
    folder = tmp_path / "run/otppi-system"
    assert (folder / "hostapd.conf").stat().st_mode & 0o777 == 0o600
    assert "wpa_passphrase=correct horse" in (folder / "hostapd.conf").read_text()
    drop_in = tmp_path / "run/systemd/timesyncd.conf.d/50-otppi.conf"
    assert drop_in.stat().st_mode & 0o777 == 0o644
    assert drop_in.read_text() == (
        "# Written from the settings of OTP-Pi; a change here is lost.\n"
        "[Time]\nNTP=pool.ntp.org\nPollIntervalMaxSec=6h\n"
    )
    assert configure.read_outcome(tmp_path) == found


def test_what_is_the_same_touches_nothing(tmp_path: Path, host: Host, settings: Settings) -> None:
    configure.configure(settings, root=tmp_path, run=host.run)
    host.ran.clear()
    configure.configure(settings, root=tmp_path, run=host.run)
    assert host.ran == []


def test_a_file_its_reader_refuses_changes_nothing(tmp_path: Path, host: Host, settings: Settings) -> None:
    configure.configure(settings, root=tmp_path, run=host.run)
    before = (tmp_path / "run/otppi-system/dhcpd.conf").read_text()
    host.ran.clear()
    host.answers["dhcpd -4 -t"] = (1, "line 3: semicolon expected")
    changed = settings.replaced(Dhcp, Dhcp(default_lease_time=600))
    found = configure.configure(changed, ["dhcp"], root=tmp_path, run=host.run)
    assert found == {"dhcp": "dhcpd would not take the settings: line 3: semicolon expected"}
    assert (tmp_path / "run/otppi-system/dhcpd.conf").read_text() == before
    assert not any("systemctl" in line for line in host.ran)


def test_a_missing_daemon_is_told_by_name(tmp_path: Path, host: Host, settings: Settings) -> None:
    host.answers["nft --check"] = (127, "nft is not installed")
    found = configure.configure(settings, ["firewall"], root=tmp_path, run=host.run)
    assert found == {"firewall": "nft is not installed"}
    assert not (tmp_path / "run/otppi-system/firewall.nft").exists()


def test_a_part_changed_restarts_its_own_daemons(tmp_path: Path, host: Host, settings: Settings) -> None:
    configure.configure(settings, root=tmp_path, run=host.run)
    host.ran.clear()
    changed = settings.replaced(Dhcp, Dhcp(default_lease_time=600))
    configure.configure(changed, ["dhcp"], root=tmp_path, run=host.run)
    assert [line for line in host.ran if "restart" in line] == [
        "systemctl --no-block restart otppi-dhcpd.service"
    ]


def test_during_boot_nothing_is_started_out_of_turn(tmp_path: Path, host: Host, settings: Settings) -> None:
    host.answers["systemctl is-active"] = (3, "")
    configure.configure(settings, root=tmp_path, run=host.run)
    verbs = {line.split()[2] for line in host.ran if line.startswith("systemctl --no-block")}
    assert verbs == {"try-reload-or-restart"}


def test_hostapds_complaint_is_passed_on(tmp_path: Path, host: Host, settings: Settings) -> None:
    host.answers["hostapd"] = (1, "Line 7: invalid channel\n1 errors found in configuration file")
    found = configure.configure(settings, ["wlan"], root=tmp_path, run=host.run)
    assert found["wlan"].startswith("hostapd would not take the settings: Line 7: invalid channel")


def test_a_hostapd_that_says_nothing_is_not_taken_for_content(
    tmp_path: Path, host: Host, settings: Settings
) -> None:
    host.answers["hostapd"] = (124, "")
    found = configure.configure(settings, ["wlan"], root=tmp_path, run=host.run)
    assert found["wlan"] == "hostapd did not say within 10 s whether it takes the settings"
    host.answers["hostapd"] = (1, "wlan0: something else")
    found = configure.configure(settings, ["wlan"], root=tmp_path, run=host.run)
    assert found["wlan"] == "hostapd would not take the settings: wlan0: something else"
    assert not (tmp_path / "run/otppi-system/hostapd.conf").exists()


def test_a_program_is_stopped_when_it_has_said_enough() -> None:
    begun = time.monotonic()
    script = "echo one; echo taken here; sleep 30; echo late"
    assert configure.run_command(["timeout", "20", "sh", "-c", script], until="taken") == (
        0,
        "one\ntaken here",
    )
    assert configure.run_command(["sh", "-c", "echo two >&2; exit 3"], until="taken") == (3, "two")
    assert configure.run_command(["timeout", "0.1", "sleep", "9"], until="taken") == (124, "")
    assert configure.run_command(["no-such-program"], until="taken")[0] == 127
    assert time.monotonic() - begun < 15


def test_a_subnet_beside_the_access_point_hands_out_nothing(
    tmp_path: Path, host: Host, settings: Settings
) -> None:
    configure.configure(settings, root=tmp_path, run=host.run)
    moved = settings.replaced(Wlan, Wlan(password="correct horse", ip_address="10.0.0.1"))
    found = configure.configure(moved, root=tmp_path, run=host.run)
    assert "nobody would get an address" in found["dhcp"]
    assert not (tmp_path / "run/otppi-system/dhcpd.conf").exists()


def test_all_is_restarted_that_can_be_and_the_rest_with_the_next_run(
    tmp_path: Path, host: Host, settings: Settings
) -> None:
    configure.configure(settings, root=tmp_path, run=host.run)
    host.answers["restart otppi-ap"] = (1, "Unit otppi-ap.service is masked.")
    host.answers["restart otppi-dns"] = (1, "no answer")
    changed = settings.replaced(Wlan, Wlan(password="another horse", ip_address="192.168.0.12"))
    host.ran.clear()
    found = configure.configure(changed, ["wlan"], root=tmp_path, run=host.run)
    assert found["wlan"] == (
        "otppi-ap could not be restarted: Unit otppi-ap.service is masked.; "
        "otppi-dns could not be restarted: no answer"
    )
    restarted = ["otppi-wlan", "otppi-ap", "otppi-dns"]
    assert restarts(host) == restarted
    # No file differs any more; what runs still does.
    host.answers.clear()
    assert configure.configure(changed, root=tmp_path, run=host.run)["wlan"] == ""
    assert restarts(host) == [*restarted, "otppi-ap", "otppi-dns"]
    configure.configure(changed, root=tmp_path, run=host.run)
    assert restarts(host) == [*restarted, "otppi-ap", "otppi-dns"]


def restarts(host: Host) -> list[str]:
    return [
        line.split()[-1].removesuffix(".service") for line in host.ran if line.startswith("systemctl --no")
    ]


def test_two_runs_at_once_take_turns_and_both_are_told(
    tmp_path: Path, host: Host, settings: Settings
) -> None:
    """Processes, as systemd makes them. Whose commands run notes where they begin and where they end."""
    script = (
        "import os, pathlib, sys, time\n"
        "from app.settings.network import Wlan\n"
        "from app.settings.store import SettingsStore\n"
        "from app.system import configure\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "def run(words, until=''):\n"
        "    with open(root / 'turns', 'a') as turns:\n"
        "        turns.write(f'{os.getpid()}\\n')\n"
        "    time.sleep(0.05)\n"
        "    return 0, ''\n"
        "settings = SettingsStore(root / 'home').load().settings\n"
        "settings = settings.replaced(Wlan, Wlan(password='correct horse'))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "configure.configure(settings, sys.argv[2:], root=root, run=run)\n"
    )
    parts = (["wlan"], ["dhcp"], ["firewall"], ["time"], ["wlan", "dhcp", "firewall"])
    at_work = [
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path, *names], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
        )
        for names in parts
    ]
    for one in at_work:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in at_work:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[1] for one in at_work] == [""] * len(parts)
    assert dict(configure.read_outcome(tmp_path)) == {"wlan": "", "dhcp": "", "firewall": "", "time": ""}
    turns = [pid for pid, _ in groupby((tmp_path / "turns").read_text().split())]
    assert len(turns) == len(set(turns)) >= 2, "one began before another had ended"


def test_the_local_smtp_server_has_its_hole_in_the_firewall_where_it_listens_to_others(
    settings: Settings,
) -> None:
    def rules(**smtp: object) -> str:
        told = settings.replaced(LocalSmtp, LocalSmtp(port=2525, **smtp))
        return configure.parts(told)["firewall"].files[0].content

    assert "2525" not in rules(active=False, address="0.0.0.0")
    assert "2525" not in rules(active=True)
    assert "tcp dport { 2525, 8443, 8888, 8899, 10443 } accept" in rules(active=True, address="0.0.0.0")
