"""Starting a modem: each family's ways, PIN, a SIM that takes its time."""

from __future__ import annotations

import logging
import time

import pytest

from hw.errors import AtTimeout, PinKeptBack, PinNeeded, PinRefused, SimBlocked, SimMissing
from hw.gsm.start import nearest_news
from hw.sim.families import FAMILIES
from hw.sim.faults import Fault, FaultBook, When
from hw.sim.modem import SimModem
from hw.sim.plugs import plugs
from tests.hw.gsm.bench import NUMBER, Bench, message

_DIALECT_OF = {
    "generic": "generic",
    "sim800": "SIM800",
    "sim7600": "SIM7600",
    "huawei": "Huawei",
    "quectel": "Quectel",
    "zte": "ZTE",
    "wavecom": "Wavecom",
    "mediatek": "MediaTek",
}


class Ear(FaultBook):
    """Never a fault; when each command was heard last (steady seconds)."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, float] = {}
        self.said: list[str] = []

    def take(self, when: When, *, command: str = "", number: str = "") -> Fault | None:
        self.heard[command] = time.monotonic()
        self.said.append(command)
        return None


class Record:
    """A record of PINs that says what the test says and keeps what it is asked."""

    def __init__(self, why: str) -> None:
        self._why = why
        self.asked: list[tuple[str | None, int | None]] = []
        self.silent: list[str | None] = []

    def kept_back(self, iccid: str | None, tries: int | None) -> str:
        self.asked.append((iccid, tries))
        return self._why

    def unanswered(self, iccid: str | None) -> None:
        self.silent.append(iccid)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_started_and_used_through_its_noise(family: str, bench: Bench) -> None:
    behind = SimModem("noisy", make=family, noise_every=1)
    behind.card.pin = "1234"
    plugs.plug_in(f"noisy-{family}", behind)
    noisy = Bench(f"sim://noisy-{family}", behind, opened=bench.opened)
    modem = noisy.open()
    identity = modem.start("1234")
    assert identity.dialect.name == _DIALECT_OF[family]
    assert identity.iccid == "8962100000000000017"
    assert identity.imei == "490154203237518"
    assert (identity.smsc, identity.msisdn) == ("+6281100000", "+62811000001")
    assert identity.news == "2,1,0,1,0"
    assert identity.store is not None and identity.store.name == behind.stores[0]
    modem.send_sms(message("Kode: 123456 [Ä]"))
    assert [received.text for received in behind.air.inbox(NUMBER)] == ["Kode: 123456 [Ä]"]
    assert modem.request_ussd("*888#").text == "Your balance is Rp 25.000."
    behind.sms_in("+6281355550000", "Halo")
    assert len(modem.list_sms()) == 1
    assert behind.stray_lines == []


def test_the_pin_is_given_once(bench: Bench) -> None:
    bench.modem_behind.card.pin = "4321"
    bench.open().start("4321")
    assert bench.modem_behind.counts.pins == 1


def test_a_refused_pin_is_not_given_again(bench: Bench) -> None:
    card = bench.modem_behind.card
    card.pin = "4321"
    modem = bench.open()
    with pytest.raises(PinRefused) as refused:
        modem.start("1111")
    assert refused.value.iccid is None or refused.value.iccid == card.iccid
    record = Record("It was refused before.")
    with pytest.raises(PinKeptBack, match="refused before"):
        modem.start("1111", record)
    assert len(record.asked) == 1
    assert (card.tries, bench.modem_behind.counts.pins) == (2, 1)


@pytest.mark.parametrize("family", ["sim800", "huawei", "quectel", "zte"])
def test_the_last_try_of_a_card_is_never_spent(bench: Bench, family: str) -> None:
    behind = SimModem("careful", make=family)
    behind.card.pin, behind.card.tries = "4321", 1
    plugs.plug_in(f"careful-{family}", behind)
    record = Record("")
    with pytest.raises(PinKeptBack, match="one try left"):
        Bench(f"sim://careful-{family}", behind, opened=bench.opened).open().start("4321", record)
    assert [tries for _, tries in record.asked] == [1]
    assert (behind.card.tries, behind.counts.pins) == (1, 0)


def test_a_pin_that_is_met_with_silence_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.modem_behind.card.pin = "4321"
    bench.modem_behind.faults.add(Fault("command", "silence", command="AT+CPIN="))
    monkeypatch.setattr("hw.at.channel.patience", lambda command: 0.5)
    record = Record("")
    with pytest.raises(AtTimeout):
        bench.open().start("4321", record)
    assert len(record.silent) == 1


def test_a_locked_sim_without_a_configured_pin(bench: Bench) -> None:
    bench.modem_behind.card.pin = "4321"
    with pytest.raises(PinNeeded):
        bench.open().start()
    assert bench.modem_behind.counts.pins == 0


def test_a_blocked_sim_gets_no_pin(bench: Bench) -> None:
    bench.modem_behind.card.pin, bench.modem_behind.card.tries = "4321", 0
    with pytest.raises(SimBlocked):
        bench.open().start("4321")
    assert bench.modem_behind.counts.pins == 0


def test_a_missing_sim(bench: Bench) -> None:
    bench.modem_behind.faults.add(Fault("command", "refuse", final="+CME ERROR: 10", command="AT+CPIN?"))
    with pytest.raises(SimMissing):
        bench.open().start()


@pytest.mark.parametrize("pin", [None, "1234"])
def test_a_sim_that_is_busy_is_waited_for(bench: Bench, pin: str | None) -> None:
    behind = bench.modem_behind
    behind.card.pin, behind.ready_delay = pin, 0.7
    behind.power_up()
    assert bench.open().start(pin).imsi == behind.card.imsi


def test_a_sim_that_stays_busy_is_given_up(bench: Bench) -> None:
    behind = bench.modem_behind
    behind.ready_delay = 3600.0
    behind.power_up()
    with pytest.raises(SimMissing, match="did not become ready"):
        bench.open().start(patience=0.5)


def test_a_modem_that_was_left_in_the_prompt_is_freed(bench: Bench) -> None:
    modem = bench.started()
    modem.ask("ATE1")
    modem.close()
    behind = bench.modem_behind
    behind.receive(b"AT+CMGS=23\r0011")
    bench.started().send_sms(message("clean"))
    assert [received.text for received in behind.air.inbox()] == ["clean"]


def test_the_start_asks_in_order_and_never_resets_to_a_profile(bench: Bench) -> None:
    modem = bench.modem_behind
    modem.faults = ear = Ear()
    modem.family = FAMILIES["huawei"]
    modem.card.pin = "1234"
    modem.power_up()
    bench.open().start("1234")
    assert ear.said == [
        "AT",
        "ATE0",
        "ATV1Q0",
        "AT+CMEE=1",
        "AT+CGMI",
        "AT+CGMM",
        "AT+CGMR",
        "AT+CGSN",
        "AT^CURC=0",
        "AT+CPIN?",
        "AT^ICCID?",
        "AT+CCID",  # both are refused while the card is locked
        "AT^CPIN?",  # how many tries are left
        'AT+CPIN="1234"',
        "AT+CPIN?",
        "AT^ICCID?",
        "AT+CIMI",
        "AT+CSCS?",
        "AT+CNUM",
        "AT+CSCA?",
        "AT+CMGF=0",
        "AT+CPMS=?",
        'AT+CPMS="ME","ME","ME"',
        'AT+CPMS="SM","SM","SM"',
        'AT+CPMS="ME","ME","ME"',  # the largest; of equals the modem's own
        "AT+CNMI=?",
        "AT+CNMI=2,1,0,1,0",
        "AT+CREG=1",
        "AT+COPS?",
        "AT+CMMS=2",
    ]


def test_sms_commands_wait_until_the_family_says_that_they_work(bench: Bench) -> None:
    """A SIM800 refuses everything about SMS, without saying busy, until its line SMS Ready."""
    modem = bench.modem_behind
    modem.family = FAMILIES["sim800"]
    modem.faults.add(Fault("command", "refuse", command="AT+CPMS=?", times=3))
    identity = bench.open().start()
    assert identity.store is not None and identity.store.name == "SM"
    assert identity.news == "2,1,0,1,0"


def test_a_family_that_guesses_its_rate_is_held_to_the_one_of_the_settings(bench: Bench) -> None:
    modem = bench.modem_behind
    modem.faults = ear = Ear()
    modem.family = FAMILIES["sim800"]
    bench.open().start(baud=57600)
    assert "AT+IPR=57600" in ear.heard
    ear.heard.clear()
    modem.family = FAMILIES["quectel"]
    bench.opened[0].start(baud=57600)
    assert not [line for line in ear.heard if "IPR" in line]


def test_a_profile_keeps_the_store_and_leaves_the_service_centre_alone(bench: Bench) -> None:
    """A ZTE loses the service centre's number on AT+CSMP, and reads from SM alone."""
    modem = bench.modem_behind
    modem.faults = ear = Ear()
    modem.family = FAMILIES["zte"]
    bench.started().send_sms(message("hello"))
    assert [line for line in ear.said if line.startswith("AT+CPMS=")] == [
        "AT+CPMS=?",
        'AT+CPMS="SM","SM","SM"',
    ]
    assert not [line for line in ear.said if line.startswith(("AT+CSMP", "AT+CSCA="))]


def test_the_reports_of_a_sim7600_are_asked_for_directly(bench: Bench) -> None:
    """What +CDSI names cannot be read on it, so that the fourth field of AT+CNMI must be 1."""
    modem = bench.modem_behind
    modem.family = FAMILIES["sim7600"]
    assert bench.open().start().news == "2,1,0,1,0"


def test_news_of_a_quectel_go_to_the_port_that_is_open_and_its_own_store_is_used(bench: Bench) -> None:
    modem = bench.modem_behind
    modem.faults = ear = Ear()
    modem.family = FAMILIES["quectel"]
    identity = bench.open().start()
    assert 'AT+QURCCFG="urcport","usbat"' in ear.said
    assert identity.store is not None and identity.store.name == "ME"


def test_a_slow_family_gets_a_pause_between_two_commands(bench: Bench) -> None:
    modem = bench.modem_behind
    modem.faults = ear = Ear()
    modem.family = FAMILIES["wavecom"]
    identity = bench.open().start()
    before = ear.heard["AT+CGSN"]  # who it is must be known first
    assert ear.heard["AT+WIND=0"] - before >= identity.dialect.pause == 0.02


def test_every_step_may_be_refused(bench: Bench) -> None:
    for command in (
        "ATE0",
        "ATV1",
        "AT+CMEE",
        "AT+CG",
        "AT+CIMI",
        "AT+CNUM",
        "AT+CSCA",
        "AT+CREG=",
        "AT+CMMS",
    ):
        bench.modem_behind.faults.add(Fault("command", "refuse", command=command, times=9))
    identity = bench.open().start()
    assert (identity.manufacturer, identity.imei, identity.imsi, identity.smsc) == ("", None, None, None)
    assert identity.dialect.name == "generic"


@pytest.mark.parametrize(
    ("supported", "news"),
    [
        ([[2], [0, 1, 3], [0, 2], [0, 1], [0]], "2,1,0,1,0"),
        ([[0, 1], [0, 1, 3], [0], [0, 2], [1]], "1,1,0,2,1"),
        ([[0, 1, 2], [0, 2], [0], [0], [0, 1]], "2,2,0,0,0"),
        ([[3], [1]], "3,1"),
        ([], None),
        ([[], []], None),
    ],
)
def test_the_nearest_news_that_a_modem_admits(supported: list[list[int]], news: str | None) -> None:
    assert nearest_news(supported) == news


def test_neither_messages_nor_pins_nor_ussd_reach_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    behind = bench.modem_behind
    behind.card.pin = "4719"
    behind.menu["*777*31#"] = "Saldo rahasia 90210"
    modem = bench.open()
    modem.start("4719")
    parts = message("Kode rahasia 835162")
    modem.send_sms(parts)
    behind.sms_in("+6281355550000", "Balasan rahasia 447755")
    (entry,) = modem.list_sms()
    assert entry.pdu is not None and modem.read_sms(1) is not None
    modem.ask("AT+CNMI=2,2,0,1,0")
    behind.sms_in("+6281355550000", "Langsung rahasia 112233")
    modem.request_ussd("*777*31#")
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "AT+CMGS=" in logged and "+CMGS: 1" in logged
    for secret in ("4719", "rahasia", "835162", "90210", "777", parts[0].hex, entry.pdu, entry.pdu[24:60]):
        assert secret not in logged
