"""The simulated modem by itself: bytes in, bytes out, with a clock the test moves."""

from __future__ import annotations

import pytest

from hw.sim.faults import Fault
from hw.sim.modem import SimModem
from hw.sim.plugs import Plugs, imei_of

#: SMS-SUBMIT to +6281000000 in the default alphabet: "hellohello" (TS 23.040's layout, written by hand).
PDU = "0011000A9126180000000000AA0AE8329BFD4697D9EC37"
LENGTH = 22


class Clock:
    """Steady time in the test's hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def modem(clock: Clock) -> SimModem:
    modem = SimModem("m", steady=clock)
    tell(modem, "ATE0")
    tell(modem, "AT+CMGF=0")
    return modem


def tell(modem: SimModem, text: str, ending: str = "\r") -> str:
    """What the modem says at once to a line."""
    modem.receive((text + ending).encode("latin-1"))
    return modem.take(modem.steady()).decode("latin-1")


def test_it_echoes_until_it_is_told_not_to() -> None:
    modem = SimModem("m")
    assert tell(modem, "AT") == "AT\r\r\nOK\r\n"
    assert tell(modem, "ATE0") == "ATE0\r\r\nOK\r\n"
    assert tell(modem, "AT") == "\r\nOK\r\n"


def test_a_message_takes_a_prompt_and_a_body(modem: SimModem) -> None:
    assert tell(modem, f"AT+CMGS={LENGTH}") == "\r\n> "
    assert tell(modem, PDU, "\x1a") == "\r\n+CMGS: 1\r\n\r\nOK\r\n"
    (received,) = modem.air.inbox()
    assert (received.number, received.text, received.parts) == ("+6281000000", "hellohello", 1)
    assert modem.counts.round_trips == 4


def test_the_length_is_checked(modem: SimModem) -> None:
    tell(modem, f"AT+CMGS={LENGTH + 1}")
    assert tell(modem, PDU, "\x1a") == "\r\n+CMS ERROR: 304\r\n"
    assert modem.counts.wrong_lengths == 1 and modem.air.inbox() == []


def test_escape_leaves_the_prompt(modem: SimModem) -> None:
    tell(modem, f"AT+CMGS={LENGTH}")
    assert tell(modem, PDU[:10], "\x1b") == "\r\nOK\r\n"
    assert modem.counts.bodies == 0


def test_a_body_without_a_prompt_is_noticed(modem: SimModem) -> None:
    assert tell(modem, PDU) == ""
    assert (modem.counts.strays, modem.counts.stray_pdus) == (1, 1)
    tell(modem, "AT+CSQ;+CFUN=0")
    assert modem.counts.joined == 1


def test_a_message_takes_its_time_and_is_on_air_before_the_answer(modem: SimModem, clock: Clock) -> None:
    modem.delay = 0.2
    tell(modem, f"AT+CMGS={LENGTH}")
    assert tell(modem, PDU, "\x1a") == ""
    assert modem.next_due() == pytest.approx(100.2)
    clock.now = 100.199
    assert modem.take(clock.now) == b""
    clock.now = 100.2
    assert modem.take(clock.now) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    assert len(modem.air.inbox()) == 1


def test_a_command_before_the_answer_to_the_last_is_counted(modem: SimModem) -> None:
    modem.command_delay = 0.5
    tell(modem, "AT+CSQ")
    tell(modem, "AT+CSQ")
    assert modem.counts.overlaps == 1


def test_three_wrong_pins_block_the_card() -> None:
    modem = SimModem("m")
    modem.card.pin = "1234"
    tell(modem, "ATE0")
    tell(modem, "AT+CMEE=1")
    assert tell(modem, "AT+CPIN?") == "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"
    assert tell(modem, "AT+CIMI") == "\r\n+CME ERROR: 11\r\n"
    for _ in range(2):
        assert tell(modem, 'AT+CPIN="0000"') == "\r\n+CME ERROR: 16\r\n"
    assert tell(modem, 'AT+CPIN="0000"') == "\r\n+CME ERROR: 12\r\n"
    assert tell(modem, "AT+CPIN?") == "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n"
    assert tell(modem, 'AT+CPIN="12345678","4321"') == "\r\nOK\r\n"
    assert (modem.card.pin, modem.card.tries) == ("4321", 3)


def test_the_pin_lock_is_switched_and_changed(modem: SimModem) -> None:
    assert tell(modem, 'AT+CLCK="SC",2') == "\r\n+CLCK: 0\r\n\r\nOK\r\n"
    assert tell(modem, 'AT+CLCK="SC",1,"1234"') == "\r\nOK\r\n"
    assert tell(modem, 'AT+CPWD="SC","1234","9999"') == "\r\nOK\r\n"
    assert tell(modem, 'AT+CLCK="SC",0,"1234"') == "\r\nERROR\r\n"
    assert tell(modem, 'AT+CLCK="SC",0,"9999"') == "\r\nOK\r\n"
    assert modem.card.pin is None


def test_a_script_happens_once_and_where_it_was_told(modem: SimModem) -> None:
    modem.faults.add(Fault("body", "refuse", final="+CMS ERROR: 500", number="+6281000000", skip=1))
    answers = []
    for _ in range(3):
        tell(modem, f"AT+CMGS={LENGTH}")
        answers.append(tell(modem, PDU, "\x1a").split()[0])
    assert answers == ["+CMGS:", "+CMS", "+CMGS:"]


def test_the_imei_is_written_where_the_family_has_a_command() -> None:
    modem = SimModem("m", make="quectel")
    tell(modem, "ATE0")
    assert tell(modem, 'AT+EGMR=1,7,"352099001761481"') == "\r\nOK\r\n"
    assert modem.imei == "352099001761481"
    assert tell(modem, 'AT+EGMR=1,7,"35209900176148"') == "\r\nERROR\r\n"
    stick = SimModem("h", make="huawei")
    tell(stick, "ATE0")
    assert tell(stick, 'AT+EGMR=1,7,"352099001761481"') == "\r\nERROR\r\n"


def test_an_incoming_message_is_shown_as_the_host_asked(modem: SimModem) -> None:
    modem.sms_in("+62855", "stored in silence")
    assert modem.take(modem.steady()) == b""
    tell(modem, "AT+CNMI=2,1,0,0,0")
    modem.sms_in("+62855", "announced")
    assert modem.take(modem.steady()) == b'\r\n+CMTI: "SM",2\r\n'
    tell(modem, "AT+CNMI=2,2,0,0,0")
    modem.sms_in("+62855", "direct")
    assert modem.take(modem.steady()).startswith(b"\r\n+CMT: ,")
    assert sorted(modem.card.kept) == [1, 2]


def test_names_get_modems_of_their_own_and_pulled_ones_stay_away() -> None:
    plugs = Plugs()
    one, two = plugs.at("sim://one?family=huawei&delay_ms=200&pin=1234"), plugs.at("sim://two")
    assert one is not None and two is not None
    assert (one.family.name, one.delay, one.card.pin) == ("huawei", 0.2, "1234")
    assert one.imei != two.imei and one.card.iccid != two.card.iccid
    assert plugs.at("sim://one") is one
    plugs.unplug("one")
    assert plugs.at("sim://one") is None
    with pytest.raises(ValueError, match="no family"):
        plugs.at("sim://three?family=nokia")


@pytest.mark.parametrize(("index", "imei"), [(0, "001015000000007"), (1, "001015000000015")])
def test_simulated_imeis_have_a_right_check_digit(index: int, imei: str) -> None:
    assert imei_of(index) == imei
