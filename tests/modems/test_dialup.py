"""Mobile internet: what pppd and chat are told, a real chat against a simulated modem, redial, status."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import NotSent
from app.core.events import Event
from app.modems import standing as how
from app.modems.dialer import Dialer
from app.modems.dialup import DialPlan, chat_script, pppd_options, quoted
from app.modems.spec import ModemSpec
from app.settings.modems import Modem
from app.settings.sms import Sms
from hw.sim.modem import SimModem
from hw.sim.pty import SimPtys
from tests.modems.yard import CLOCK, Yard, parcel


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

CHAT = shutil.which("chat", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@pytest.mark.skipif(CHAT is None, reason="chat(8) of the package ppp is not installed")
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

PPPD = shutil.which("pppd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def no_ppp() -> str:
    """Why no real connection can be made here; "" when one can."""
    if PPPD is None:
        return "pppd(8) of the package ppp is not installed"
    return "" if Path("/dev/ppp").exists() else "the kernel has no PPP: there is no /dev/ppp"


def test_pppd_takes_every_option_that_is_written(tmp_path: Path) -> None:
    """``dryrun`` reads all options and ends; without PPP in the kernel pppd says so before anything else."""
    if PPPD is None:
        pytest.skip(no_ppp())
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


# -- the process boundary -------------------------------------------------------------------------------


def dialer(folder: Path, program: str, heard: list[Event], **more: Any) -> Dialer:
    """A dialer whose pppd is a program of the test's; it gets what pppd would get."""

    def start(words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program, *words])

    spec = ModemSpec.of("net", modem(), Sms())
    settings: dict[str, Any] = {"start": start, "redial": (0.05, 0.1), "look": 0.05} | more
    return Dialer(spec, CLOCK, heard.append, folder, **settings)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "why"),
    [(8, "look at the APN"), (19, "refused user name or password"), (4, "the kernel has no PPP")],
)
def test_a_call_that_fails_says_why_and_is_dialled_again(tmp_path: Path, status: int, why: str) -> None:
    calls = tmp_path / "calls"
    program = (
        f"import sys; open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10)); sys.exit({status})"
    )
    calling = dialer(tmp_path / "ppp", program, [])
    calling.start()
    try:
        until(lambda: calls.exists() and len(calls.read_text().splitlines()) >= 3)
        until(lambda: calling.standing.state == how.TROUBLE)
        assert why in calling.standing.why
    finally:
        calling.stop()
        calling.join(10)
    assert calls.read_text().splitlines()[0] == f"pppd file {tmp_path}/ppp/ppp-net.options"


def test_what_holds_the_password_is_readable_to_nobody_else_and_gone_afterwards(tmp_path: Path) -> None:
    calling = dialer(tmp_path / "ppp", "import time; time.sleep(60)", [])
    calling.start()
    try:
        options = tmp_path / "ppp" / "ppp-net.options"
        until(options.exists)
        assert options.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "ppp" / "ppp-net.chat").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "ppp").stat().st_mode & 0o777 == 0o700
    finally:
        calling.stop()
        calling.join(20)
    assert not options.exists()
    assert calling.standing.state == how.OFF


def test_status_and_traffic_of_a_connection_are_shown(tmp_path: Path) -> None:
    sysfs = tmp_path / "net"
    calling = dialer(tmp_path / "ppp", "import time; time.sleep(60)", [], sysfs=sysfs)
    calling.start()
    try:
        until(lambda: calling.standing.state == how.CONNECTING)
        assert calling.standing.internet is not None and not calling.standing.internet.connected
        figures = sysfs / "ppp-net" / "statistics"
        figures.mkdir(parents=True)
        (figures / "rx_bytes").write_text("1234\n")
        (figures / "tx_bytes").write_text("567\n")
        until(lambda: calling.standing.internet and calling.standing.internet.received == 1234)
        assert calling.standing.internet.connected and calling.standing.internet.sent == 567
        assert calling.standing.state == how.READY
    finally:
        calling.stop()
        calling.join(20)


class Nm:
    """NetworkManager's part, as the port has it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.up = False

    def connect(self, card: str, apn: str, username: str, password: str, metric: int | None) -> None:
        self.calls.append(("connect", card, apn, username, metric))
        self.up = True

    def connected(self, card: str) -> bool:
        return self.up

    def disconnect(self, card: str) -> None:
        self.calls.append(("disconnect", card))


def test_a_stick_with_a_network_card_goes_through_network_manager(tmp_path: Path) -> None:
    nm = Nm()
    calling = dialer(tmp_path / "ppp", "", [], link=nm, card_of=lambda port: "wwan0")
    calling.start()
    until(lambda: len(nm.calls) == 1)
    nm.up = False  # the network ended it: connected again
    until(lambda: len(nm.calls) >= 3)
    calling.stop()
    calling.join(20)
    assert nm.calls[:3] == [
        ("connect", "wwan0", "internet", "wap", 700),
        ("disconnect", "wwan0"),
        ("connect", "wwan0", "internet", "wap", 700),
    ]
    assert nm.calls[-1] == ("disconnect", "wwan0")


def test_a_modem_that_gives_internet_access_is_not_used_for_sms(yard: Yard, tmp_path: Path) -> None:
    calling = dialer(tmp_path / "ppp", "", [])
    assert calling.lane() is None
    with pytest.raises(NotSent, match="carries no messages"):
        calling.submit(parcel())
    yard.simulated("a")
    yard.use("a", internet_access=True)
    yard.until(lambda: yard.fleet.listing()["a"]["connected"])
    assert yard.lanes() == set()
