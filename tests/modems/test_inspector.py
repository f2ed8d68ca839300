"""The device inspector: known modems under another name, unknown ones offered, useless sticks named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.digest import KeyedDigest
from app.core.events import Events, ModemFound, StickUnusable
from app.exchange import Exchange
from app.modems.inspector import Inspector
from app.modems.ladder import Patience
from app.settings.general import General
from app.settings.store import SettingsStore
from app.store.database import Database
from app.store.modems import ModemMemory
from hw.gsm.probe import Found, at_interfaces, detect_baud, probe, probe_stick
from hw.ports import Line
from hw.serialports import SerialPort, at_ports
from hw.sim.card import numbered
from hw.sim.modem import SimModem
from hw.sim.plugs import imei_of, plugs
from hw.sim.pty import SimPtys
from hw.sticks import Stick, sticks
from tests.modems.yard import CLOCK, Yard


class Street:
    """USB sockets with simulated modems on pseudo-terminals, and the inspector that looks at them."""

    def __init__(self, folder: Path, yard: Yard, ptys: SimPtys) -> None:
        self.yard = yard
        self.sticks: dict[str, Stick] = {}
        self._dev = folder / "dev"
        self._dev.mkdir()
        self._ptys = ptys
        self.inspector = Inspector(yard.fleet, yard.heard.append, CLOCK, lambda: list(self.sticks.values()))

    def plug(self, socket: str, modem: SimModem, *names: str, usb: str = "1e0e:9001") -> None:
        """Plug a stick with these ttys in; the last one is where the modem speaks AT."""
        modem.air = self.yard.air
        ports = []
        for interface, name in enumerate(names):
            path = self._dev / name
            if name == names[-1]:
                self._ptys.plug_in(modem, path)
            else:
                mute = SimModem(f"mute {name}")
                mute.deaf = True
                self._ptys.plug_in(mute, path)
            ports.append(SerialPort(str(path), usb, socket, interface, "SIMCom", "SIM7600"))
        self.sticks[socket] = Stick(socket, tuple(ports), usb)

    def pull(self, socket: str, modem: SimModem) -> None:
        self._ptys.unplug(modem)
        del self.sticks[socket]

    def path(self, name: str) -> str:
        return str(self._dev / name)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with SimPtys() as ptys:
        yard = Yard(tmp_path, patience=Patience(missing=0.05))
        yield Street(tmp_path, yard, ptys)
        yard.close()


def test_an_unknown_modem_is_offered_with_all_fields_filled_in(street: Street) -> None:
    modem = SimModem("new", make="sim7600", card=numbered(5), imei=imei_of(5))
    street.plug("1-1.2", modem, "ttyUSB0", "ttyUSB1", "ttyUSB2")
    street.inspector.inspect()
    (offer,) = street.inspector.offers()
    assert offer.socket == "1-1.2"
    assert offer.fields == {
        "port": street.path("ttyUSB2"),
        "baud_rate": 115200,
        "manufacturer": "SIMCOM INCORPORATED",
        "model": "SIMCOM_SIM7600E-H",
        "revision": "LE20B04SIM7600M22",
        "imei": imei_of(5),
        "imsi": "510100000000005",
        "iccid": "8962100000000000005",
        "operator": "TSEL",
        "msisdn": "+62811000005",
        "sms_centre": "+6281100000",
    }
    (told,) = [one for one in street.yard.heard if isinstance(one, ModemFound)]
    assert told.port == street.path("ttyUSB2") and "SIM7600" in told.name


def test_an_offer_that_was_taken_over_or_pulled_is_gone(street: Street) -> None:
    first = SimModem("a", card=numbered(5), imei=imei_of(5))
    second = SimModem("b", card=numbered(6), imei=imei_of(6))
    street.plug("1-1.2", first, "ttyUSB0")
    street.plug("1-1.3", second, "ttyUSB1")
    street.inspector.inspect()
    assert len(street.inspector.offers()) == 2
    street.yard.use("a", port=street.path("ttyUSB0"))
    street.pull("1-1.3", second)
    street.inspector.inspect()
    assert street.inspector.offers() == []


def test_a_known_modem_is_taken_up_again_under_whatever_name_it_came_back(street: Street) -> None:
    yard = street.yard
    modem = SimModem("a", card=numbered(5), imei=imei_of(5))
    street.plug("1-1.2", modem, "ttyUSB0")
    yard.use("a", port=street.path("ttyUSB0"))
    yard.until(yard.lanes)
    street.pull("1-1.2", modem)
    yard.until(lambda: not yard.lanes())
    modem.power_up()
    street.plug("1-1.4", modem, "ttyACM7")  # another kind of name: only its IMEI tells
    street.inspector.inspect()
    yard.until(yard.lanes)
    assert yard.fleet.listing()["a"]["port"] == street.path("ttyACM7")
    assert street.inspector.offers() == []


def test_a_modem_that_asks_for_its_pin_is_offered_without_its_sim(street: Street) -> None:
    card = numbered(5)
    card.pin = "1234"
    street.plug("1-1.2", SimModem("locked", card=card, imei=imei_of(5)), "ttyUSB0")
    street.inspector.inspect()
    (offer,) = street.inspector.offers()
    assert offer.fields["imei"] == imei_of(5) and offer.fields["imsi"] == ""
    assert card.tries == 3


def test_a_hilink_stick_is_named_with_what_to_do(street: Street, tmp_path: Path) -> None:
    device = tmp_path / "sys" / "bus" / "usb" / "devices" / "1-1.3"
    device.mkdir(parents=True)
    (device / "idVendor").write_text("12d1\n")
    (device / "idProduct").write_text("14dc\n")
    (stick,) = sticks(tmp_path / "sys", tmp_path / "dev")
    street.sticks["1-1.3"] = stick
    street.inspector.inspect()
    street.inspector.inspect()
    (notice,) = street.inspector.notices()
    assert notice.what == "Huawei stick in HiLink mode" and "no AT port" in notice.advice
    assert len([one for one in street.yard.heard if isinstance(one, StickUnusable)]) == 1


def test_a_stick_in_cdrom_mode_is_named_until_it_turned_into_a_modem(street: Street, tmp_path: Path) -> None:
    device = tmp_path / "sys" / "bus" / "usb" / "devices" / "1-1.3"
    device.mkdir(parents=True)
    (device / "idVendor").write_text("12d1\n")
    (device / "idProduct").write_text("1f01\n")
    (street.sticks["1-1.3"],) = sticks(tmp_path / "sys", tmp_path / "dev")
    street.inspector.inspect()
    assert "usb_modeswitch" in street.inspector.notices()[0].advice
    street.plug("1-1.3", SimModem("a", make="huawei", imei=imei_of(5)), "ttyUSB0", usb="12d1:1001")
    street.inspector.inspect()
    assert street.inspector.notices() == [] and len(street.inspector.offers()) == 1


def test_a_modem_at_work_is_not_disturbed(street: Street) -> None:
    modem = SimModem("a", card=numbered(5), imei=imei_of(5))
    street.plug("1-1.2", modem, "ttyUSB0")
    street.yard.use("a", port=street.path("ttyUSB0"))
    street.yard.until(street.yard.lanes)
    street.inspector.inspect()
    assert street.inspector.offers() == [] and modem.counts.overlaps == 0


def test_a_poke_makes_the_inspector_look_at_once_although_the_check_is_off(street: Street) -> None:
    street.inspector.every = 0
    street.inspector.start()
    try:
        street.plug("1-1.2", SimModem("a", imei=imei_of(5)), "ttyUSB0")
        street.inspector.poke()
        street.yard.until(street.inspector.offers)
    finally:
        street.inspector.stop()


def test_it_looks_by_itself_after_so_many_seconds(street: Street) -> None:
    street.inspector.every = 0.02
    street.inspector.start()
    try:
        street.plug("1-1.2", SimModem("a", imei=imei_of(5)), "ttyUSB0")
        street.yard.until(street.inspector.offers)
    finally:
        street.inspector.stop()


@pytest.mark.parametrize("seconds", [0, 2, 5, 10, 30])
def test_its_seconds_are_those_of_the_settings(tmp_path: Path, seconds: int) -> None:
    store = SettingsStore(tmp_path)
    store.save(General, General(inspect_modem_connection=seconds))
    database = Database(tmp_path / "state.db")
    memory = ModemMemory(database, KeyedDigest(bytes(32)))
    exchange = Exchange(database, memory, CLOCK, Events(), lambda call: None)  # type: ignore[arg-type, return-value]
    exchange.apply(store.load().settings)
    assert exchange.inspector.every == seconds
    database.close()


# -- which port, which rate -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usb", "interface"),
    [("1e0e:9001", 2), ("2c7c:0125", 2), ("12d1:1003", 1), ("19d2:0031", 1), ("19d2:0055", 4)],
)
def test_the_at_interface_is_taken_from_the_table(usb: str, interface: int) -> None:
    ports = [SerialPort(f"/dev/ttyUSB{n}", usb, "1-1", n) for n in range(6)]
    assert at_ports(ports, at_interfaces())[0].interface == interface


def test_a_stick_in_no_table_is_probed_port_by_port() -> None:
    ports = [SerialPort(f"sim://probe-{n}", "ffff:0001", "1-1", n) for n in range(3)]
    for n in range(3):
        modem = plugs.plug_in(f"probe-{n}", SimModem(f"probe-{n}", make="zte", imei=imei_of(n)))
        modem.deaf = n < 2
    found = probe_stick(ports)
    assert found is not None and found.port == "sim://probe-2" and found.model == "MF180"


def test_a_stick_whose_ports_are_all_mute_gives_nothing() -> None:
    plugs.plug_in("probe-mute", SimModem("mute")).deaf = True
    assert probe_stick([SerialPort("sim://probe-mute")]) is None
    assert probe_stick([SerialPort("/dev/no-such-tty")]) is None


@pytest.mark.parametrize("rate", [115200, 9600, 19200])
@pytest.mark.parametrize("kind", ["sim", "pty"])
def test_detect_finds_the_baud_rate_of_a_uart_modem(kind: str, rate: int) -> None:
    modem = SimModem("uart", make="wavecom")
    modem.baud = rate
    if kind == "sim":
        plugs.plug_in(f"uart-{rate}", modem)
        assert detect_baud(f"sim://uart-{rate}") == rate
        return
    with SimPtys() as ptys:
        assert detect_baud(ptys.plug_in(modem)) == rate


def test_a_port_where_nothing_answers_has_no_baud_rate() -> None:
    plugs.plug_in("uart-mute", SimModem("mute")).deaf = True
    assert detect_baud("sim://uart-mute", (115200, 9600)) is None


def test_the_baud_rate_of_the_settings_is_applied(street: Street) -> None:
    modem = SimModem("a", make="wavecom", imei=imei_of(5))
    modem.baud = 9600
    street.plug("1-1.2", modem, "ttyUSB0")
    street.yard.use("a", port=street.path("ttyUSB0"), baud_rate=9600)
    street.yard.until(street.yard.lanes)


def test_parity_and_bits_of_the_settings_reach_the_line(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a", parity="E", data_bits=7, stop_bits=2.0, baud_rate=38400)
    assert yard.specs["a"].line == Line(38400, 7, "E", 2)


def test_a_probe_tells_what_the_modem_tells() -> None:
    plugs.plug_in("probe-q", SimModem("q", make="quectel", card=numbered(3), imei=imei_of(3)))
    found = probe("sim://probe-q")
    assert isinstance(found, Found)
    assert (found.manufacturer, found.model, found.imei) == ("Quectel", "EC25", imei_of(3))
    assert (found.iccid, found.sim) == ("8962100000000000003", "READY")
