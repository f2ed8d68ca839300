"""What comes in: persisted before it is deleted, joined, kept per SIM, found again; delivery reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.core.errors import StorageFailed, UnknownOutcome
from app.core.events import Alarm, SmsArrived
from app.core.inbox import InboxMessage, NewMessage, NewPart
from app.core.message import Sent
from app.modems.inbox import Inbox
from app.modems.ladder import Patience
from app.store.inbox import SqliteInbox
from app.store.reports import ADOPT, FIND
from hw.gsm.events import ReportArrived
from hw.gsm.modem import GsmModem
from hw.gsm.pdu import encode_deliver
from hw.sim.card import Kept, numbered
from hw.sim.faults import Fault
from tests.house import HandClock
from tests.modems.yard import Yard, parcel

WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
# STATUS-REPORT on reference 7 to +628111: delivered (3GPP TS 23.040 §9.2.2.3)
REPORT = "00" + "06" + "07" + "06" + "91261811" + "62110290030082" * 2 + "00"
LONG = "Each part of this long text holds 153 characters, and the parts come in any order. " * 4


def texts(yard: Yard) -> list[str]:
    return [one.message.text for one in reversed(yard.messages.page())]


def test_a_message_is_read_kept_and_then_deleted_by_its_index(yard: Yard) -> None:
    modem = yard.ready()
    modem.sms_in("+628111", "Hello there", sent=WHEN)
    yard.until(lambda: not modem.card.kept and texts(yard))
    (kept,) = yard.messages.page()
    assert (kept.message.sender, kept.message.text) == ("+628111", "Hello there")
    assert kept.message.sim == modem.card.iccid and kept.message.modem == "a"
    assert kept.message.sent == WHEN.timestamp()
    assert not kept.read
    assert [one.number for one in yard.heard if isinstance(one, SmsArrived)] == [kept.id]
    assert [one.id for one in yard.arrived] == [kept.id]


def test_nothing_is_deleted_but_by_its_index(yard: Yard) -> None:
    modem = yard.simulated("a")
    modem.card.keep("0001000491551100000548656C6C6F", 1, status=2)  # what somebody left unsent
    yard.use("a")
    yard.until(yard.lanes)
    modem.sms_in("+628111", "new")
    yard.until(lambda: texts(yard) == ["new"])
    yard.until(lambda: list(modem.card.kept) == [1])


def test_what_lies_in_the_store_at_the_start_is_read(yard: Yard) -> None:
    modem = yard.simulated("a")
    modem.sms_in("+628111", "before the start")
    yard.use("a")
    yard.until(lambda: texts(yard) == ["before the start"])


def test_a_long_message_comes_out_joined_whatever_the_order_of_its_parts(yard: Yard) -> None:
    modem = yard.ready()
    for pdu in reversed(encode_deliver("+628111", LONG, WHEN, reference=9)):
        modem.pdu_in(pdu)
    yard.until(lambda: texts(yard) == [LONG])
    (kept,) = yard.messages.page()
    assert kept.message.parts == 3 and kept.message.missing == () and kept.message.raw == ""


def test_parts_that_came_before_a_restart_are_joined_with_those_that_come_after(yard: Yard) -> None:
    first, *others = encode_deliver("+628111", LONG, WHEN, reference=9)
    yard.inbox.take(NewPart("card", "a", 1, first, time.time()))
    again = Inbox(yard.messages, yard.reports, SystemClock(), yard.heard.append)
    for place, pdu in enumerate(others, 2):
        again.take(NewPart("card", "a", place, pdu, time.time()))
    assert texts(yard) == [LONG]


def test_a_part_whose_deletion_was_missed_is_not_shown_twice(yard: Yard) -> None:
    (pdu,) = encode_deliver("+628111", "once", WHEN)
    for _ in range(2):  # the process died between keeping and deleting, and reads the same place again
        Inbox(yard.messages, yard.reports, SystemClock(), yard.heard.append).take(
            NewPart("card", "a", 3, pdu, time.time())
        )
    assert texts(yard) == ["once"]


def test_the_same_words_in_another_place_are_another_message(yard: Yard) -> None:
    (pdu,) = encode_deliver("+628111", "yes", WHEN)
    yard.inbox.take(NewPart("card", "a", 1, pdu, time.time()))
    yard.inbox.take(NewPart("card", "a", 2, pdu, time.time()))
    assert texts(yard) == ["yes", "yes"]


def test_a_message_kept_by_a_process_that_died_before_it_was_listed_is_listed_at_the_next_start(
    yard: Yard,
) -> None:
    (pdu,) = encode_deliver("+628111", "kept", WHEN)
    yard.messages.keep_part(NewPart("card", "a", 1, pdu, time.time()))  # and no message of it
    again = Inbox(yard.messages, yard.reports, SystemClock(), yard.heard.append)
    (other,) = encode_deliver("+628112", "next", WHEN)
    again.take(NewPart("card", "a", 2, other, time.time()))
    again.take(NewPart("card", "a", 1, pdu, time.time()))  # still in the store
    assert texts(yard) == ["kept", "next"]


def waiting(yard: Yard) -> int:
    (row,) = yard.database.read("SELECT count(*) FROM inbox_part WHERE message IS NULL")
    return int(row[0])


def test_a_part_that_the_network_repeats_never_becomes_a_message_of_its_own(yard: Yard) -> None:
    parts = encode_deliver("+628111", LONG, WHEN, reference=9)
    clock = HandClock()
    inbox = Inbox(yard.messages, yard.reports, clock, yard.heard.append)
    for pdu in (parts[0], *parts, parts[0]):  # once before the message is whole, and once after
        inbox.take(NewPart("card", "a", None, pdu, clock.wall()))
    assert texts(yard) == [LONG]
    assert waiting(yard) == 0
    clock.advance(25 * 3600.0)
    again = Inbox(yard.messages, yard.reports, clock, yard.heard.append)
    (other,) = encode_deliver("+628112", "next", WHEN)
    again.take(NewPart("card", "a", None, other, clock.wall()))
    assert texts(yard) == [LONG, "next"]


def test_a_part_repeated_before_a_restart_is_known_after_it(yard: Yard) -> None:
    parts = encode_deliver("+628111", LONG, WHEN, reference=9)
    for pdu in parts:
        yard.inbox.take(NewPart("card", "a", None, pdu, time.time()))
    yard.messages.keep_part(NewPart("card", "a", None, parts[0], time.time()))  # and the process died
    Inbox(yard.messages, yard.reports, SystemClock(), yard.heard.append).take(
        NewPart("card", "a", None, parts[1], time.time())
    )
    assert texts(yard) == [LONG]
    assert waiting(yard) == 0


def test_what_was_given_up_is_shown_after_a_restart_whatever_came_meanwhile(yard: Yard) -> None:
    clock = HandClock()
    first, *_ = encode_deliver("+628111", LONG, WHEN, reference=9)
    yard.messages.keep_part(NewPart("card", "a", None, first, clock.wall()))
    clock.advance(25 * 3600.0)
    (other,) = encode_deliver("+628112", "whole", WHEN)
    number = yard.messages.keep_part(NewPart("card", "a", None, other, clock.wall()))
    assert number is not None
    yard.messages.keep_message(NewMessage("card", "a", "+628112", "whole"), [number])
    again = Inbox(yard.messages, yard.reports, clock, yard.heard.append)
    (last,) = encode_deliver("+628113", "last", WHEN)
    again.take(NewPart("card", "a", None, last, clock.wall()))
    assert [one.message.missing for one in yard.messages.page()] == [(), (2, 3), ()]


@pytest.mark.parametrize("pdu", [encode_deliver("+628111", "important", WHEN)[0], "00FFFF"])
def test_a_message_that_could_not_be_kept_is_read_again_and_shown(yard: Yard, pdu: str) -> None:
    class FullCard(SqliteInbox):
        full = True

        def keep_message(self, message: NewMessage, parts: Sequence[int]) -> InboxMessage:
            if self.full:
                raise StorageFailed("the card is full")
            return super().keep_message(message, parts)

    store = FullCard(yard.database)
    inbox = Inbox(store, yard.reports, SystemClock(), yard.heard.append)
    part = NewPart("card", "a", 4, pdu, time.time())
    for _ in range(2):
        with pytest.raises(StorageFailed):  # so it is not deleted in the modem
            inbox.take(part)
    store.full = False
    inbox.take(part)
    assert len(texts(yard)) == 1
    assert waiting(yard) == 0


def test_a_report_is_deleted_in_the_modem_once_it_is_durable_and_not_before(yard: Yard) -> None:
    behind = yard.simulated("a")
    sent(yard, 1, "7", 1, number="628111", sim=behind.card.iccid)
    yard.database.submit(
        lambda connection: connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON part_report BEGIN SELECT raise(ABORT, 'full'); END"
        )
    ).wait()
    behind.card.keep(REPORT, 1)
    with GsmModem.open(f"sim://{yard.name}-a") as modem:
        modem.start()
        with pytest.raises(StorageFailed):
            yard.inbox.read_all(modem, "a")
        assert len(behind.card.kept) == 1 and state(yard, 1)[0] == "sent"
        yard.database.submit(lambda connection: connection.execute("DROP TRIGGER full")).wait()
        yard.inbox.read_all(modem, "a")
    assert not behind.card.kept
    assert state(yard, 1)[0] == "delivered"


def test_what_lies_in_another_store_is_deleted_there_and_nowhere_else(yard: Yard) -> None:
    modem = yard.ready()
    modem.card.keep("0001000491551100000548656C6C6F", 1, status=2)  # at place 1 of the card
    sent(yard, 1, "7", 1, number="628111", sim=modem.card.iccid)
    modem.other_stores["SR"] = {1: Kept(0, REPORT)}
    modem.say('+CDSI: "SR",1')
    yard.until(lambda: not modem.other_stores["SR"])
    assert state(yard, 1)[0] == "delivered"
    assert list(modem.card.kept) == [1]


def test_what_is_no_message_is_kept_raw(yard: Yard) -> None:
    modem = yard.ready()
    modem.pdu_in("00FFFF")
    modem.pdu_in("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
    yard.until(lambda: len(texts(yard)) == 2)
    assert {one.message.raw for one in yard.messages.page()} == {"00FFFF", ""}


def test_what_was_not_fully_understood_keeps_its_pdu_beside_its_text(yard: Yard) -> None:
    modem = yard.ready()
    # DELIVER from +628111, "hello", with a month 13 in its time stamp (3GPP TS 23.040 §9.2.3.11)
    pdu = "00" + "04" + "06" + "91268111" + "0000" + "62310221030082" + "05" + "E8329BFD06"
    modem.pdu_in(pdu)
    yard.until(lambda: texts(yard) == ["hello"])
    (kept,) = yard.messages.page()
    assert kept.message.sent is None and kept.message.raw == pdu
    modem.sms_in("+628111", "clear")
    yard.until(lambda: len(texts(yard)) == 2)
    assert yard.messages.page()[0].message.raw == ""


def test_news_of_a_message_get_lost_and_the_safety_read_finds_it(tmp_path: Path) -> None:

    yard = Yard(tmp_path, patience=Patience(safety=0.3))
    try:
        modem = yard.ready()
        modem.news_mode[1] = 0  # the modem stores it and says nothing
        modem.sms_in("+628111", "quiet")
        yard.until(lambda: texts(yard) == ["quiet"])
    finally:
        yard.close()


def test_a_full_store_raises_an_alarm_and_is_read_empty(yard: Yard) -> None:
    modem = yard.ready()
    modem.card.capacity = 2
    modem.news_mode[1] = 0
    for number in range(3):
        modem.sms_in("+628111", f"n{number}")
    yard.until(lambda: any(isinstance(one, Alarm) and one.what == "store_full" for one in yard.heard))
    yard.until(lambda: sorted(texts(yard)) == ["n0", "n1"] and not modem.card.kept)


def test_messages_sent_from_the_card_are_deleted_when_the_settings_say_so(yard: Yard) -> None:
    modem = yard.simulated("a")
    modem.card.keep("0001000491551100000548656C6C6F", 1, status=3)
    yard.use("a", delete_sent_sms=True)
    yard.until(yard.lanes)
    yard.until(lambda: not modem.card.kept)
    assert texts(yard) == []


def test_a_delete_that_the_modem_refuses_loses_nothing_and_is_tried_again(tmp_path: Path) -> None:

    yard = Yard(tmp_path, patience=Patience(safety=0.3))
    try:
        modem = yard.ready()
        modem.faults.add(Fault("command", "refuse", "+CMS ERROR: 500", command="AT+CMGD"))
        modem.sms_in("+628111", "stubborn")
        yard.until(lambda: texts(yard) == ["stubborn"] and not modem.card.kept)
        assert texts(yard) == ["stubborn"]
    finally:
        yard.close()


def test_each_sim_has_its_own_messages_and_words_are_found(yard: Yard) -> None:
    one, two = yard.ready("a"), yard.ready("b")
    one.sms_in("+628111", "your parcel is here")
    two.sms_in("BANK", "your balance is 100% fine")
    yard.until(lambda: len(texts(yard)) == 2)
    page = yard.messages.page
    assert [kept.message.sender for kept in page(sim=two.card.iccid)] == ["BANK"]
    assert [kept.message.sender for kept in page(search="parcel")] == ["+628111"]
    assert [kept.message.sender for kept in page(search="100%")] == ["BANK"]
    assert [kept.message.sender for kept in page(search="bank")] == ["BANK"]
    assert page(search="nothing like it") == []
    assert yard.messages.unread() == {one.card.iccid: 1, two.card.iccid: 1}
    first = page(search="parcel")[0].id
    yard.messages.mark_read(first)
    yard.until(lambda: yard.messages.unread() == {two.card.iccid: 1})


def test_a_deleted_message_does_not_come_back(yard: Yard) -> None:
    (pdu,) = encode_deliver("+628111", "go away", WHEN)
    yard.inbox.take(NewPart("card", "a", 1, pdu, time.time()))
    (kept,) = yard.messages.page()
    yard.messages.delete(kept.id)
    yard.inbox.take(NewPart("card", "a", 1, pdu, time.time()))  # its copy still lay in the modem
    assert texts(yard) == []


# -- delivery reports -----------------------------------------------------------------------------------


def sent(
    yard: Yard, seq: int, refs: str, parts: int, number: str = "6281234567890", sim: str = "card"
) -> None:
    yard.database.submit(
        lambda connection: connection.execute(
            "INSERT INTO message (seq, id, command, owner, receiver, fingerprint, state, modem, sim, refs,"
            " parts, accepted, finished)"
            " VALUES (?, ?, 'send-sms', 'rest:u', ?, x'00', 'sent', 'a', ?, ?, ?, ?, ?)",
            (seq, f"m{seq}", number, sim, refs, parts, time.time(), time.time()),
        )
    ).wait()


def state(yard: Yard, seq: int) -> tuple[str, str]:
    row = yard.ledger.find("rest:u", f"m{seq}")
    assert row is not None
    return str(row.state), row.reason


def report(
    yard: Yard, reference: int, outcome: str = "delivered", tail: str = "4567890", **more: object
) -> None:
    status = {"delivered": 0, "pending": 0x20, "failed": 0x45}[outcome]
    yard.reports.match(str(more.get("sim", "card")), reference, tail, status, outcome, time.time())
    yard.database.submit(lambda connection: None).wait()


def test_a_message_is_delivered_when_its_report_comes(yard: Yard) -> None:
    sent(yard, 1, "7", 1)
    report(yard, 7)
    assert state(yard, 1) == ("delivered", "")
    (told,) = yard.reported
    assert (told.id, told.owner, told.state) == ("m1", "rest:u", "delivered")


def test_a_multipart_message_is_delivered_when_all_its_parts_are(yard: Yard) -> None:
    sent(yard, 1, "7,8,9", 3)
    report(yard, 8)
    report(yard, 7)
    assert state(yard, 1) == ("sent", "")
    report(yard, 9)
    assert state(yard, 1) == ("delivered", "")


def test_a_report_that_says_failed_is_told_with_its_reason(yard: Yard) -> None:
    sent(yard, 1, "7,8", 2)
    report(yard, 7)
    report(yard, 8, "failed")
    assert state(yard, 1) == ("failed", "undelivered")


def test_a_network_that_goes_on_trying_changes_nothing(yard: Yard) -> None:
    sent(yard, 1, "7", 1)
    report(yard, 7, "pending")
    assert state(yard, 1) == ("sent", "")


def test_reports_are_matched_by_sim_reference_last_seven_digits_and_time(yard: Yard) -> None:
    sent(yard, 1, "7", 1, number="6281234567890")
    sent(yard, 2, "7", 1, number="6281299999999")
    sent(yard, 3, "7", 1, sim="other")
    report(yard, 7, tail="9999999")
    assert [state(yard, seq)[0] for seq in (1, 2, 3)] == ["sent", "delivered", "sent"]
    report(yard, 7, sim="other")
    assert [state(yard, seq)[0] for seq in (1, 2, 3)] == ["sent", "delivered", "delivered"]
    yard.database.submit(
        lambda connection: connection.execute("UPDATE message SET finished = finished - 400000 WHERE seq = 1")
    ).wait()
    report(yard, 7)  # four days later the reference is another message's
    assert state(yard, 1)[0] == "sent"


def test_the_newest_message_with_a_reference_is_meant(yard: Yard) -> None:
    sent(yard, 1, "7", 1)
    sent(yard, 2, "7", 1)
    report(yard, 7)
    assert [state(yard, seq)[0] for seq in (1, 2)] == ["sent", "delivered"]


def test_a_reference_that_came_too_late_makes_an_unknown_outcome_sent(yard: Yard) -> None:
    sent(yard, 1, "", 0)
    yard.database.submit(
        lambda connection: connection.execute("UPDATE message SET state = 'unknown', sim = ''")
    ).wait()
    yard.reports.late_reference(1, "card", 7)
    yard.database.submit(lambda connection: None).wait()
    assert state(yard, 1) == ("sent", "")
    report(yard, 7)
    assert state(yard, 1) == ("delivered", "")


def test_a_late_reference_of_the_modem_ends_the_uncertainty(tmp_path: Path) -> None:
    yard = Yard(tmp_path, patience=Patience(send=1.0))
    try:
        modem = yard.ready()
        sent(yard, 1, "", 0, sim="")
        yard.database.submit(
            lambda connection: connection.execute("UPDATE message SET state = 'unknown'")
        ).wait()
        modem.faults.add(Fault("body", "late", seconds=3.0))
        job = parcel("slow")
        yard.fleet.submit("a", job)
        assert isinstance(job.wait(), UnknownOutcome)
        yard.until(lambda: state(yard, 1) == ("sent", ""))
    finally:
        yard.close()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, "delivered"), (0x45, "failed"), (0x20, "sent")],
    ids=["arrived", "not", "waits"],
)
def test_a_report_on_a_message_whose_outcome_is_unknown_ends_the_uncertainty(
    tmp_path: Path, status: int, outcome: str
) -> None:
    """The modem took it and never told the reference; the network's report names one that fits no other."""
    yard = Yard(tmp_path, patience=Patience(send=1.0))
    try:
        modem = yard.ready()
        modem.report_status, modem.report_delay = status, 2.0
        modem.faults.add(Fault("body", "silence", sent=True))
        sent(yard, 1, "", 1, sim="")
        yard.database.submit(
            lambda connection: connection.execute("UPDATE message SET state = 'unknown'")
        ).wait()
        job = parcel("into the dark")
        job.message = replace(job.message, report=True)
        yard.fleet.submit("a", job)
        assert isinstance(job.wait(), UnknownOutcome)
        yard.until(lambda: state(yard, 1)[0] == outcome)
        assert yard.air.messages == 1
    finally:
        yard.close()


def test_a_report_that_could_be_about_two_messages_is_about_none(yard: Yard) -> None:
    for seq in (1, 2):
        sent(yard, seq, "", 1, sim="")
    yard.database.submit(lambda connection: connection.execute("UPDATE message SET state = 'unknown'")).wait()
    yard.reports.match("card", 9, "4567890", 0, "delivered", time.time(), "a")
    yard.database.submit(lambda connection: None).wait()
    assert [state(yard, seq)[0] for seq in (1, 2)] == ["unknown", "unknown"]


def test_a_report_of_a_card_that_tells_no_number_reaches_the_ledger(yard: Yard) -> None:
    modem = yard.simulated("a", card=replace(numbered(0), iccid=""))
    yard.use("a")
    yard.until(yard.lanes)
    job = parcel("hello")
    yard.fleet.submit("a", job)
    outcome = job.wait()
    assert isinstance(outcome, Sent) and outcome.sim == "modem:a"
    sent(yard, 1, "7", 1, number="628111", sim=outcome.sim)
    modem.say(f"+CDS: 22\r\n{REPORT}")
    yard.until(lambda: state(yard, 1) == ("delivered", ""))


def test_a_report_of_a_modem_that_still_starts_is_matched_by_the_card_it_turns_out_to_have(
    yard: Yard,
) -> None:
    card = ""
    errand = yard.inbox.errand(ReportArrived(REPORT), "a", lambda: card)
    sent(yard, 1, "7", 1, number="628111", sim="card")
    card = "card"
    assert errand is not None
    errand(None)
    yard.database.submit(lambda connection: None).wait()
    assert state(yard, 1) == ("delivered", "")


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        (FIND, ("card", "4567890", 0.0, "%,7,%"), "message_reported (sim=? AND <expr>=? AND finished>?)"),
        (ADOPT, ("a", 0.0, "4567890"), "message_unknown (modem=? AND finished>?)"),
        ("DELETE FROM message WHERE finished < ?", (0.0,), "message_finished (finished<?)"),
    ],
    ids=["find", "adopt", "sweep"],
)
def test_no_question_about_reports_reads_the_whole_ledger(
    yard: Yard, query: str, values: tuple[object, ...], index: str
) -> None:
    plan = [row[3] for row in yard.database.read(f"EXPLAIN QUERY PLAN {query}", *values)]
    assert len(plan) == 1 and index in plan[0]  # no table is scanned and nothing is sorted


def test_reports_go_with_their_message(yard: Yard) -> None:
    sent(yard, 1, "7", 1)
    report(yard, 7)
    assert yard.database.read("SELECT seq FROM part_report") == [(1,)]
    yard.ledger.sweep(time.time() + 10)
    yard.database.submit(lambda connection: None).wait()
    assert yard.database.read("SELECT seq FROM part_report") == []


def test_a_report_of_the_modem_reaches_the_ledger(yard: Yard) -> None:
    modem = yard.ready()
    modem.report_delay = 0.2
    sent(yard, 1, "1", 1, sim=modem.card.iccid)
    job = parcel("with a report")
    job.message = replace(job.message, report=True)
    yard.fleet.submit("a", job)
    assert isinstance(job.wait(), Sent)
    yard.until(lambda: state(yard, 1) == ("delivered", ""))
    assert [one.state for one in yard.reported] == ["delivered"]
