"""The life of a modem on every kind of port: simulated, a pseudo-terminal, a real one at OTPPI_TEST_PORT."""

from __future__ import annotations

import pytest

from hw.errors import HwError
from hw.gsm.events import ModemRestarted
from hw.gsm.imei import is_valid
from hw.gsm.locks import sim_lock
from hw.gsm.probe import detect_baud, probe
from tests.hw.gsm.bench import Bench, message


def test_a_probe_tells_who_is_there_and_changes_nothing_that_matters(bench: Bench) -> None:
    found = probe(bench.url)
    assert found.imei is not None and is_valid(found.imei)
    assert found.manufacturer and found.sim
    assert bench.started().identity is not None


def test_the_baud_rate_at_which_it_answers_is_found(bench: Bench) -> None:
    assert detect_baud(bench.url) is not None


def test_who_it_is_can_be_asked_before_it_is_started(bench: Bench) -> None:
    modem = bench.open()
    imei = modem.who()
    assert imei is not None and is_valid(imei)
    assert modem.start().imei == imei


def test_a_port_that_was_opened_anew_goes_on_without_starting_again(bench: Bench) -> None:
    first = bench.started()
    known = first.identity
    assert known is not None
    first.close()
    again = bench.open()
    assert again.take_up(known) is known
    assert again.registration().stat is not None
    if bench.sim is not None:
        bench.sim.air.clear()
        assert again.send_sms(message("after reopening")) == [1]
        assert [one.text for one in bench.sim.air.inbox()] == ["after reopening"]


def test_another_modem_at_the_port_is_not_taken_up(bench: Bench) -> None:
    first = bench.started()
    known = first.identity
    first.close()
    bench.modem_behind.imei = "356938035643809"
    assert known is not None
    with pytest.raises(HwError, match="Another modem"):
        bench.open().take_up(known)


def test_a_modem_that_forgot_its_settings_is_announced_when_it_is_taken_up(bench: Bench) -> None:
    first = bench.started()
    known = first.identity
    first.close()
    bench.modem_behind.power_up()
    assert known is not None
    bench.open().take_up(known)
    bench.event(ModemRestarted)


def test_the_lock_of_the_sim_is_told(bench: Bench) -> None:
    lock = sim_lock(bench.started())
    assert lock.state == "READY"
    assert lock.tries is None or 0 < lock.tries <= 3


def test_a_radio_cycle_brings_the_modem_back(bench: Bench) -> None:
    modem = bench.started()
    modem.reset("radio")
    assert modem.start().imei is not None
