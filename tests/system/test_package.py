"""The package comes, goes up and down, and goes: settings stay as long as they should, and no longer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine import TREE, Machine, machine, package, until


@pytest.fixture(scope="module")
def plain() -> Iterator[Machine]:
    """Somebody's own Debian, with three versions of the package at hand."""

    def versions(root: Path) -> None:
        for version in ("0.0.9", "9.9.9"):
            shutil.copy(package(version), root / f"root/{version}.deb")
            (TREE / "dist" / f"otp-pi_{version}_all.deb").unlink()
        give_an_option(root / "root/9.9.9.deb", root / "root/newer")
        shutil.copy(package(), root / "root/now.deb")

    with machine("plain", versions) as one:
        one.booted()
        yield one


def give_an_option(deb: Path, folder: Path) -> None:
    """Make of a package one that knows a setting more than this tree."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    module = folder / "usr/lib/otppi/app/settings/general.py"
    known = "    device_name: str = option("
    newer = '    case_colour: str = option("", "Colour of the case")\n'
    module.write_text(module.read_text().replace(known, newer + known))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", folder, deb], check=True, capture_output=True
    )
    shutil.rmtree(folder)


def install(plain: Machine, name: str) -> None:
    plain(f"DEBIAN_FRONTEND=noninteractive dpkg --install /root/{name}.deb")
    plain.settled("otppi.service")


def test_it_installs_on_plain_debian_and_runs_as_a_gateway(plain: Machine) -> None:
    zone = plain("readlink /etc/localtime", check=False)
    install(plain, "now")
    assert plain("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8899/api/sms") in (
        "400",
        "401",
        "405",
    )
    # The machine stays its owner's: no firewall, no access point, no other clock.
    assert plain("nft list tables") == ""
    assert plain("systemctl is-active otppi-firewall otppi-configure", check=False) == "inactive\ninactive"
    assert plain("readlink /etc/localtime", check=False) == zone
    assert plain("systemctl list-units --failed --no-legend 'otppi*'") == ""
    assert "not an OTP-Pi device" in plain.journal("otppi.service")


def test_every_file_of_the_package_is_roots_and_nobody_elses(plain: Machine) -> None:
    listed = plain("dpkg -L otp-pi | xargs stat -c '%U:%G %a %F %n' | grep -v ' directory /'")
    assert listed
    for line in listed.splitlines():
        owner, mode, *_ = line.split()
        assert owner == "root:root", line
        assert mode in ("644", "755"), line


def test_settings_and_state_survive_an_upgrade_and_a_downgrade(plain: Machine) -> None:
    plain.set("general", "device_name=Kept")
    card = plain("cat /var/lib/otppi/card.json")
    unknown = "general.case_colour: there is no such option in general"
    newer = 0
    for name in ("9.9.9", "0.0.9", "9.9.9", "now"):
        before = plain.show("otppi.service", "InvocationID")
        install(plain, name)
        assert plain.show("otppi.service", "InvocationID") != before
        shown = plain("otppi show general")
        assert "device_name=Kept" in shown
        assert plain("cat /var/lib/otppi/card.json") == card
        # What only the newer one knows waits for its return, and is told meanwhile.
        if name == "9.9.9":
            newer += 1
            assert ("case_colour=red" in shown) is (newer == 2), shown
            plain.set("general", "case_colour=red")
        else:
            assert unknown in plain("otppi check", check=False)
            assert unknown in plain.journal("otppi.service")
            assert '"case_colour": "red"' in plain("cat /var/lib/otppi/settings/general.json")
    plain.set("general", "device_name=Kept as well")  # the newer one's option does not stand in the way
    plain.set("general", "device_name=Kept")


def test_the_java_systems_configuration_is_taken_over_while_it_runs(plain: Machine) -> None:
    """Files as such a device has them; what they say is in force at once."""
    files = {
        "general/general-config.json": '{"deviceName": "Branch", "ntpServer": "ntp.branch.lan"}',
        "api/services.json": '{"otpPath": "/otp", "httpPort": 8077, "httpsEnable": false}',
        "api/blocking.json": '{"6281234567890": true, "6281234567891": false}',
    }
    for name, content in files.items():
        plain(f"mkdir -p $(dirname /root/java/{name}); echo '{content}' > /root/java/{name}")
    plain("chmod -R a+rX /root/java; chmod a+x /root")
    assert "nothing was changed yet" in plain("runuser -u otppi -- otppi import-java --dry-run /root/java")
    # A path is one from where its owner is, and not from where the program lies.
    assert "sections taken over: 3" in plain("cd /root && otppi import-java java")
    knock = "curl -s -o /dev/null -w '%{http_code}' --max-time 5 http://127.0.0.1:8077/otp"
    until(lambda: plain(knock, check=False) in ("400", "401", "405"), "the API has moved")
    assert "device_name=Branch" in plain("otppi show general")
    assert "6281234567890" in plain("otppi show blocking")
    plain("rm /var/lib/otppi/settings/api.json; runuser -u otppi -- otppi set general device_name=Kept")


def test_a_backup_lies_where_its_owner_is(plain: Machine) -> None:
    plain("mkdir -p /root/here/app && cd /root/here && touch app/__init__.py && otppi backup my.file")
    plain("test -s /root/here/my.file -a ! -e /usr/lib/otppi/my.file")
    assert "device_name" not in plain("cd /root/here && otppi restore --dry-run my.file")


def test_removal_stops_everything_and_keeps_the_settings(plain: Machine) -> None:
    plain("dpkg --remove otp-pi")
    assert plain("systemctl is-active otppi.service", check=False) in ("inactive", "failed", "unknown")
    plain("test -e /var/lib/otppi/settings/general.json")
    assert plain("test -e /usr/lib/otppi/app", check=False).status == 1
    install(plain, "now")
    assert "device_name=Kept" in plain("otppi show general")


def test_a_purge_leaves_nothing(plain: Machine) -> None:
    plain("dpkg --purge otp-pi")
    elsewhere = " ".join(
        f"-not -path '{place}/*'" for place in ("/root", "/proc", "/sys", "/var/log/journal")
    )
    ours = "\\( -iname '*otppi*' -o -iname 'otp-pi*' \\)"
    left = plain(f"find / -xdev {ours} {elsewhere} 2>/dev/null", check=False)
    assert left == ""
    assert plain("getent passwd otppi", check=False).status == 2
    until(
        lambda: plain("systemctl list-unit-files 'otppi*' --no-legend", check=False) == "", "no unit is left"
    )


def test_it_becomes_a_device_when_its_owner_says_so(plain: Machine) -> None:
    plain("mkdir -p /etc/otppi; touch /etc/otppi/appliance")
    install(plain, "now")
    plain("systemctl start otppi-configure otppi-firewall")
    assert "table inet otppi" in plain("nft list tables")


def test_a_purged_device_keeps_neither_its_cables_profile_nor_its_name() -> None:
    """NetworkManager and hostnamed keep these themselves, in /etc."""
    profile = "/etc/NetworkManager/system-connections/OTP-Pi Ethernet.nmconnection"
    with machine() as device:
        device.booted()
        device.set("general", "device_name=Branch office")
        until(
            lambda: device("hostnamectl hostname --pretty", check=False) == "Branch office", "it has its name"
        )
        until(lambda: device(f"test -e '{profile}'", check=False).status == 0, "its cable has a profile")
        device("dpkg --purge otp-pi")
        assert device(f"test -e '{profile}'", check=False).status == 1
        assert "OTP-Pi" not in device("nmcli connection show")
        assert device("hostnamectl hostname --pretty", check=False) == ""
        assert device("ls -d /var/lib/otppi /etc/otppi /usr/lib/otppi 2>/dev/null", check=False) == ""
        assert device("systemctl list-units --failed --no-legend --plain") == ""
