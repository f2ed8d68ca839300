"""Modems at work, over simulated ones: what is carried, refused, handed on, and remembered."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import BadRequest, NotSent, UnknownOutcome
from app.core.message import Sent
from app.modems.finding import Finder
from app.modems.ladder import Patience
from app.modems.search import Ports
from app.modems.sending import encode
from app.modems.spec import ModemSpec
from app.settings.modems import Modem
from app.settings.sms import Sms
from hw.errors import AtTimeout, PinKeptBack
from hw.gsm.modem import GsmModem
from hw.sim.faults import Fault, When
from hw.sim.modem import SimModem
from hw.sim.plugs import plugs
from tests.hw.gsm.test_modem_start import Ear
from tests.modems.yard import CLOCK, Parcel, Yard, parcel


def test_a_message_goes_out_in_two_round_trips(yard: Yard) -> None:
    modem = yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    before = modem.counts.round_trips
    job = parcel()
    yard.fleet.submit("a", job)
    assert job.wait() == Sent("a", "a", 1, (1,), modem.card.iccid)
    assert modem.counts.round_trips - before == 2
    assert job.confirmed == 1
    (received,) = modem.air.inbox()
    assert (received.number, received.text) == ("+6281234567890", "hello")


def test_a_long_message_takes_two_round_trips_a_part_and_a_new_reference_each_time(yard: Yard) -> None:
    modem = yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    before = modem.counts.round_trips
    first, second = parcel("x" * 200), parcel("y" * 200)
    for job in (first, second):
        yard.fleet.submit("a", job)
        assert job.wait().parts == 2
    assert modem.counts.bodies == 4
    asked_once = 1 if modem.counts.round_trips - before == 9 else 0  # AT+CMMS=2, when more than one waits
    assert modem.counts.round_trips - before - asked_once == 8
    assert [one.text for one in modem.air.inbox()] == ["x" * 200, "y" * 200]


def test_signal_and_registration_are_polled_while_idle_and_not_between_messages(tmp_path: Path) -> None:
    yard = Yard(tmp_path, patience=Patience(poll=0.2))
    try:
        modem = yard.ready()
        modem.faults = ear = Ear()
        yard.until(lambda: ear.said.count("AT+CSQ") >= 3 and ear.said.count("AT+CREG?") >= 3)
    finally:
        yard.close()
    yard = Yard(tmp_path, patience=Patience(poll=30.0))
    try:
        modem = yard.ready("b")
        modem.faults = ear = Ear()
        jobs = [parcel(f"n{number}") for number in range(20)]
        for job in jobs:
            yard.fleet.submit("b", job)
        assert all(isinstance(job.wait(), Sent) for job in jobs)
        assert not [one for one in ear.said if one.startswith(("AT+CSQ", "AT+CREG", "AT+COPS"))]
    finally:
        yard.close()


@pytest.mark.parametrize(("national", "parts"), [(False, 2), (True, 1)])
def test_national_alphabets_are_used_when_the_setting_asks(yard: Yard, national: bool, parts: int) -> None:
    yard.simulated("a")
    yard.use("a", Sms(national_alphabets=national))
    yard.until(yard.lanes)
    text = "\u011f\u0131\u015f" * 30  # Turkish letters that the default alphabet lacks
    job = parcel(text)
    yard.fleet.submit("a", job)
    sent = job.wait()
    assert isinstance(sent, Sent) and sent.parts == parts
    assert yard.air.times("+6281234567890", text) == 1


def test_a_refusal_is_known_not_sent_and_the_modem_goes_on(yard: Yard) -> None:
    modem = yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    modem.faults.add(Fault("body", "refuse", "+CMS ERROR: 10"))
    barred, clean = parcel(), parcel("clean")
    yard.fleet.submit("a", barred)
    yard.fleet.submit("a", clean)
    assert isinstance(barred.wait(), NotSent) and "CMS ERROR: 10" in str(barred.outcome)
    assert isinstance(clean.wait(), Sent)


def test_a_text_that_fits_no_message_is_refused(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    job = parcel("x" * 153 * 256)
    yard.fleet.submit("a", job)
    assert isinstance(job.wait(), NotSent) and job.outcome.reason == "bad_request"


def test_a_lost_port_gives_everything_back_and_the_modem_returns(yard: Yard) -> None:
    modem = yard.simulated("a", delay=0.3)
    yard.use("a")
    yard.until(yard.lanes)
    jobs = [parcel(f"n{n}") for n in range(4)]
    for job in jobs:
        yard.fleet.submit("a", job)
    yard.until(lambda: modem.counts.bodies == 1)
    plugs.unplug(f"{yard.name}-a")
    outcomes = [job.wait() for job in jobs]
    assert isinstance(outcomes[0], UnknownOutcome)
    assert all(isinstance(one, NotSent) and one.code == "1000" for one in outcomes[1:])
    assert not yard.lanes()
    modem.power_up()
    plugs.plug_in(f"{yard.name}-a", modem)
    yard.until(yard.lanes, timeout=10)


def test_a_modem_whose_settings_change_is_there_all_the_while(yard: Yard) -> None:
    modem = yard.ready(delay=0.3)
    job = parcel()
    yard.fleet.submit("a", job)
    yard.until(lambda: modem.counts.bodies == 1)  # its worker ends when the message has
    seen: list[tuple[bool, bool]] = []
    changing = threading.Thread(target=yard.use, args=("a",), kwargs={"sms_centre": "+628160000"})
    changing.start()
    while changing.is_alive():
        waits = yard.fleet.starting() or "a" in yard.lanes()
        seen.append(("a" in yard.fleet.standings(), waits))
    changing.join()
    assert all(there for there, _ in seen)
    assert sum(not waits for _, waits in seen) <= 1  # ready a moment ago, or looked at just in between
    assert job.wait().modem == "a"
    yard.until(yard.lanes)


def test_an_outcome_that_is_unknown_brings_the_modem_back_in_step(yard: Yard) -> None:
    modem = yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    modem.faults.add(Fault("prompt", "silence"))
    silent, clean = parcel(), parcel("clean")
    yard.fleet.submit("a", silent)
    assert isinstance(silent.wait(), NotSent)
    yard.fleet.submit("a", clean)
    assert isinstance(clean.wait(), Sent)
    assert modem.counts.strays == 0


def test_a_modem_that_is_not_registered_carries_nothing(yard: Yard) -> None:
    modem = yard.simulated("a")
    modem.registered = 2
    assert yard.fleet.usable() is None  # none is set up
    yard.use("a")
    yard.until(lambda: yard.fleet.listing()["a"]["connected"])
    assert not yard.lanes()
    assert yard.fleet.usable() == 0
    assert "not registered" in yard.fleet.why_none()
    modem.register(1)
    yard.until(yard.lanes)
    assert yard.fleet.usable() == 1


def test_a_pin_is_given_once_and_never_again_after_it_was_refused(yard: Yard) -> None:
    modem = yard.simulated("a")
    modem.card.pin = "1234"
    yard.use("a", sim_pin="9999")
    yard.until(lambda: modem.counts.pins == 1)
    yard.until(lambda: "refused" in yard.fleet.why_none())
    tries = modem.counts.commands
    yard.until(lambda: modem.counts.commands > tries + 5)  # it was brought up again since
    assert modem.counts.pins == 1
    yard.use("a", sim_pin="1234")
    yard.until(yard.lanes)
    assert modem.counts.pins == 2


def unanswered(yard: Yard, monkeypatch: pytest.MonkeyPatch, make: str) -> tuple[SimModem, GsmModem, Finder]:
    """A modem that was given its PIN and said nothing."""
    monkeypatch.setattr("hw.at.channel.patience", lambda command: 0.5)
    behind = yard.simulated("a", make=make)
    behind.card.pin = "1234"
    behind.faults.add(Fault("command", "silence", command="AT+CPIN="))
    port = f"sim://{yard.name}-a"
    spec = ModemSpec.of("a", Modem(name="a", port=port, sim_pin="1234"), Sms())
    finder = Finder(spec, Ports(), yard.memory)
    modem = GsmModem.open(port)
    with pytest.raises(AtTimeout):
        finder.bring_up(modem)
    return behind, modem, finder


def test_a_pin_that_was_not_answered_is_kept_back_until_the_card_is_open(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, modem, finder = unanswered(yard, monkeypatch, "generic")
    with modem:
        with pytest.raises(PinKeptBack, match="not answered"):
            finder.bring_up(modem)
        assert behind.counts.pins == 0
        behind.card.verified = True  # it had taken the PIN, or somebody gave it
        behind.sim_opens()
        finder.bring_up(modem)
        behind.power_up()
        finder.bring_up(modem)
    assert behind.counts.pins == 1


def test_a_pin_that_was_not_answered_is_given_again_where_the_card_says_that_it_cost_no_try(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, modem, finder = unanswered(yard, monkeypatch, "sim800")
    with modem:
        finder.bring_up(modem)
    assert behind.counts.pins == 1


def test_a_limit_a_minute_holds_messages_back_and_shows_in_the_wait(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a", limit_per_minute=2)
    yard.until(yard.lanes)
    for _ in range(2):
        job = parcel()
        yard.fleet.submit("a", job)
        job.wait()
    yard.until(lambda: yard.fleet.lanes()[0].wait > 50)


def test_a_limit_a_day_closes_the_modem_also_after_a_restart(yard: Yard) -> None:
    yard.simulated("a")
    yard.database.submit(
        lambda connection: connection.execute(
            "INSERT INTO message"
            " (seq, id, command, owner, receiver, fingerprint, state, modem, sim, accepted)"
            " VALUES (1, 'x', 'send-sms', 't', '62', x'00', 'sent', 'a', '8962100000000000000', ?)",
            (CLOCK.wall(),),
        )
    ).wait()
    yard.use("a", limit_per_day=2)
    yard.until(yard.lanes)
    job = parcel()
    yard.fleet.submit("a", job)
    job.wait()
    yard.until(lambda: not yard.lanes())
    assert "daily limit" in yard.fleet.why_none()


def test_what_waits_too_long_is_ended_in_the_queue(yard: Yard) -> None:
    yard.simulated("a", delay=2.0)
    yard.use("a")
    yard.until(yard.lanes)
    first, second = parcel(), parcel(seconds=0.3)
    yard.fleet.submit("a", first)
    yard.fleet.submit("a", second)

    def ended() -> bool:
        yard.fleet.tick()
        return second.ended.is_set()

    yard.until(ended, timeout=1.8)
    assert second.outcome == "expired"
    assert isinstance(first.wait(), Sent)


def test_what_waits_behind_a_stuck_message_goes_elsewhere(yard: Yard) -> None:
    yard.fleet.stuck_after = 0.2
    yard.simulated("a", delay=3.0)
    yard.use("a")
    yard.simulated("b")
    yard.use("b")
    yard.until(lambda: yard.lanes() == {"a", "b"})
    stuck, behind = parcel(), parcel()
    yard.fleet.submit("a", stuck)
    yard.fleet.submit("a", behind)

    def handed_over() -> bool:
        yard.fleet.tick()
        return behind.ended.is_set()

    yard.until(handed_over, timeout=2.5)
    assert behind.outcome == "elsewhere"
    assert isinstance(stuck.wait(), Sent)


def test_a_modem_that_restarts_is_brought_up_again(yard: Yard) -> None:
    modem = yard.simulated("a", make="sim800")
    yard.use("a")
    yard.until(yard.lanes)
    modem.power_up()
    job = parcel("after")
    yard.until(lambda: any(lane for lane in yard.fleet.lanes()))
    yard.fleet.submit("a", job)
    outcome = job.wait()
    if not isinstance(outcome, Sent):  # it was taken from the queue just as the modem restarted
        job = parcel("after")
        yard.until(yard.lanes)
        yard.fleet.submit("a", job)
        assert isinstance(job.wait(), Sent)
    assert [one.text for one in modem.air.inbox()] == ["after"]


def test_settings_that_need_no_restart_are_taken_over_at_once(yard: Yard) -> None:
    modem = yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    commands = modem.counts.commands
    yard.use("a", recipient_prefix=("62811",), default_modem=True)
    (lane,) = yard.fleet.lanes()
    assert lane.prefixes == ("62811",) and lane.default
    assert modem.counts.commands - commands < 5  # not brought up again
    yard.use("a", send_sms_from_api=False)
    assert not yard.lanes()


def test_a_modem_that_is_switched_off_hands_its_queue_on(yard: Yard) -> None:
    yard.simulated("a", delay=0.5)
    yard.use("a")
    yard.until(yard.lanes)
    jobs = [parcel(), parcel()]
    for job in jobs:
        yard.fleet.submit("a", job)
    yard.use("a", active=False)
    assert isinstance(jobs[0].wait(), Sent)
    assert isinstance(jobs[1].wait(), NotSent)
    assert yard.fleet.listing()["a"]["active"] is False
    assert not yard.fleet.listing()["a"]["connected"]


def test_the_list_of_modems_tells_who_they_are(yard: Yard) -> None:
    modem = yard.simulated("a", make="sim7600")
    yard.use("a", default_modem=True)
    yard.until(yard.lanes)
    listed = yard.fleet.listing()["a"]
    assert listed["imei"] == modem.imei and listed["iccid"] == modem.card.iccid
    assert listed["connected"] and listed["active"] and listed["defaultModem"]
    signal = listed["signalStrength"]
    assert (signal["value"], signal["rssi"], signal["condition"]) == (20, -73, "excellent")


def test_a_ussd_code_is_answered(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a")
    yard.until(yard.lanes)
    answers: list[Any] = []
    answered = threading.Event()
    yard.fleet.ussd("a", "*888#", lambda result: (answers.append(result), answered.set()))
    assert answered.wait(20)
    assert answers[0]["ussd_response"] == answers[0]["ussd_content"] == "Your balance is Rp 25.000."
    assert answers[0]["replyable"] is False


def test_the_sms_centre_of_the_settings_is_used(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a", sms_centre="+6281100099")
    (pdu,) = encode(parcel().message, yard.specs["a"], yard.memory, CLOCK)
    # Octets of the address, international, the digits in swapped pairs, F for the missing one.
    assert pdu.hex.startswith("069126180100" + "99")
    yard.use("a", sms_centre="")
    (pdu,) = encode(parcel().message, yard.specs["a"], yard.memory, CLOCK)
    assert pdu.hex.startswith("00")


def test_a_disconnected_modem_frees_its_port_until_it_is_connected(yard: Yard) -> None:
    yard.ready("a")
    yard.ready("b")
    port = f"sim://{yard.name}-a"
    yard.fleet.disconnect("a")
    assert yard.lanes() == {"b"} and not yard.fleet.ports.in_use(port)
    assert yard.fleet.standings()["a"][1].why == "disconnected; connect it to use it again"
    yard.use("a", recipient_prefix=("62811",))  # other settings do not wake it
    assert yard.lanes() == {"b"} and yard.fleet.resting() == {"a"}
    with pytest.raises(BadRequest):
        yard.fleet.disconnect("a")
    yard.fleet.connect("a")
    yard.until(lambda: yard.lanes() == {"a", "b"})
    assert yard.fleet.standings()["a"][0].modem.recipient_prefix == ("62811",)
    with pytest.raises(BadRequest):
        yard.fleet.connect("a")


def test_a_modem_that_was_deactivated_meanwhile_comes_back_when_it_is_activated(yard: Yard) -> None:
    yard.ready("a")
    yard.fleet.disconnect("a")
    assert yard.fleet.why_none() == "all modems were disconnected; connect one"
    yard.use("a", active=False)
    yard.use("a", active=True)
    yard.until(lambda: yard.lanes() == {"a"})


def waiting_behind(yard: Yard, number: int = 3) -> list[Parcel]:
    jobs = [parcel(f"n{place}") for place in range(number)]
    for job in jobs:
        yard.fleet.submit("a", job)
    return jobs


def test_what_waits_for_a_modem_that_lost_its_network_goes_elsewhere(yard: Yard) -> None:
    modem = yard.ready("a", delay=1.0)
    yard.ready("b")
    first, *behind = waiting_behind(yard)
    yard.until(lambda: modem.counts.bodies == 1)
    yard.fleet.tick()
    assert not any(job.ended.is_set() for job in behind)  # it is not held up yet
    modem.register(2)
    assert isinstance(first.wait(), Sent)
    yard.until(lambda: yard.lanes() == {"b"})
    yard.fleet.tick()
    assert [job.wait(5) for job in behind] == ["elsewhere"] * 2


def test_what_waits_behind_a_limit_goes_elsewhere(yard: Yard) -> None:
    yard.simulated("a")
    yard.use("a", limit_per_minute=1)
    yard.ready("b")
    yard.until(lambda: yard.lanes() == {"a", "b"})
    first, *behind = waiting_behind(yard)
    assert isinstance(first.wait(), Sent)
    yard.fleet.tick()
    assert [job.wait(5) for job in behind] == ["elsewhere"] * 2


def test_what_waits_behind_a_long_errand_goes_elsewhere(yard: Yard) -> None:
    yard.fleet.stuck_after = 0.2
    yard.ready("a")
    yard.ready("b")
    begun, end = threading.Event(), threading.Event()

    def long(_: object) -> None:
        begun.set()
        end.wait(20)

    yard.fleet.errand("a", long)
    assert begun.wait(10)
    behind = waiting_behind(yard)

    def handed_over() -> bool:
        yard.fleet.tick()
        return all(job.ended.is_set() for job in behind)

    yard.until(handed_over, timeout=10)
    end.set()
    assert [job.outcome for job in behind] == ["elsewhere"] * 3


def test_what_nobody_else_takes_stays_in_its_place(yard: Yard) -> None:
    modem = yard.ready("a")
    yard.ready("b")
    modem.register(2)
    yard.until(lambda: yard.lanes() == {"b"})
    behind = waiting_behind(yard)
    for job in behind:
        job.stays = True
    yard.fleet.tick()
    modem.register(1)
    assert all(isinstance(job.wait(), Sent) for job in behind)
    assert [one.text for one in modem.air.inbox()] == ["n0", "n1", "n2"]


def test_two_modems_that_are_both_stuck_keep_what_they_have(yard: Yard) -> None:
    yard.fleet.stuck_after = 0.2
    one, other = yard.ready("a", delay=1.5), yard.ready("b", delay=1.5)
    jobs = {modem: [parcel(f"{modem}{place}") for place in range(2)] for modem in ("a", "b")}
    for modem, parcels in jobs.items():
        for job in parcels:
            yard.fleet.submit(modem, job)
    yard.until(lambda: one.counts.bodies == other.counts.bodies == 1)
    yard.until(lambda: all(lane.stuck for lane in yard.fleet.lanes()))
    yard.fleet.tick()
    assert all(isinstance(job.wait(), Sent) for parcels in jobs.values() for job in parcels)


def test_the_wait_counts_the_limit_that_the_queue_will_use_up(yard: Yard) -> None:
    yard.simulated("a", delay=2.0)
    yard.use("a", limit_per_minute=2)
    yard.until(yard.lanes)
    waiting_behind(yard, 2)
    assert yard.fleet.lanes()[0].wait > 50
    yard.use("a", limit_per_day=2)
    assert not yard.lanes()


def test_a_modem_lives_on_when_what_it_hands_back_fails(yard: Yard) -> None:
    class Broken(Parcel):
        def returned(self, why: NotSent) -> None:
            raise RuntimeError("nobody foresaw this")

    def broken(_: object) -> None:
        raise RuntimeError("nobody foresaw this either")

    modem = yard.ready("a")
    first, whole = parcel("first"), parcel("whole")
    modem.register(2)
    yard.until(lambda: not yard.lanes())
    yard.fleet.submit("a", Broken(first.message))
    yard.fleet.submit("a", whole)
    plugs.unplug(f"{yard.name}-a")
    outcome = whole.wait()
    assert isinstance(outcome, NotSent) and outcome.code == "1000"
    modem.registered = 1
    modem.power_up()
    plugs.plug_in(f"{yard.name}-a", modem)
    yard.until(yard.lanes)
    yard.fleet.errand("a", broken)
    yard.until(lambda: not yard.lanes())
    yard.until(yard.lanes)
    assert yard.fleet.stalled() == ""


def test_a_modem_that_is_switched_off_says_so(yard: Yard) -> None:
    yard.ready("a", delay=0.5)
    first, second = waiting_behind(yard, 2)
    yard.use("a", active=False)
    assert isinstance(first.wait(), Sent)
    assert str(second.wait()) == "a: switched off"


def test_modems_share_the_time_in_which_they_may_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.modems.fleet.STOP", 0.5)
    yard = Yard(tmp_path)
    for name in ("a", "b", "c"):
        yard.ready(name, delay=4.0)
        yard.fleet.submit(name, parcel())
    yard.until(lambda: sum(lane.queued for lane in yard.fleet.lanes()) == 3)
    began = CLOCK.steady()
    yard.close()
    assert CLOCK.steady() - began < 1.4  # three times 0.5 s if each had its own


@pytest.mark.parametrize(("when", "unknown"), [("body", True), ("prompt", False)])
def test_a_network_timeout_after_the_text_is_an_unknown_outcome(
    yard: Yard, when: When, unknown: bool
) -> None:
    modem = yard.ready()
    modem.faults.add(Fault(when, "refuse", "+CMS ERROR: 332"))
    timed_out, clean = parcel(), parcel("clean")
    yard.fleet.submit("a", timed_out)
    yard.fleet.submit("a", clean)
    assert isinstance(timed_out.wait(), UnknownOutcome if unknown else NotSent)
    assert isinstance(clean.wait(), Sent)
    assert yard.rungs() == []  # it answered: there is nothing to get back in step


def test_a_later_part_that_is_refused_is_not_called_silence(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("body", "refuse", "+CMS ERROR: 332", skip=1))
    job = parcel("x" * 200)
    yard.fleet.submit("a", job)
    outcome = job.wait()
    assert isinstance(outcome, UnknownOutcome) and "sent a part of the message" in str(outcome)
    assert modem.counts.bodies == 2  # a part that the network may have is not sent once more
