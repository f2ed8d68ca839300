"""Mobile internet, the modems' side: a call is made, watched and made again; its modem carries nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import NotSent
from app.core.events import Event
from app.modems import standing as how
from app.modems.dialer import Dialer
from app.modems.spec import ModemSpec
from app.settings.modems import Modem
from app.settings.sms import Sms
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
        self.up = False

    def connect(self, card: str, apn: str, username: str, password: str, metric: int | None) -> None:
        self.calls.append(("connect", card, apn, username, metric))
        self.up = True

    def connected(self, card: str) -> bool:
        return self.up

    def disconnect(self, card: str) -> None:
        self.calls.append(("disconnect", card))


def test_a_stick_with_a_network_card_goes_through_network_manager() -> None:
    nm = Nm()
    calling = dialer(Line(), [], link=nm, card_of=lambda port: "wwan0")
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


def test_a_modem_that_gives_internet_access_is_not_used_for_sms(yard: Yard) -> None:
    calling = dialer(Line(), [])
    assert calling.lane() is None
    with pytest.raises(NotSent, match="carries no messages"):
        calling.submit(parcel())
    yard.simulated("a")
    yard.use("a", internet_access=True)
    yard.until(lambda: yard.fleet.listing()["a"]["connected"])
    assert yard.lanes() == set()
