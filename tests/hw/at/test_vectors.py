"""The AT layer against recorded answers of real modems, where they lie beside the project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hw.at import replies, stored, textmode
from hw.at.transcript import Transcript, read_transcript
from hw.gsm import ussd
from hw.gsm.events import MessageArrived, ReportStored, StoreFull
from hw.gsm.news import event_of
from hw.gsm.pdu import PduError, StatusReport, decode

FILE = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "at_transcripts.json"
Vector = dict[str, Any]

#: What a recording says where its expectation says something else: this one spells eleven digits, not twelve
#: (002B 0039 0037 0032 0035 0034 0031 0032 0030 0030 0033 0032).
CORRECTED: dict[str, Vector] = {"csca-2": {"smsc": "+97254120032"}}


def vectors() -> list[Any]:
    """One parameter a transcript; one that skips when the file is absent."""
    if not FILE.is_file():
        absent = pytest.mark.skip(reason="no conformance vectors: ../shared/vectors is not there")
        return [pytest.param({}, id="absent", marks=absent)]
    transcripts = json.loads(FILE.read_text("utf-8"))["transcripts"]
    return [pytest.param(vector, id=vector["id"]) for vector in transcripts]


@pytest.mark.parametrize("vector", vectors())
def test_transcript(vector: Vector) -> None:
    read = read_transcript(vector["raw"].encode("latin-1"), vector["command"])
    vector = {**vector, "expect": CORRECTED.get(vector["id"], vector["expect"])}
    _CHECKS[vector["kind"]](vector, read)


def _lines(read: Transcript) -> list[str]:
    """The answer, or the news where nothing was asked."""
    return list(read.lines) or [item.text for item in read.news]


def _final(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    if expect["final"] == "ok-after-grace":
        assert read.complete_without_final
        assert list(read.lines) == expect["info"]
        return
    assert read.result is not None
    assert read.result.ok == (expect["final"] == "ok")


def _cmgs(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    assert read.prompts == 1
    assert read.result is not None and read.result.ok
    assert stored.reference(read.lines) == expect["reference"]
    assert [item.prefix for item in read.news] == expect.get("urcs", [])


def _ussd(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    answers = [ussd.read(replies.ussd(item.text), expect.get("cscs")) for item in read.news]
    answer = ussd.best([each for each in answers if each.status is not None])
    assert answer is not None and answer.text is not None
    assert answer.status == expect["status"]
    if expect["text"] is not None:
        assert answer.text in expect.get("text_any", [expect["text"]])
    assert answer.text.startswith(expect.get("text_starts_with", ""))
    assert answer.text.endswith(expect.get("text_ends_with", ""))
    assert answer.final == expect.get("final", answer.final)
    assert answer.replyable == expect.get("reply_needed", answer.replyable)


def _urc(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    assert not read.lines and read.result is None
    (item,) = read.news
    event = event_of(item)
    if expect["urc"] == "store_full":
        assert event == StoreFull()
    elif expect["urc"] == "new_sms_stored":
        assert event == MessageArrived(expect["memory"], expect["index"])
    else:
        assert event == ReportStored(expect["memory"], expect["index"])


def _cmgr(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    lines = read.lines if vector["command"] else read_transcript(vector["raw"].encode(), "AT+CMGR=1").lines
    found = stored.message(lines)
    if expect.get("empty"):
        assert found is None
        assert [item.prefix for item in read.news if item.prefix == "+CMTI"] == expect.get("urcs", [])
        return
    assert found is not None
    if found.pdu is None:
        report = textmode.report(lines[0])
        assert report is not None and expect["kind"] == "status-report"
        assert (report.reference, report.number) == (expect["reference"], expect["number"])
        assert report.status == expect["status"]
        return
    message = decode(found.pdu)
    if expect.get("kind") == "status-report":
        assert isinstance(message, StatusReport)
        assert message.message_reference == expect["reference"]
        return
    assert found.status == expect["status"]
    assert message.address.number == expect["number"]


def _cmgl(vector: Vector, read: Transcript) -> None:
    entries = stored.listing(read.lines)
    assert len(entries) == len(vector["expect"]["entries"])
    for entry, expect in zip(entries, vector["expect"]["entries"], strict=True):
        assert (entry.index, entry.status) == (expect["index"], expect["status"])
        assert entry.pdu is not None
        assert entry.pdu == expect.get("pdu", entry.pdu)
        try:
            message = decode(entry.pdu)
        except PduError:
            assert "text" not in expect
        else:
            assert "text" not in expect or getattr(message, "text", None) == expect["text"]


def _cmgl_text(vector: Vector, read: Transcript) -> None:
    for entry, expect in zip(textmode.listing(read.lines), vector["expect"]["entries"], strict=True):
        assert entry.index == expect["index"]
        assert (entry.status, entry.number, entry.text) == (
            expect["status"],
            expect["number"],
            expect["text"],
        )
        assert entry.sent is not None and entry.sent.isoformat() == expect["scts"]


def _creg(vector: Vector, read: Transcript) -> None:
    found = replies.registration(_lines(read))
    values = {
        "stat": found.stat,
        "registered": found.registered,
        "sms_capable": found.sms_capable,
        "lac": found.lac,
        "ci": found.ci,
        "act": found.act,
    }
    expect = {key: value for key, value in vector["expect"].items() if key != "note"}
    assert {key: values[key] for key in expect} == expect


def _cops(vector: Vector, read: Transcript) -> None:
    expect = dict(vector["expect"])
    found = replies.operator(read.lines, expect.pop("cscs", "GSM"))
    values = {"mode": found.mode, "format": found.format, "operator": found.name, "act": found.act}
    assert {key: values[key] for key in expect} == expect


def _cops_scan(vector: Vector, read: Transcript) -> None:
    assert [vars(network) for network in replies.networks(read.lines)] == vector["expect"]["networks"]


def _cpin(vector: Vector, read: Transcript) -> None:
    assert replies.sim_state(read.lines) == vector["expect"]["state"]


def _csq(vector: Vector, read: Transcript) -> None:
    found = replies.signal(read.lines)
    assert {"rssi": found.value, "dbm": found.rssi} == vector["expect"]


def _cnum(vector: Vector, read: Transcript) -> None:
    assert replies.own_numbers(read.lines) == vector["expect"]["numbers"]


def _iccid(vector: Vector, read: Transcript) -> None:
    assert replies.iccid(read.lines) == vector["expect"]["iccid"]


def _cpms_test(vector: Vector, read: Transcript) -> None:
    assert replies.supported_stores(read.lines) == vector["expect"]["storages"]


def _cpms(vector: Vector, read: Transcript) -> None:
    expect = vector["expect"]
    first = next(iter(replies.stores(read.lines)), replies.Store(None, None, None))
    values = {"mem1": first.name, "used1": first.used, "total1": first.total, "full": first.full}
    assert {key: values[key] for key in expect} == expect


def _cnmi_test(vector: Vector, read: Transcript) -> None:
    assert replies.supported_numbers(read.lines, "+CNMI") == vector["expect"]["supported"]


def _csca(vector: Vector, read: Transcript) -> None:
    assert replies.smsc(read.lines) == vector["expect"]["smsc"]


def _cscs_test(vector: Vector, read: Transcript) -> None:
    assert replies.charsets(read.lines) == vector["expect"]["charsets"]


def _noise(vector: Vector, read: Transcript) -> None:
    assert not read.lines and read.result is None
    assert [*(item.text for item in read.news), *read.noise] == [vector["expect"]["line"]]


_CHECKS: dict[str, Callable[[Vector, Transcript], None]] = {
    "final": _final,
    "cmgs": _cmgs,
    "ussd": _ussd,
    "urc": _urc,
    "cmgr": _cmgr,
    "cmgl": _cmgl,
    "cmgl-text": _cmgl_text,
    "creg": _creg,
    "cops": _cops,
    "cops-scan": _cops_scan,
    "cpin": _cpin,
    "csq": _csq,
    "cnum": _cnum,
    "iccid": _iccid,
    "cpms-test": _cpms_test,
    "cpms": _cpms,
    "cnmi-test": _cnmi_test,
    "csca": _csca,
    "cscs-test": _cscs_test,
    "urc-noise": _noise,
}
