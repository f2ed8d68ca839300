"""Mobile internet, the system's side: what pppd and chat are told, and the unit that dials."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.settings.modems import Modem
from app.settings.snapshot import Settings
from app.settings.store import SettingsStore
from app.system import dialling
from app.system.dbus import Place, SystemRefused
from app.system.dialling import Refusal, UnitCall, escaped, prepare
from app.system.dialup import DialPlan, chat_script, pppd_options, quoted
from hw.sim.modem import SimModem
from hw.sim.pty import SimPtys
from tests.wanting import need, program, unless


def modem(**fields: Any) -> Modem:
    settings = {
        "name": "net",
        "port": "/dev/ttyUSB2",
        "internet_access": True,
        "apn": "internet",
        "apn_username": "wap",
        "apn_password": 'p"w^1\\',
        "dial_number": "*99***1#",
        "init_dial_1": "ATZ",
        "init_dial_2": "AT^CURC=0",
        "baud_rate": 460800,
    }
    return Modem(**(settings | fields))


def plan(**fields: Any) -> DialPlan:
    return DialPlan.of("net", modem(**fields), "/dev/ttyUSB2")


# -- what is written ------------------------------------------------------------------------------------


def test_the_chat_script_holds_every_field_of_the_modem() -> None:
    assert chat_script(plan(init_dial_5="ATE0", dial_command="ATDT")) == (
        'ABORT "BUSY"\n'
        'ABORT "NO CARRIER"\n'
        'ABORT "NO DIALTONE"\n'
        'ABORT "NO ANSWER"\n'
        'ABORT "ERROR"\n'
        "TIMEOUT 10\n"
        '"" "AT"\n'
        'OK "ATZ"\n'
        'OK "AT\\136CURC=0"\n'
        'OK "ATE0"\n'
        'OK "AT+CGDCONT=1,\\042IP\\042,\\042internet\\042"\n'
        "TIMEOUT 60\n"
        'OK "ATDT*99***1#"\n'
        'CONNECT ""\n'
    )


def test_the_options_hold_port_rate_user_password_and_a_fallback_route() -> None:
    assert pppd_options(plan(), Path("/run/otppi/ppp/ppp-net.chat")) == (
        "/dev/ttyUSB2\n"
        "460800\n"
        'connect "/usr/sbin/chat -s -f /run/otppi/ppp/ppp-net.chat"\n'
        "ifname ppp-net\n"
        "linkname ppp-net\n"
        "nodetach\n"
        "noauth\n"
        "hide-password\n"
        "noipdefault\n"
        "nopersist\n"
        "maxfail 1\n"
        "modem\n"
        "noccp\n"
        "novj\n"
        "lcp-echo-interval 20\n"
        "lcp-echo-failure 4\n"
        'user "wap"\n'
        'password "p\\042w\\1361\\134"\n'
        "defaultroute\n"
        "defaultroute-metric 700\n"
    )


def test_a_modem_that_is_the_default_route_takes_it_without_a_metric() -> None:
    options = pppd_options(plan(internet_route="default"), Path("/c"))
    assert options.endswith("defaultroute\nusepeerdns\n") and "metric" not in options


def test_an_interface_name_fits_a_network_card() -> None:
    assert DialPlan.of("a modem/with a long id", modem(), "/dev/x").interface == "ppp-a-modem-wit"


@pytest.mark.parametrize("value", ["AT\rATD1", "caf\u00e9", "\x1b"])
def test_what_could_begin_another_command_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="dialling"):
        quoted(value)


@pytest.mark.parametrize("apn", ['a","IP","b', "a\\b", "caf\u00e9"])
def test_an_apn_cannot_end_its_string(apn: str) -> None:
    with pytest.raises(ValueError, match="APN"):
        chat_script(plan(apn=apn))


# -- a real chat against a simulated modem --------------------------------------------------------------

CHAT, NO_CHAT = program("chat", "ppp")


@unless(not NO_CHAT, NO_CHAT)
@pytest.mark.parametrize(("apn", "status"), [("internet", 0), ("", 5)])
def test_the_real_chat_dials_a_simulated_modem_with_our_script(tmp_path: Path, apn: str, status: int) -> None:
    script = tmp_path / "net.chat"
    script.write_text(chat_script(plan(apn=apn)))
    sim = SimModem("net", make="huawei")
    with SimPtys() as ptys:
        port = os.open(ptys.plug_in(sim), os.O_RDWR | os.O_NOCTTY)
        try:
            ended = subprocess.run([str(CHAT), "-f", str(script)], stdin=port, stdout=port, timeout=60)
        finally:
            os.close(port)
    assert ended.returncode == status  # 5: the second ABORT string, NO CARRIER
    assert sim.access_point == (f'1,"IP","{apn}"' if apn else "")
    assert sim.stray_lines == []


# -- the real pppd --------------------------------------------------------------------------------------

PPPD, NO_PPPD = program("pppd", "ppp")


def no_ppp() -> str:
    """Why no real connection can be made here; "" when one can."""
    if NO_PPPD:
        return NO_PPPD
    return "" if Path("/dev/ppp").exists() else "the kernel has no PPP: there is no /dev/ppp"


def test_pppd_takes_every_option_that_is_written(tmp_path: Path) -> None:
    """``dryrun`` reads all options and ends; without PPP in the kernel pppd says so before anything else."""
    need(NO_PPPD)
    chat = tmp_path / "chat"
    options = tmp_path / "options"
    options.write_text(pppd_options(plan(port="/dev/null"), chat).replace("/dev/ttyUSB2", "/dev/null"))
    ended = subprocess.run(
        [PPPD, "file", str(options), "dryrun"], capture_output=True, text=True, timeout=30, check=False
    )
    said = ended.stdout + ended.stderr
    assert "unrecognized option" not in said and "In file" not in said
    if no_ppp():  # pppd looks at the kernel before it ends; the options were read before that
        assert ended.returncode in (0, 4), said
        pytest.skip(f"the options are right; {no_ppp()}, so no connection is made")
    assert ended.returncode == 0, said


# -- root's side of the unit ----------------------------------------------------------------------------


def settings_with(home: Path, **fields: Any) -> Settings:
    store = SettingsStore(home)
    store.put(Modem, "net", modem(**fields))
    return store.load().settings


def test_root_writes_the_files_for_itself_alone_and_has_pppd_check_them(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    def run(words: Sequence[str]) -> tuple[int, str]:
        asked.append(words)
        return 0, ""

    words = prepare(settings_with(tmp_path / "home"), "net:ttyUSB3", run, tmp_path)
    assert words == ["/usr/sbin/pppd", "file", f"{tmp_path}/net:ttyUSB3.options"]
    assert asked == [[*words, "dryrun"]]
    options = tmp_path / "net:ttyUSB3.options"
    assert options.read_text().startswith("/dev/ttyUSB3\n460800\n")
    for file in (options, tmp_path / "net:ttyUSB3.chat"):
        assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("instance", "fields", "why"),
    [
        ("other:ttyUSB2", {}, "there is no active modem other that gives internet access"),
        ("net:ttyUSB2", {"internet_access": False}, "there is no active modem net"),
        ("net:ttyUSB2", {"active": False}, "there is no active modem net"),
        ("net:../sda", {}, "../sda is no port that can be dialled through"),
        ("net:sda", {}, "sda is no port that can be dialled through"),
        ("net", {}, "there is no active modem "),
        ("net:ttyUSB2", {"init_dial_1": "caf\u00e9"}, "a value for dialling holds a control character"),
    ],
)
def test_root_dials_nothing_that_the_settings_do_not_say(
    tmp_path: Path, instance: str, fields: dict[str, Any], why: str
) -> None:
    settings = settings_with(tmp_path / "home", **fields)
    with pytest.raises(Refusal, match=why):
        prepare(settings, instance, lambda words: (0, ""), tmp_path)


def test_a_file_that_pppd_refuses_is_not_dialled_with_and_the_gateway_learns_why(tmp_path: Path) -> None:
    settings = settings_with(tmp_path / "home")
    with pytest.raises(Refusal, match="unrecognized option"):
        dialling.dial(settings, "net:ttyUSB2", lambda words: (2, "unrecognized option 'x'"), tmp_path)
    left = tmp_path / "net:ttyUSB2.ended"
    assert left.read_text() == "pppd would not take the settings: unrecognized option 'x'\n"
    assert left.stat().st_mode & 0o777 == 0o644


# -- the service's side ---------------------------------------------------------------------------------


class Systemd:
    """Starts and stops units as told, and remembers it."""

    def __init__(self, refuses: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._refuses = refuses

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        if self._refuses:
            raise SystemRefused(self._refuses)
        if member != "LoadUnit":
            self.calls.append((member, *arguments))
        return ["/unit"]

    def get(self, place: Place, name: str) -> Any:
        return {"ActiveState": "active", "Job": [0, "/"]}[name]


def test_a_call_is_a_unit_that_is_started_and_stopped(tmp_path: Path) -> None:
    systemd = Systemd()
    call = UnitCall(systemd, "up-link", "/dev/null", tmp_path)
    assert call.interface == "ppp-up-link"
    assert call.ended() == ""
    call.hang_up()
    unit = "otppi-dialup@up\\x2dlink:null.service"
    assert systemd.calls == [("RestartUnit", unit, "replace"), ("StopUnit", unit, "replace")]


@pytest.mark.parametrize(
    ("left", "why"),
    [
        ("8\n", "the modem did not connect; look at the APN and the dial number"),
        ("19\n", "the operator refused user name or password"),
        ("12\n", "pppd ended with 12"),
        ("TERM\n", "the call was ended"),
        ("there is no active modem x\n", "there is no active modem x"),
    ],
)
def test_what_the_unit_left_behind_is_told(tmp_path: Path, left: str, why: str) -> None:
    call = UnitCall(Systemd(), "net", "/dev/null", tmp_path)
    (tmp_path / "net:null.ended").write_text(left)
    assert call.ended() == why


def test_a_port_that_is_gone_and_a_system_that_refuses_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the port /dev/ttyUSB77 is not there"):
        UnitCall(Systemd(), "net", "/dev/ttyUSB77", tmp_path)
    with pytest.raises(SystemRefused, match="Access denied"):
        UnitCall(Systemd("Access denied"), "net", "/dev/null", tmp_path)


def test_a_units_name_holds_octets_as_systemd_writes_them() -> None:
    """As `systemd-escape 'büro-1:ttyUSB0'` says."""
    assert escaped("büro-1:ttyUSB0") == "b\\xc3\\xbcro\\x2d1:ttyUSB0"
