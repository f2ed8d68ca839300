"""Messages: write one, find any in the ledger, follow the way it took, take a day along as CSV."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator

from bottle import HTTPResponse

from app.core.commands import SendSms, Source
from app.core.errors import BadRequest
from app.core.message import LedgerRow, State
from app.core.receiver import masked
from app.store.book import Filter
from app.web.admin.routes import OPERATOR, VIEWER, Route, may
from app.web.admin.visit import Visit, digits

PAGE = 50
DAY = 86400.0


def ledger(visit: Visit) -> HTTPResponse:
    wanted, before = _filter(visit), visit.number("before")
    rows = visit.house.book.page(wanted, before, PAGE + 1)
    return visit.page(
        "messages.html",
        rows=rows[:PAGE],
        older=rows[PAGE - 1][1].seq if len(rows) > PAGE else 0,
        wanted=wanted,
        day=visit.asked("day"),
        newest=not before,
        states=[str(state) for state in State],
        modems=visit.house.modems.cards(),
        today=time.strftime("%Y-%m-%d"),
        shown=lambda receiver: shown(visit, receiver),
    )


def part(visit: Visit) -> HTTPResponse:
    rows = visit.house.book.page(_filter(visit), 0, PAGE)
    return visit.page("part_ledger.html", rows=rows, shown=lambda receiver: shown(visit, receiver))


def shown(visit: Visit, receiver: str) -> str:
    """A viewer looks at how things go, not at whose numbers they are."""
    return receiver if may(visit.role, OPERATOR) else masked(receiver)


def _filter(visit: Visit) -> Filter:
    since = _day(visit.asked("day"))
    return Filter(
        state=visit.asked("state")[:20],
        modem=visit.asked("modem")[:64],
        receiver=digits(visit.asked("receiver")) if may(visit.role, OPERATOR) else "",
        owner=visit.asked("owner")[:64],
        since=since,
        until=since + DAY if since else 0.0,
    )


def _day(text: str) -> float:
    """Midnight, local time, of ``2026-05-31``; 0 for what is no day."""
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return 0.0


def one(visit: Visit, seq: str) -> HTTPResponse:
    found = visit.house.book.one(int(seq)) if seq.isdecimal() and len(seq) < 16 else None
    if found is None:
        return visit.nothing(visit.t("The ledger has no such message; it keeps them for 90 days."))
    names = {card["id"]: card["name"] for card in visit.house.modems.cards()}
    template = "part_way.html" if visit.live else "message.html"
    owner, row = found
    return visit.page(
        template,
        owner=owner,
        row=row,
        names=names,
        receiver=shown(visit, row.receiver),
        reports=visit.house.book.reports(row.seq),
    )


def compose(visit: Visit, why: str = "", status: int = 200, measured: object = None) -> HTTPResponse:
    return visit.page(
        "compose.html",
        status,
        receiver=visit.text("receiver") or visit.asked("to"),
        message=visit.text("message"),
        via=visit.text("via"),
        report=bool(visit.text("report")),
        modems=visit.house.modems.cards(),
        why=why,
        measured=measured,
    )


def send(visit: Visit) -> HTTPResponse:
    if visit.text("do") == "preview":
        return compose(visit, measured=_measured(visit))
    via = visit.text("via")
    if via and via not in {card["id"] for card in visit.house.modems.cards()}:
        return compose(visit, visit.t("There is no such modem."), 422)
    if not visit.text("message"):
        return compose(visit, visit.t("The message is empty."), 422)
    command = SendSms(
        "send-sms", visit.text("receiver"), _text(visit), report=bool(visit.text("report")), via=via
    )
    source = Source("admin", visit.name)
    reply = visit.house.gateway.take(command, source)
    if not reply.ok:
        return compose(visit, visit.t(reply.error), 422)
    visit.note("message.sent", reply.data["id"])
    row = visit.house.gateway.status(source, reply.data["id"])
    return visit.go(f"/messages/way/{row.seq}" if row else "/messages")


def preview(visit: Visit) -> HTTPResponse:
    return visit.page("part_preview.html", measured=_measured(visit))


def _text(visit: Visit) -> str:
    return visit.text("message").replace("\r\n", "\n")


def _measured(visit: Visit) -> object:
    try:
        return visit.house.modems.measure(_text(visit))
    except BadRequest as error:
        return str(error)


def download(visit: Visit) -> HTTPResponse:
    """A day of the ledger, streamed: it may be a hundred thousand lines."""
    day = visit.asked("day") or time.strftime("%Y-%m-%d")
    since = _day(day)
    if not since:
        return visit.go("/messages", visit.t("That is not a day."), "bad")
    visit.note("ledger.downloaded", day)
    name = time.strftime("%Y-%m-%d", time.localtime(since))
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="otp-pi-{name}.csv"',
        "Cache-Control": "no-store",
    }
    return HTTPResponse(_lines(visit.house.book.day(since, since + DAY)), 200, headers)


COLUMNS = (
    "accepted",
    "finished",
    "id",
    "command",
    "owner",
    "receiver",
    "state",
    "code",
    "reason",
    "modem",
    "parts",
)


def _lines(rows: Iterator[tuple[str, LedgerRow]]) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for owner, row in rows:
        cells = (owner if name == "owner" else getattr(row, name) for name in COLUMNS)
        writer.writerow([_cell(value) for value in cells])
        if buffer.tell() > 32_000:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _cell(value: object) -> str:
    """Times to the second; what a spreadsheet would take for a formula is made a text."""
    if isinstance(value, float):
        return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(value))
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


routes = [
    Route("GET", "/messages", ledger, VIEWER, place="messages"),
    Route("GET", "/part/messages", part, VIEWER, quiet=True),
    Route("GET", "/messages/way/<seq>", one, VIEWER, place="messages"),
    Route("GET", "/messages/new", compose, OPERATOR, place="messages"),
    Route("POST", "/messages/new", send, OPERATOR, place="messages"),
    Route("POST", "/part/preview", preview, OPERATOR, quiet=True),
    Route("GET", "/messages/csv", download, OPERATOR),
]
