"""The unmodified image on a generic arm64 board."""

from tests.boot.emulator.machine import Machine
from tests.boot.emulator.waiting import patience


def test_everything_started_and_nothing_failed(virt: Machine) -> None:
    failed = virt.console.run("systemctl --failed --no-legend --plain")
    assert (virt.state, failed) == ("running", "")


def test_the_gateway_runs_and_answers(virt: Machine) -> None:
    answer = (
        "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8899/api/nothing-here"
    )
    assert virt.console.eventually(answer, patience(30)) in ("401", "404")
    assert virt.console.run("systemctl show --property NRestarts --value otppi") == "0"


def test_the_device_made_an_identity_of_its_own(virt: Machine) -> None:
    assert len(virt.console.run("cat /etc/machine-id")) == 32


def test_swap_is_in_memory_only(virt: Machine) -> None:
    assert virt.console.run("swapon --noheadings --show=NAME").split() == ["/dev/zram0"]


def test_no_memory_is_kept_for_huge_pages(virt: Machine) -> None:
    assert "[never]" in virt.console.run("cat /sys/kernel/mm/transparent_hugepage/enabled")
    assert int(virt.console.run("cat /proc/sys/vm/min_free_kbytes")) < 8000


def test_the_journal_survives_a_restart_and_stays_small(virt: Machine) -> None:
    virt.console.run("journalctl --header | grep -q '/var/log/journal/'")
    assert "SystemMaxUse=64M" in virt.console.run("systemd-analyze cat-config systemd/journald.conf")


def test_networkmanager_owns_ethernet_and_nobody_waits_for_it(virt: Machine) -> None:
    assert "ethernet:connected" in virt.console.eventually(
        "nmcli -t -f TYPE,STATE device | grep ethernet:connected"
    )
    assert virt.console.run("systemctl is-enabled NetworkManager-wait-online", check=False) == "masked"


def test_nobody_can_log_in_from_outside(virt: Machine) -> None:
    assert (
        virt.console.run("systemctl is-active ssh.service ssh.socket", check=False).split()
        == ["inactive"] * 2
    )
    assert virt.console.run("awk -F: '$2 !~ /^[*!]/' /etc/shadow") == ""


def test_the_service_account_may_use_modems_pins_and_clock(virt: Machine) -> None:
    assert set(virt.console.run("id -nG otppi").split()) == {"otppi", "dialout", "gpio", "i2c"}


def test_the_gateways_unit_is_well_fenced(virt: Machine) -> None:
    verdict = virt.console.run("systemd-analyze security --no-pager otppi.service | tail -n 1")
    exposure = float(verdict.split("otppi.service:")[1].split()[0])
    assert exposure < 3.0, verdict


def test_the_root_took_the_whole_card_with_the_first_start(virt: Machine) -> None:
    """Which has 4 GiB (`Card.overlay`); as it was flashed the root has a good one."""
    assert "grew from" in virt.console.run("journalctl -b --no-pager -u otppi-expand.service")
    size = virt.console.run("stat --file-system --format '%b %S' / | awk '{print $1 * $2}'")
    assert int(size) > 3 << 30
