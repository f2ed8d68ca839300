"""Mobile internet, the modems' side: a call is made, watched and made again; its modem carries nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from app.core.errors import NotSent
from app.core.events import Event, ModemState
from app.modems import standing as how
from app.modems.dialer import REDIAL, Dialer
from app.modems.finding import Finder
from app.modems.spec import ModemSpec
from app.settings.modems import Modem
from app.settings.sms import Sms
from hw.gsm.modem import GsmModem
from tests.hw.gsm.test_modem_start import Ear
from tests.modems.yard import CLOCK, Yard, parcel


class Line:
    """Where calls are made; each ends with `why` as soon as that is said."""

    def __init__(self, why: str = "") -> None:
        self.why = why
        self.calls: list[tuple[str, str]] = []
        self.hung_up = 0

    def dial(self, item: str, port: str) -> Line:
        self.calls.append((item, port))
        return self

    @property
    def interface(self) -> str:
        return "ppp-net"

    def ended(self) -> str:
        return self.why

    def hang_up(self) -> None:
        self.hung_up += 1


def dialer(line: Line, heard: list[Event], **more: Any) -> Dialer:
    modem = Modem(name="net", port="/dev/ttyUSB2", internet_access=True, apn="internet", apn_username="wap")
    settings: dict[str, Any] = {"redial": (0.05, 0.1), "look": 0.05} | more
    return Dialer(ModemSpec.of("net", modem, Sms()), CLOCK, heard.append, line.dial, **settings)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_call_that_fails_says_why_and_is_dialled_again() -> None:
    line = Line("the operator refused user name or password")
    calling = dialer(line, [])
    calling.start()
    try:
        until(lambda: len(line.calls) >= 3)
        until(lambda: calling.standing.state == how.TROUBLE)
        assert "refused user name or password; dialled again in" in calling.standing.why
    finally:
        calling.stop()
        calling.join(10)
    assert line.calls[0] == ("net", "/dev/ttyUSB2")
    assert line.hung_up == len(line.calls)


def test_redialling_takes_longer_each_time() -> None:
    heard: list[Event] = []
    line = Line("the modem hung up")
    calling = dialer(line, heard, redial=(0.01, 0.02, 0.03))
    calling.start()
    try:
        until(lambda: len(line.calls) >= 6)
    finally:
        calling.stop()
        calling.join(10)
    said = [one.why for one in heard if isinstance(one, ModemState) and one.state == how.TROUBLE]
    assert [why.rpartition(" in ")[2] for why in said[:5]] == [
        "0.01 s",
        "0.02 s",
        "0.03 s",
        "0.03 s",
        "0.03 s",
    ]
    assert REDIAL == (5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


def test_a_port_that_is_gone_is_said_and_tried_again() -> None:
    tried = []

    def dial(item: str, port: str) -> Line:
        tried.append(port)
        raise OSError(f"the port {port} is not there")

    line = Line()
    line.dial = dial  # type: ignore[method-assign]
    calling = dialer(line, [])
    calling.start()
    try:
        until(lambda: len(tried) >= 2 and calling.standing.state == how.TROUBLE)
        assert calling.standing.why.startswith("the port /dev/ttyUSB2 is not there; dialled again in")
        calling.seen_at("/dev/ttyUSB9")
        until(lambda: "/dev/ttyUSB9" in tried)
    finally:
        calling.stop()
        calling.join(10)


def test_a_modem_that_is_switched_off_hangs_up() -> None:
    line = Line()
    calling = dialer(line, [])
    calling.start()
    until(lambda: line.calls)
    calling.stop()
    calling.join(20)
    assert line.hung_up == 1
    assert calling.standing.state == how.OFF


def test_status_and_traffic_of_a_connection_are_shown(tmp_path: Path) -> None:
    sysfs = tmp_path / "net"
    calling = dialer(Line(), [], sysfs=sysfs)
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
        self.now: Literal["up", "coming", "down"] = "down"

    def connect(self, card: str, apn: str, username: str, password: str, metric: int) -> None:
        self.calls.append(("connect", card, apn, username, metric))
        self.now = "coming"

    def state(self, card: str) -> Literal["up", "coming", "down"]:
        return self.now

    def disconnect(self, card: str) -> None:
        self.calls.append(("disconnect", card))


def test_a_stick_with_a_network_card_goes_through_network_manager(tmp_path: Path) -> None:
    nm = Nm()
    figures = tmp_path / "wwan0" / "statistics"
    figures.mkdir(parents=True)
    (figures / "rx_bytes").write_text("5000\n")
    calling = dialer(Line(), [], link=nm, card_of=lambda port: "wwan0", sysfs=tmp_path)
    calling.start()
    until(lambda: len(nm.calls) == 1)
    assert calling.standing.state == how.CONNECTING  # it takes its time
    nm.now = "up"
    until(lambda: calling.standing.state == how.READY)
    (figures / "rx_bytes").write_text("5700\n")
    until(lambda: calling.standing.internet and calling.standing.internet.received == 700)
    nm.now = "down"  # the network ended it: connected again
    until(lambda: len(nm.calls) >= 3)
    calling.stop()
    calling.join(20)
    assert nm.calls[:3] == [
        ("connect", "wwan0", "internet", "wap", 700),
        ("disconnect", "wwan0"),
        ("connect", "wwan0", "internet", "wap", 700),
    ]
    assert nm.calls[-1] == ("disconnect", "wwan0")


def test_a_modem_that_gives_internet_access_is_not_used_for_sms(yard: Yard) -> None:
    calling = dialer(Line(), [])
    assert calling.lane(10.0) is None
    with pytest.raises(NotSent, match="carries no messages"):
        calling.submit(parcel())
    yard.simulated("a")
    yard.use("a", internet_access=True)
    yard.until(lambda: yard.fleet.listing()["a"]["connected"])
    assert yard.lanes() == set()


# -- the modem before the call --------------------------------------------------------------------------


def test_its_pin_is_given_once_and_the_port_is_free_for_whoever_dials(yard: Yard) -> None:
    sim = yard.simulated("a", make="huawei")
    sim.card.pin = "4711"
    line = Line()
    calling = found(yard, line, sim_pin="4711")
    calling.start()
    try:
        until(lambda: line.calls)
        assert sim.card.verified and sim.card.tries == 3
        identity = calling.standing.identity
        assert identity is not None and identity.iccid == sim.card.iccid
        assert calling.standing.operator == "TSEL" and calling.standing.signal.rssi is not None
        port = line.calls[0][1]
        assert yard.fleet.ports.in_use(port)  # nobody looks for another modem there meanwhile
        GsmModem.open(port).close()  # what holds it is only our word: pppd can open it
    finally:
        calling.stop()
        calling.join(20)
    assert not yard.fleet.ports.in_use(port)


def test_a_refused_pin_is_not_given_again_at_the_next_call(yard: Yard) -> None:
    sim = yard.simulated("a")
    sim.card.pin = "4711"
    line = Line()
    calling = found(yard, line, sim_pin="1111")
    calling.start()
    try:
        until(lambda: "refused before" in calling.standing.why)
        assert sim.card.tries == 2 and line.calls == []
    finally:
        calling.stop()
        calling.join(20)


def test_a_card_gets_init_strings_and_access_point_from_the_modem_before_it_connects(yard: Yard) -> None:
    sim = yard.simulated("a", make="huawei")
    sim.faults = ear = Ear()
    nm = Nm()
    calling = found(yard, Line(), link=nm, card_of=lambda port: "wwan0", init_dial_2="AT^CURC=0")
    calling.start()
    try:
        until(lambda: nm.calls)
        assert sim.access_point == '1,"IP","internet"'
        assert ear.heard["ATZ"] < ear.heard['AT+CGDCONT=1,"IP","internet"']
    finally:
        calling.stop()
        calling.join(20)


def found(yard: Yard, line: Line, link: Nm | None = None, card_of: Any = None, **fields: Any) -> Dialer:
    """A dialer whose modem is found and unlocked first."""
    port = f"sim://{yard.name}-a"
    modem = Modem(name="net", port=port, internet_access=True, apn="internet", **fields)
    spec = ModemSpec.of("net", modem, Sms())
    finder = Finder(spec, yard.fleet.ports, yard.memory)
    more: dict[str, Any] = {"link": link, "card_of": card_of or (lambda port: "")}
    return Dialer(
        spec, CLOCK, yard.heard.append, line.dial, finder=finder, redial=(0.05, 0.1), look=0.05, **more
    )
