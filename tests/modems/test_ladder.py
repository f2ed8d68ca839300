"""The recovery ladder: each rung only if the one before failed, no message lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.errors import NotSent, UnknownOutcome
from app.core.events import Alarm, SimChanged
from app.core.message import Outcome, Sent, State
from app.modems import standing as how
from app.modems.ladder import Ladder, Patience, Rung
from app.modems.power import UsbPower, hub_of
from app.modems.spec import ModemSpec
from app.modems.worker import ModemWorker
from app.settings.modems import Modem
from app.settings.sms import Sms
from hw.serialports import SerialPort
from hw.sim.card import numbered
from hw.sim.faults import Fault
from hw.sim.modem import SimModem
from hw.sim.plugs import plugs
from hw.sim.pty import SimPtys
from tests.modems.yard import CLOCK, Yard, parcel

QUICK = Patience(find=1.0, search=0.5, park=3600.0, missing=0.05, poll=0.3, pause=0.05, prompt=4.0, send=3.0)


class Hub:
    """A hub that switches its ports: our own seam, driven by the test."""

    def __init__(self) -> None:
        self.modem: SimModem | None = None
        self.switchable = True
        self.cures: str = ""  # which of usb and hub brings the modem back
        self.done: list[str] = []

    def socket(self, port: str) -> str | None:
        return "1-1.4"

    def can_cut(self, socket: str) -> bool:
        return self.switchable

    def reauthorise(self, socket: str) -> bool:
        return self._act("usb")

    def cut(self, socket: str) -> bool:
        return self._act("hub")

    def _act(self, what: str) -> bool:
        self.done.append(what)
        if self.cures == what and self.modem is not None:
            self.modem.deaf = False
            self.modem.power_up()
        return True


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def yard(tmp_path: Path, hub: Hub) -> Iterator[Yard]:
    yard = Yard(tmp_path, hub, QUICK)
    yield yard
    yard.close()


def state(yard: Yard) -> str:
    return yard.fleet.standings()["a"][1].state


# -- the ladder itself ----------------------------------------------------------------------------------


def test_each_rung_comes_after_the_one_before() -> None:
    ladder = Ladder()
    climbed = [ladder.climb() for _ in range(9)]
    assert [str(rung) for rung in climbed] == [
        "resync",
        "reopen",
        "initialise",
        "radio",
        "reset",
        "usb",
        "hub",
        "park",
        "resync",
    ]
    assert ladder.counts[Rung.RESYNC] == 2


def test_a_rung_that_cannot_be_tried_is_left_out() -> None:
    ladder = Ladder(lambda rung: rung not in (Rung.USB, Rung.HUB))
    ladder.rung = Rung.RESET
    assert ladder.climb() is Rung.PARK


def test_a_parked_modem_waits_a_quarter_of_an_hour() -> None:
    ladder = Ladder()
    ladder.rung = Rung.PARK
    assert ladder.pause(Patience()) == 900.0


def test_trouble_that_is_over_begins_again_from_below() -> None:
    ladder = Ladder()
    ladder.climb(Rung.RESET)
    assert ladder.step_down() is Rung.RESET
    assert ladder.climb() is Rung.RESYNC


# -- resync ---------------------------------------------------------------------------------------------


def test_a_modem_wedged_after_its_prompt_is_brought_back_in_step(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("prompt", "wedge"))
    first, second = parcel("first"), parcel("second", seconds=120)
    yard.fleet.submit("a", first)
    yard.fleet.submit("a", second)
    # The prompt came, so the body went out; the wedged modem swallowed it: nobody knows.
    assert isinstance(first.wait(90), UnknownOutcome)
    assert isinstance(second.wait(), Sent)
    assert yard.helped() == ["resync"]
    assert yard.air.times("+6281234567890", "second") == 1
    assert yard.air.times("+6281234567890", "first") == 0


def test_a_prompt_that_never_comes_sends_nothing_and_is_resynced(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("prompt", "silence"))
    job = parcel("silent")
    yard.fleet.submit("a", job)
    assert isinstance(job.wait(), NotSent)
    yard.until(lambda: yard.helped() == ["resync"])
    assert yard.air.messages == 0


# -- reopen, initialise, radio, reset -------------------------------------------------------------------


def test_a_deaf_modem_is_climbed_for_rung_by_rung_until_its_power_is_cut(yard: Yard, hub: Hub) -> None:
    modem = hub.modem = yard.ready()
    hub.cures = "hub"
    modem.deaf = True
    yard.until(lambda: hub.done and state(yard) == how.READY, timeout=120)
    assert yard.rungs() == ["resync", "reopen", "initialise", "radio", "reset", "usb", "hub"]
    assert hub.done == ["usb", "hub"]
    assert yard.helped()[-1] == "hub"
    job = parcel("again")
    yard.until(lambda: yard.lanes())
    yard.fleet.submit("a", job)
    assert isinstance(job.wait(), Sent)


def test_what_waits_goes_to_another_modem_from_the_second_rung_on(yard: Yard, hub: Hub) -> None:
    modem = hub.modem = yard.ready()
    yard.ready("b")
    modem.deaf = True
    jobs = [parcel(f"n{n}") for n in range(3)]
    for job in jobs:
        yard.fleet.submit("a", job)
    outcomes = [job.wait(90) for job in jobs]
    assert all(isinstance(one, NotSent) for one in outcomes)  # known not sent: the delivery goes on to b
    assert yard.rungs()[:2] == ["resync", "reopen"]
    assert yard.air.messages == 0


def test_when_nothing_helps_the_modem_is_parked_with_an_alarm(yard: Yard, hub: Hub) -> None:
    modem = hub.modem = yard.ready()
    hub.switchable = False
    modem.deaf = True
    yard.until(lambda: state(yard) == how.PARKED, timeout=120)
    (alarm,) = [one for one in yard.heard if isinstance(one, Alarm)]
    assert alarm.what == "parked" and "every 60 minutes" in alarm.why
    assert yard.rungs()[-1] == "park" and "hub" not in yard.rungs()


def test_one_answer_that_never_came_is_mended_by_resync(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("command", "silence", command="AT+CSQ"))
    yard.until(lambda: yard.helped() == ["resync"])
    yard.until(lambda: state(yard) == how.READY)


def test_endless_noise_does_not_keep_messages_from_going_out(yard: Yard) -> None:
    modem = yard.ready(make="huawei")
    modem.endless_noise = True
    job = parcel("through the noise")
    yard.fleet.submit("a", job)
    assert isinstance(job.wait(), Sent)
    modem.endless_noise = False
    assert yard.air.times("+6281234567890", "through the noise") == 1


def test_a_modem_that_stays_without_a_network_is_cycled_then_reset(yard: Yard, hub: Hub) -> None:
    modem = yard.ready()
    hub.switchable = False
    modem.register(2)
    yard.until(lambda: "reset" in yard.rungs(), timeout=120)
    assert yard.rungs()[:2] == ["radio", "reset"]
    modem.register(1)
    yard.until(lambda: state(yard) == how.READY, timeout=120)


def test_a_reset_that_returns_as_another_tty_is_found_by_its_imei(tmp_path: Path, hub: Hub) -> None:
    links = tmp_path / "dev"
    links.mkdir()
    with SimPtys() as ptys:
        yard = Yard(
            tmp_path,
            hub,
            Patience(find=60.0, search=0.5, missing=0.05, poll=0.3, pause=0.05, prompt=4.0, send=3.0),
        )
        try:
            modem = SimModem("a", air=yard.air)
            port = ptys.plug_in(modem, links / "ttyUSB0")

            def comes_back_elsewhere() -> None:
                modem.on_reset = None
                ptys.unplug(modem)
                modem.power_up()
                modem.register(1)
                ptys.plug_in(modem, links / "ttyUSB3")

            modem.on_reset = comes_back_elsewhere
            yard.use("a", port=port)
            yard.until(yard.lanes)
            modem.register(2)
            yard.until(lambda: state(yard) == how.READY and "reset" in yard.helped(), timeout=120)
            assert yard.fleet.listing()["a"]["port"] == str(links / "ttyUSB3")
        finally:
            yard.close()


def test_a_stick_that_vanished_from_usb_gets_its_power_cut(yard: Yard, hub: Hub) -> None:
    modem = yard.ready()
    name = f"{yard.name}-a"
    done = hub.done

    class Socket(Hub):
        def cut(self, socket: str) -> bool:
            done.append("hub")
            plugs.plug_in(name, modem)
            modem.power_up()
            return True

    hub.cut = Socket().cut  # type: ignore[method-assign]
    plugs.unplug(name)
    yard.until(lambda: state(yard) == how.GONE)
    yard.until(lambda: state(yard) == how.READY, timeout=60)
    assert done == ["hub"] and yard.helped() == ["hub"]


def test_a_question_that_is_refused_is_no_reason_to_climb(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("command", "refuse", "+CME ERROR: 14", command="AT+CSQ", times=3))
    modem.faults.add(Fault("command", "refuse", "+CMS ERROR: 500", command="AT+CMGR"))
    modem.sms_in("+628111", "read later")
    before = modem.counts.commands
    yard.until(lambda: modem.counts.commands > before + 12)
    assert yard.rungs() == [] and state(yard) == how.READY


def test_a_modem_in_trouble_slows_no_other(yard: Yard, hub: Hub) -> None:
    modem = yard.ready()
    yard.ready("b")
    modem.deaf = True
    yard.until(lambda: "reopen" in yard.rungs(), timeout=60)
    for number in range(20):
        job = parcel(f"b{number}")
        yard.fleet.submit("b", job)
        assert isinstance(job.wait(10), Sent)


def test_a_number_that_the_network_bars_does_not_block_the_queue(yard: Yard) -> None:
    modem = yard.ready()
    modem.faults.add(Fault("body", "refuse", "+CMS ERROR: 8", times=5, number="+6281100000000"))
    barred = [parcel("barred", "6281100000000") for _ in range(3)]
    clean = [parcel(f"clean {n}") for n in range(3)]
    for pair in zip(barred, clean, strict=True):
        for job in pair:
            yard.fleet.submit("a", job)
    assert all(isinstance(job.wait(), NotSent) for job in barred)
    assert all(isinstance(job.wait(), Sent) for job in clean)
    assert yard.rungs() == []


def test_a_changed_sim_starts_a_record_of_its_own_and_says_so(yard: Yard) -> None:
    modem = yard.ready(make="sim800")
    modem.card = numbered(77)
    modem.power_up()
    yard.until(lambda: any(isinstance(one, SimChanged) for one in yard.heard), timeout=60)
    (event,) = [one for one in yard.heard if isinstance(one, SimChanged)]
    assert (event.iccid, event.before) == ("0077", "0000")
    yard.until(lambda: yard.memory.sim_of(modem.imei) == modem.card.iccid)
    # Each card keeps its record; the one that is in the modem now stands first.
    records = [iccid for iccid, _ in yard.memory.sims_of(modem.imei)]
    assert records == ["8962100000000000077", "8962100000000000000"]


def test_the_day_count_of_a_changed_sim_starts_anew_and_the_old_cards_is_kept(yard: Yard) -> None:
    old, new = numbered(0), numbered(77)
    modem = yard.simulated("a", make="sim800", card=old)
    yard.use("a", limit_per_day=2)
    yard.until(yard.lanes)
    for seq in (1, 2):
        send_on_record(yard, seq)
    yard.until(lambda: not yard.lanes())
    assert "daily limit" in yard.fleet.why_none()
    modem.card = new
    modem.power_up()
    yard.until(yard.lanes)  # the new card has sent nothing today
    send_on_record(yard, 3)
    modem.card = old
    modem.power_up()
    yard.until(lambda: not yard.lanes() and "daily limit" in yard.fleet.why_none())
    modem.card = new
    modem.power_up()
    yard.until(yard.lanes)
    send_on_record(yard, 4)
    yard.until(lambda: not yard.lanes() and "daily limit" in yard.fleet.why_none())


def send_on_record(yard: Yard, seq: int) -> None:
    """Send by modem a, with the rows in the ledger that the delivery would write."""
    job = parcel(f"number {seq}")
    message = replace(job.message, seq=seq)
    yard.ledger.accept(message).wait()
    yard.fleet.submit("a", job)
    sent = job.wait()
    assert isinstance(sent, Sent)
    yard.ledger.close(seq, Outcome(State.SENT, "0000", sent=sent), message.accepted, lambda: None)


# -- the power of a socket ------------------------------------------------------------------------------


def test_usb_re_authorise_writes_the_kernels_file(tmp_path: Path) -> None:
    device = tmp_path / "bus" / "usb" / "devices" / "1-1.4"
    device.mkdir(parents=True)
    (device / "authorized").write_text("1")
    power = UsbPower(tmp_path, lambda: [SerialPort("/dev/ttyUSB0", socket="1-1.4")], off=0.0)
    assert power.socket("/dev/ttyUSB0") == "1-1.4"
    assert power.reauthorise("1-1.4")
    assert (device / "authorized").read_text() == "1"
    assert not power.reauthorise("9-9")


def test_hub_power_is_cut_by_uhubctl_with_the_hub_and_the_port() -> None:
    asked: list[tuple[str, ...]] = []

    def run(words: object) -> bool:
        asked.append(tuple(words))  # type: ignore[call-overload]
        return True

    assert UsbPower(run=run, ports=list).cut("1-1.4")
    assert asked == [("uhubctl", "--location", "1-1", "--ports", "4", "--action", "cycle", "--delay", "2")]


@pytest.mark.parametrize(
    ("socket", "place"),
    [("1-1.4", ("1-1", "4")), ("1-1.4.2", ("1-1.4", "2")), ("2-3", ("2", "3")), ("/dev/ttyAMA0", None)],
)
def test_a_sockets_hub_is_read_from_its_usb_path(socket: str, place: tuple[str, str] | None) -> None:
    assert hub_of(socket) == place


def test_a_sim_that_fails_after_long_service_is_looked_at_again_soon(tmp_path: Path) -> None:
    yard = Yard(tmp_path, patience=Patience(settle=0.0))
    yard.simulated("a").card.pin = "1234"  # the settings have none
    worker = ModemWorker(
        ModemSpec.of("a", Modem(name="a", port=f"sim://{yard.name}-a"), Sms()),
        yard.fleet.ports,
        yard.memory,
        CLOCK,
        yard.heard.append,
        patience=Patience(settle=0.0),
    )
    assert worker._one_try() == 0.5
    yard.close()
