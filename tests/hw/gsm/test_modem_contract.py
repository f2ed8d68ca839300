"""What a GsmModem promises, on every kind of port: simulated, a pseudo-terminal, and a real modem."""

from __future__ import annotations

import threading

import pytest

from hw.errors import (
    AtError,
    AtTimeout,
    OutcomeUnknown,
    PartlySent,
    PortBusy,
    PortLost,
    Restarted,
    UnsafeCommand,
)
from hw.gsm.events import (
    LateReference,
    MessageArrived,
    ModemRestarted,
    PortGone,
    RegistrationChanged,
    ReportArrived,
    StoreFull,
)
from hw.gsm.imei import is_valid
from hw.gsm.pdu import Deliver, StatusReport, decode
from hw.sim.card import Kept
from hw.sim.faults import Fault
from tests.hw.gsm.bench import NUMBER, PATIENCE, SOON, Bench, message, until

LONG = "This text needs more than one part, since a part holds 153 characters of it. " * 3
UNICODE = "Kode Anda 123456 – jangan bagikan 🔐 kepada siapa pun. Код: 123456. " * 2


def texts(bench: Bench) -> list[str]:
    return [received.text for received in bench.modem_behind.air.inbox(NUMBER)]


# -- who it is ------------------------------------------------------------------------------------------


def test_start_tells_who_the_modem_is(bench: Bench) -> None:
    identity = bench.open().start()
    assert identity.imei is not None and is_valid(identity.imei)
    assert identity.iccid is not None and identity.iccid.startswith("89")
    assert identity.imsi is not None and identity.imsi.isdecimal()


def test_signal_operator_and_registration_can_be_asked(bench: Bench) -> None:
    modem = bench.started()
    signal = modem.signal()
    assert signal.value is None or -113 <= (signal.rssi or 0) <= -25
    assert modem.registration().registered
    assert modem.operator().name


def test_a_port_is_opened_by_one_only(bench: Bench) -> None:
    bench.started()
    with pytest.raises(PortBusy, match="in use"):
        bench.open()


# -- sending --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Your code is 123456.", LONG, UNICODE], ids=["short", "long", "unicode"])
def test_a_message_reaches_the_handset_as_it_was_written(bench: Bench, text: str) -> None:
    bench.modem_behind.noise_every = 1
    modem = bench.started()
    references = modem.send_sms(message(text))
    assert texts(bench) == [text]
    assert references == [1, 2, 3][: len(message(text))]


def test_a_modem_that_cannot_stop_echoing_is_understood(bench: Bench) -> None:
    bench.modem_behind.faults.add(Fault("command", "refuse", command="ATE0"))
    modem = bench.started()
    assert bench.modem_behind.echo
    assert modem.send_sms(message(LONG)) == [1, 2]
    assert texts(bench) == [LONG]
    assert modem.unknown_lines == []


@pytest.mark.parametrize("text", ["short", LONG], ids=["short", "long"])
def test_a_part_takes_exactly_two_round_trips(bench: Bench, text: str) -> None:
    modem = bench.started()
    before = bench.modem_behind.counts.round_trips
    for _ in range(5):
        modem.send_sms(message(text), more_to_follow=True)
    assert bench.modem_behind.counts.round_trips - before == 2 * 5 * len(message(text))


def test_the_ledger_is_written_after_the_prompt_and_before_the_body(bench: Bench) -> None:
    modem = bench.started()
    seen = []
    counts = bench.modem_behind.counts
    modem.send_sms(message(LONG), before_body=lambda: seen.append((counts.prompts, counts.bodies)))
    assert seen == [(1, 0)]


def test_nothing_is_sent_when_the_ledger_cannot_be_written(bench: Bench) -> None:
    modem = bench.started()

    def full() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        modem.send_sms(message("lost"), before_body=full)
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_refused_message_is_known_not_sent(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "refuse", final="+CMS ERROR: 500"))
    with pytest.raises(AtError) as refusal:
        modem.send_sms(message("refused"))
    assert (refusal.value.kind, refusal.value.code) == ("CMS", 500)
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_refused_prompt_is_known_not_sent(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("prompt", "refuse", final="+CMS ERROR: 331"))
    with pytest.raises(AtError, match="331"):
        modem.send_sms(message("refused"))
    assert texts(bench) == []


def test_no_body_is_written_without_a_prompt(bench: Bench) -> None:
    modem = bench.started(prompt_timeout=SOON)
    bench.modem_behind.faults.add(Fault("prompt", "silence"))
    with pytest.raises(AtTimeout, match="no prompt"):
        modem.send_sms(message("never"))
    assert bench.modem_behind.counts.bodies == 0
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_prompt_that_comes_too_late_is_left_again(bench: Bench) -> None:
    modem = bench.started(prompt_timeout=SOON)
    bench.modem_behind.faults.add(Fault("prompt", "late", seconds=SOON + 0.05))
    with pytest.raises(AtTimeout):
        modem.send_sms(message("never"))
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


@pytest.mark.parametrize("on_air", [True, False])
def test_silence_after_the_body_is_an_unknown_outcome(bench: Bench, on_air: bool) -> None:
    modem = bench.started(send_timeout=SOON)
    bench.modem_behind.faults.add(Fault("body", "silence", sent=on_air))
    with pytest.raises(OutcomeUnknown) as unknown:
        modem.send_sms(message("unknown"))
    assert (unknown.value.accepted, unknown.value.total) == (0, 1)
    modem.send_sms(message("clean"))
    assert texts(bench) == ["unknown", "clean"][not on_air :]


def test_an_answer_is_waited_for_as_long_as_allowed(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "late", seconds=1.5))
    assert modem.send_sms(message("late")) == [1]


def test_a_reference_after_the_timeout_is_told_and_does_not_end_the_next_command(bench: Bench) -> None:
    modem = bench.started(send_timeout=SOON)
    bench.modem_behind.faults.add(Fault("body", "late", seconds=SOON + 0.1))
    with pytest.raises(OutcomeUnknown):
        modem.send_sms(message("late"))
    modem.resync()
    assert bench.event(LateReference) == LateReference(1)
    assert modem.signal().value == 20


def test_a_modem_that_hangs_in_the_prompt_is_brought_back(bench: Bench) -> None:
    modem = bench.started(send_timeout=SOON)
    bench.modem_behind.faults.add(Fault("prompt", "wedge"))
    with pytest.raises(OutcomeUnknown):
        modem.send_sms(message("swallowed"))
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_lost_ok_does_not_lose_the_reference(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "no-ok"))
    assert modem.send_sms(message("accepted")) == [1]
    assert modem.send_sms(message("clean")) == [2]


def test_a_later_part_refused_for_the_moment_is_tried_once_more(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "refuse", final="+CMS ERROR: 42", skip=1))
    assert modem.send_sms(message(LONG)) == [1, 2]
    assert texts(bench) == [LONG]


@pytest.mark.parametrize(("final", "times"), [("+CMS ERROR: 21", 1), ("+CMS ERROR: 42", 2)])
def test_a_later_part_refused_leaves_the_message_in_pieces(bench: Bench, final: str, times: int) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "refuse", final=final, skip=1, times=times))
    with pytest.raises(PartlySent) as partly:
        modem.send_sms(message(LONG))
    assert (partly.value.accepted, partly.value.total) == (1, 2)
    assert bench.modem_behind.counts.bodies == 1 + times


def test_silence_after_a_later_part_is_an_unknown_outcome(bench: Bench) -> None:
    modem = bench.started(send_timeout=SOON)
    bench.modem_behind.faults.add(Fault("body", "silence", skip=1))
    with pytest.raises(OutcomeUnknown) as unknown:
        modem.send_sms(message(LONG))
    assert not isinstance(unknown.value, PartlySent)
    assert (unknown.value.accepted, unknown.value.total) == (1, 2)


def test_pulled_before_the_body_is_known_not_sent(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("prompt", "unplug"))
    with pytest.raises(PortLost):
        modem.send_sms(message("never"))
    assert bench.event(PortGone).reason
    with pytest.raises(PortLost):
        modem.signal()


def test_pulled_after_the_body_is_an_unknown_outcome(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("body", "unplug"))
    with pytest.raises(OutcomeUnknown):
        modem.send_sms(message("who knows"))
    bench.event(PortGone)


def test_only_messages_to_one_number_are_refused(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(
        Fault("body", "refuse", final="+CMS ERROR: 8", number="+6289900000000", times=9)
    )
    with pytest.raises(AtError, match="CMS ERROR: 8"):
        modem.send_sms(message("barred", "+6289900000000"))
    modem.send_sms(message("fine"))
    assert texts(bench) == ["fine"]


# -- trouble --------------------------------------------------------------------------------------------


def test_endless_noise_does_not_stop_messages(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.endless_noise = True
    for text in ("one", "two", "three"):
        modem.send_sms(message(text))
    assert texts(bench) == ["one", "two", "three"]


def test_a_deaf_modem_is_reported_and_used_again_when_it_hears(bench: Bench) -> None:
    modem = bench.started(prompt_timeout=SOON)
    bench.modem_behind.deaf = True
    with pytest.raises(AtTimeout):
        modem.send_sms(message("never"))
    bench.modem_behind.deaf = False
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_late_ok_does_not_end_the_next_command(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("command", "late", seconds=SOON + 0.1, command="AT+CFUN"))
    with pytest.raises(AtTimeout):
        modem.ask("AT+CFUN=1", SOON)
    assert modem.signal().value == 20
    assert modem.ask("AT+CIMI") == ("510100000000001",)


def test_a_restart_is_noticed_and_the_modem_started_again(bench: Bench) -> None:
    modem = bench.started()
    behind = bench.modem_behind
    behind.power_up()
    behind.say("RDY")
    bench.event(ModemRestarted)
    modem.start()
    modem.send_sms(message("after the restart"))
    assert texts(bench) == ["after the restart"]


def test_a_restart_without_a_word_is_noticed_while_getting_back_in_step(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.power_up()
    modem.resync()
    bench.event(ModemRestarted)


def test_a_restart_without_a_word_sends_no_pdu_as_a_text(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.power_up()
    with pytest.raises(Restarted, match="nothing was sent"):
        modem.send_sms(message("not as digits"))
    bench.event(ModemRestarted)
    assert bench.modem_behind.counts.bodies == 0
    modem.start()
    modem.send_sms(message("clean"))
    assert texts(bench) == ["clean"]


def test_a_store_that_was_not_left_again_is_left_before_the_next_look(bench: Bench) -> None:
    modem = bench.started()
    behind = bench.modem_behind
    behind.other_stores["SR"] = {1: Kept(0, "00FF")}
    behind.sms_in("+6281355550000", "Halo")
    ours = behind.stores[0]
    behind.faults.add(Fault("command", "refuse", "+CMS ERROR: 500", command=f'AT+CPMS="{ours}"'))
    with pytest.raises(AtError):
        modem.read_sms(1, "SR")
    assert behind.stores[0] == "SR"
    (found,) = modem.list_sms()
    assert found.pdu != "00FF" and behind.stores[0] == ours


def test_a_restart_without_a_word_after_the_port_was_opened_anew_sends_no_pdu_as_a_text(bench: Bench) -> None:
    first = bench.started()
    known = first.identity
    assert known is not None
    first.close()
    modem = bench.open()
    modem.take_up(known)
    bench.modem_behind.power_up()
    with pytest.raises(Restarted, match="nothing was sent"):
        modem.send_sms(message("not as digits"))
    bench.event(ModemRestarted)
    assert (bench.modem_behind.counts.bodies, bench.modem_behind.counts.stray_pdus) == (0, 0)


@pytest.mark.parametrize("kind", ["radio", "modem"])
def test_a_reset_leaves_a_modem_that_can_be_started(bench: Bench, kind: str) -> None:
    modem = bench.started()
    behind = bench.modem_behind  # a real one may be away for a minute
    modem.reset(kind)
    modem.start()
    assert behind.functional == 1
    modem.send_sms(message("reset"))
    assert texts(bench) == ["reset"]


def test_closing_wakes_whoever_waits(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.faults.add(Fault("command", "silence", command="AT+COPS?"))
    errors: list[Exception] = []

    def wait() -> None:
        try:
            modem.operator()
        except PortLost as error:
            errors.append(error)

    waiting = threading.Thread(target=wait, name="waiting")
    commands = bench.modem_behind.counts.commands
    waiting.start()
    until(lambda: bench.modem_behind.counts.commands > commands)
    modem.close()
    waiting.join(PATIENCE)
    assert len(errors) == 1


# -- receiving ------------------------------------------------------------------------------------------


def test_an_incoming_message_is_announced_read_and_deleted(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.sms_in("+6281355550000", "Halo, apa kabar?")
    arrived = bench.event(MessageArrived)
    assert arrived.index is not None
    stored = modem.read_sms(arrived.index, arrived.store)
    assert stored is not None and stored.pdu is not None
    received = decode(stored.pdu)
    assert isinstance(received, Deliver)
    assert (received.address.number, received.text) == ("+6281355550000", "Halo, apa kabar?")
    assert [entry.index for entry in modem.list_sms()] == [arrived.index]
    modem.delete_sms(arrived.index)
    assert modem.list_sms() == []
    assert modem.read_sms(arrived.index) is None
    modem.delete_sms(arrived.index)


def test_a_full_store_raises_an_alarm(bench: Bench) -> None:
    modem = bench.started()
    behind = bench.modem_behind
    for number in range(behind.card.capacity):
        behind.sms_in("+62811", f"number {number}")
    behind.sms_in("+62811", "one too many")
    bench.event(StoreFull)
    store = modem.store()
    assert store is not None and store.full


def test_a_delivery_report_names_the_message_it_is_about(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.report_delay = 0.05
    (reference,) = modem.send_sms(message("report, please", report=True))
    report = decode(bench.event(ReportArrived).pdu)
    assert isinstance(report, StatusReport)
    assert (report.message_reference, report.address.number) == (reference, NUMBER)
    assert report.outcome == "delivered"


def test_losing_the_network_is_told(bench: Bench) -> None:
    modem = bench.started()
    bench.modem_behind.register(2)
    assert bench.event(RegistrationChanged).registration.stat == 2
    assert not modem.registration().sms_capable


# -- USSD -----------------------------------------------------------------------------------------------


def test_a_balance_is_asked(bench: Bench) -> None:
    bench.modem_behind.menu["*888#"] = "Your balance is Rp 25.000."
    answer = bench.started().request_ussd("*888#")
    assert answer.text == "Your balance is Rp 25.000."
    assert answer.final and not answer.replyable


@pytest.mark.parametrize("early", [True, False])
def test_a_ussd_answer_comes_before_its_ok_or_after(bench: Bench, early: bool) -> None:
    behind = bench.modem_behind
    behind.ussd_early, behind.command_delay = early, 0.2
    behind.menu["*888#"] = "Your balance is Rp 25.000."
    assert bench.started().request_ussd("*888#").text == "Your balance is Rp 25.000."


def test_a_menu_is_answered_and_cancelled(bench: Bench) -> None:
    behind = bench.modem_behind
    behind.menu |= {"*123#": ("1. Balance 2. Packages", True), "2": ("No packages.", True)}
    modem = bench.started()
    assert modem.request_ussd("*123#").replyable
    assert modem.answer_ussd("2").text == "No packages."
    assert behind.session
    modem.cancel_ussd()
    assert not behind.session


@pytest.mark.parametrize("code", ['*100#",15\rAT+CFUN=0', '1";+CFUN=0;"', "*100#\x1a", "abc", ""])
def test_a_ussd_code_cannot_be_a_command(bench: Bench, code: str) -> None:
    modem = bench.started()
    before = bench.modem_behind.counts.commands
    with pytest.raises(UnsafeCommand):
        modem.request_ussd(code)
    assert bench.modem_behind.counts.commands == before
