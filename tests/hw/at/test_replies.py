"""Answers and news, read; recorded ones of many modems are in test_vectors."""

from __future__ import annotations

import pytest

from hw.at import replies, stored, textmode
from hw.at.replies import Registration, Signal, Ussd
from hw.at.stored import Place, Stored


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ("+CSQ: 0,99", Signal(0, -113, None, "none")),
        ("+CSQ: 9,0", Signal(9, -95, 0, "marginal")),
        ("+CSQ: 14,3", Signal(14, -85, 3, "ok")),
        ("+CSQ: 31,7", Signal(31, -51, 7, "excellent")),
        ("+CSQ: 99,99", Signal(None, None, None, "unknown")),
        ("+CSQ: 140,99", Signal(140, -76, None, "excellent")),
        ("+CSQ: 199,99", Signal(None, None, None, "unknown")),
        ("+CSQ: ,", Signal(None, None, None, "unknown")),
    ],
)
def test_signal_in_dbm_and_in_words(line: str, signal: Signal) -> None:
    assert replies.signal([line]) == signal


@pytest.mark.parametrize(
    ("stat", "registered", "sms_capable"),
    [(0, False, False), (1, True, True), (2, False, False), (5, True, True), (6, False, True),
     (7, False, True), (8, False, False), (10, True, True), (11, False, False)],
)  # fmt: skip
def test_who_may_send(stat: int, registered: bool, sms_capable: bool) -> None:
    found = replies.registration([f"+CREG: 0,{stat}"])
    assert found == Registration(stat)
    assert (found.registered, found.sms_capable) == (registered, sms_capable)


@pytest.mark.parametrize(
    ("line", "ussd"),
    [
        ('+CUSD: 0,"Rp 25.000",15', Ussd(0, "Rp 25.000", 15)),
        ("+CUSD: 2", Ussd(2)),
        ('+CUSD:1,"say ""hi"", now",15', Ussd(1, 'say ""hi"", now', 15)),
        ('+CUSD: 0,"no end', Ussd(0, "no end")),
        ("+CUSD: 0,AA180C3602,15", Ussd(0, "AA180C3602", 15)),
        ('+CUSD: 0,"x",999', Ussd(0, "x", None)),
        ("+CUSD: nonsense", Ussd(None, "nonsense")),
    ],
)
def test_ussd(line: str, ussd: Ussd) -> None:
    assert replies.ussd(line) == ussd


def test_a_place_that_could_not_be_stored() -> None:
    assert stored.place('+CMTI: "SM",3') == Place("SM", 3)
    assert stored.place("+CMTI: ,-1") == Place(None, None)


def test_a_listing_with_an_entry_that_could_not_be_read() -> None:
    lines = ["+CMGL: 1,1,,24", "junk between", "0791448720003023", '+CMGL: 2,0,"",24']
    assert stored.listing(lines) == [Stored(1, 1, 24, "0791448720003023"), Stored(2, 0, 24, None)]
    assert "0791" not in repr(stored.listing(lines))


@pytest.mark.parametrize("status", ["+CLCK: 1", "+CLCK: 1,7"])
def test_the_pin_lock(status: str) -> None:
    assert replies.lock_status([status]) is True
    assert replies.lock_status(["+CLCK: 0"]) is False
    assert replies.lock_status([]) is None


@pytest.mark.parametrize(
    "line",
    [
        "^CPIN: SIM PIN,3,10,3,10,2",
        "^CPIN: READY,,10,3,10,2",
        "+SPIC: 3,10,0,10",
        '+QPINC: "SC",3,10',
        "+CPINR: SIM PIN,3,3",
    ],
)
def test_tries_left(line: str) -> None:
    assert replies.tries_left([line]) == 3


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["SIMCOM_Ltd"], "SIMCOM_Ltd"),
        (['+CGMI: "Quectel"'], "Quectel"),
        (["Revision:1418B05SIM800L24"], "1418B05SIM800L24"),
        ([], ""),
    ],
)
def test_names_of_the_modem(lines: list[str], text: str) -> None:
    assert replies.free_text(lines) == text


def test_text_mode_reports_and_times() -> None:
    report = textmode.report('+CDS: 6,20,"0870000000",129,"13/04/29,19:58:00+04","13/04/29,19:59:00+04",0')
    assert report is not None
    assert (report.reference, report.number, report.status) == (20, "0870000000", 0)
    assert report.done is not None and report.done.isoformat() == "2013-04-29T19:59:00+01:00"
    assert textmode.report('+CDS: 5,20,"0870000000",129,,,0') is None
    assert textmode.timestamp("13/02/30,00:00:00+00") is None
