"""The reset stick: each request by itself, and everything that may be wrong with one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.browser import Browser
from tests.system.machine import Machine, machine, until
from tests.system.stick import (
    ALLOWED,
    CHANGED,
    INI,
    VERIFY,
    Stick,
    asking,
    certificate,
    change_everything,
    changed_sections,
    kept_files,
)


@pytest.fixture(scope="module")
def device() -> Iterator[Machine]:
    """A device of its own, that may see loop devices."""
    with machine(arguments=ALLOWED) as one:
        one.booted()
        yield one


@pytest.mark.parametrize("section", CHANGED)
def test_each_flag_resets_its_section_and_nothing_else(device: Machine, stick: Stick, section: str) -> None:
    change_everything(device)
    assert changed_sections(device) == set(CHANGED)
    before = kept_files(device)
    stick.ext4(asking(f"{CHANGED[section][1]} = true\n{VERIFY}"))
    said = stick.read()
    del before[f"settings/{section}.json"]
    assert kept_files(device) == before, said
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
    before = kept_files(device)
    stick.ext4(asking(f"RESET_DHCP = false\n{VERIFY}"))
    stick.read()
    assert kept_files(device) == before
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
    before = kept_files(device)
    fill, why = REFUSED[case]
    stick.ext4(fill)
    stick.read()
    assert kept_files(device) == before
    assert stick.report().startswith("OTP-Pi reset\r\n\r\nRefused: ")
    assert why in stick.report()
    refusal_is_kept(device, why)


def refusal_is_kept(device: Machine, why: str) -> None:
    """In the history of the sticks, and from there in the audit."""
    (entry,) = json.loads(device("cat /var/lib/otppi/resets.json"))
    assert entry["outcome"] == "refused"
    assert why in entry["said"][0]
    told = until(lambda: (found := audit(device)) and why in found and found, "the audit tells it")
    assert told.startswith("('reset stick', 'reset.refused', 'Refused: ")


def audit(device: Machine) -> str:
    """Its newest entry: address, what, detail."""
    query = "SELECT address, what, detail FROM audit ORDER BY seq DESC LIMIT 1"
    look = f"import sqlite3; print(sqlite3.connect('/var/lib/otppi/state.db').execute('{query}').fetchone())"
    return device(f'python3 -c "{look}"')


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
    refusal_is_kept(device, "is a link")


def test_a_folder_that_is_a_link_is_not_followed(device: Machine, stick: Stick) -> None:
    device.set("dhcp", "default_lease_time=600")
    device(f"mkdir -p /etc/x; printf 'RESET_DHCP = true\\n{VERIFY.strip()}\\n' > /etc/x/reset-config.ini")
    stick.ext4(lambda folder: (folder / "otppi").symlink_to("/etc/x"))
    stick.read()
    assert "dhcp" in changed_sections(device)
    refusal_is_kept(device, "is a link")


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
    refusal_is_kept(device, "is not a file")


TAKEN = {
    "a link": ("/bin/ln -s /etc/shadow /run/otppi-reset/sdz1.txt", ""),
    "a pipe": ("/usr/bin/mkfifo /run/otppi-reset/sdz1.txt", ""),
    "no end": ("/bin/sh -c 'yes | head -c 9M > /run/otppi-reset/sdz1.txt'", "y\n" * 32768),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_reader_that_was_taken_over_brings_nothing_else_onto_the_stick(
    device: Machine, stick: Stick, case: str
) -> None:
    does, written = TAKEN[case]
    drop = "/run/systemd/system/otppi-reset-reader@.service.d"
    device(f"mkdir -p {drop}; cat > {drop}/taken.conf <<'END'\n[Service]\nExecStart=\nExecStart={does}\nEND")
    device("systemctl daemon-reload")
    try:
        stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
        stick.read()
    finally:
        device(f"rm -r {drop}; systemctl daemon-reload")
    assert stick.report() == written
    assert device("ls /run/otppi-reset") == ""


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
    assert set(CHANGED) - changed_sections(device) == {"dhcp", "wlan", "ethernet", "users"}


def test_the_oldest_form_with_another_text_is_refused(device: Machine, stick: Stick) -> None:
    change_everything(device)
    stick.ext4(asking("reset\n", "optb/reset.txt"))
    stick.read()
    assert changed_sections(device) == set(CHANGED)
    assert "does not hold the set-up code" in stick.report()


def test_it_works_without_the_service_and_without_the_web(device: Machine, stick: Stick) -> None:
    device.set("dhcp", "default_lease_time=600")
    device("systemctl stop otppi.service")
    stick.ext4(asking(f"RESET_DHCP = true\n{VERIFY}"))
    stick.read()
    assert "dhcp" not in changed_sections(device)
    device("systemctl start otppi.service")


def test_without_the_service_the_cable_goes_back_too(device: Machine, stick: Stick) -> None:
    device.settled("otppi.service")
    device.set("ethernet", "dns1=9.9.9.9")
    servers = "nmcli -g ipv4.dns connection show 'OTP-Pi Ethernet'"
    until(lambda: device(servers, check=False) == "9.9.9.9", "the system has it")
    device("systemctl stop otppi.service")
    stick.ext4(asking(f"RESET_ETHERNET = true\n{VERIFY}"))
    stick.read()
    assert "OTP-Pi Ethernet" not in device("nmcli -g NAME connection show").split("\n")
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
    told = "('reset stick', 'reset.done', 'Done:; SMS: reset')"
    until(lambda: audit(device) == told, "the audit tells it")


def test_resetting_the_administrators_ends_sessions_and_opens_the_set_up(
    device: Machine, stick: Stick
) -> None:
    device.settled("otppi.service")
    browser = Browser(device)
    assert "/logout" in browser.form_actions("/account")
    device.set("keystore/k", f"certificate={certificate()}")
    served = "curl -vsk https://127.0.0.1:10443/ 2>&1 | grep subject:"
    until(lambda: "CN=branch.example" in device(served, check=False), "the certificate is served")
    stick.ext4(asking(f"RESET_USER = true\nRESET_KEYSTORE = true\n{VERIFY}"))
    stick.read()
    until(lambda: "/setup" in browser.form_actions("/account"), "the set-up is open, the session is gone")
    until(lambda: "branch.example" not in device(served, check=False), "the device's own certificate is back")
    assert device("ls /var/lib/otppi/tls/keystore.pem", check=False).status != 0
