"""Inbox: what people wrote to our SIM cards, read, found, answered, handed on and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bottle import HTTPResponse

from app.core.commands import Source
from app.core.errors import GatewayError
from app.core.inbox import InboxMessage
from app.core.receiver import masked
from app.web.admin.routes import OPERATOR, VIEWER, Route, may
from app.web.admin.visit import Visit

PAGE = 50


def inbox(visit: Visit) -> HTTPResponse:
    exchange = visit.house.exchange
    before = visit.number("before")
    rows = _rows(visit, before)
    return visit.page(
        "inbox.html",
        rows=rows[:PAGE],
        older=rows[PAGE - 1].id if len(rows) > PAGE else 0,
        newest=not before,
        sim=visit.asked("sim")[:40],
        search=_search(visit),
        cards=exchange.messages.cards(),
        ways=exchange.outbox.ways(),
        alarms=[one for one in visit.house.news.items() if one.what == "store_full"],
        **_names(visit),
    )


def part(visit: Visit) -> HTTPResponse:
    return visit.page("part_inbox.html", rows=_rows(visit, 0)[:PAGE], **_names(visit))


def _rows(visit: Visit, before: int) -> Sequence[InboxMessage]:
    messages = visit.house.exchange.messages
    return messages.page(sim=visit.asked("sim")[:40], search=_search(visit), before=before, limit=PAGE + 1)


def _search(visit: Visit) -> str:
    """A search tells what stands in messages, which is not a viewer's business."""
    return visit.asked("search")[:100].strip() if may(visit.role, OPERATOR) else ""


def _names(visit: Visit) -> dict[str, Any]:
    """Names of modems; and the sender as the visitor may see it, as in the ledger."""
    whole = may(visit.role, OPERATOR)
    return {
        "names": {card["id"]: card["name"] for card in visit.house.modems.cards()},
        "sender": lambda text: text if whole else masked(text),
        "whole": whole,
    }


def one(visit: Visit, seq: str, why: str = "", status: int = 200) -> HTTPResponse:
    kept = _message(visit, seq)
    if kept is None:
        return _gone(visit)
    if may(visit.role, OPERATOR) and not kept.read:
        visit.house.exchange.messages.mark_read(kept.id)
    return visit.page(
        "inbox_message.html",
        status,
        kept=kept,
        ways=visit.house.exchange.outbox.of(kept.id),
        modems=[
            card for card in visit.house.modems.cards() if card["active"] and not card["internet_access"]
        ],
        number=_number(visit, kept.message.sender),
        text=visit.text("message"),
        measured=None,
        why=why,
        **_names(visit),
    )


def _message(visit: Visit, seq: str) -> InboxMessage | None:
    known = seq.isdecimal() and len(seq) < 16
    return visit.house.exchange.messages.one(int(seq)) if known else None


def _number(visit: Visit, sender: str) -> str:
    """The number under which the sender can be answered and blocked; "" for a name such as BANK."""
    try:
        return visit.house.gateway.intake.numbering.canonical(sender)
    except GatewayError:
        return ""


def _gone(visit: Visit) -> HTTPResponse:
    return visit.nothing(visit.t("This message is no longer in the inbox."))


def act(visit: Visit, seq: str) -> HTTPResponse:
    """What is done with one message on its page."""
    kept = _message(visit, seq)
    if kept is None:
        return _gone(visit)
    exchange, do = visit.house.exchange, visit.text("do")
    if do == "reply":
        return _reply(visit, kept)
    if do == "replay":
        ways = exchange.forwarder.replay(kept.id)
        visit.note("inbox.handed-on", str(kept.id))
        return visit.go(f"/inbox/{kept.id}", visit.t("Handed on again: %(count)s.", count=ways))
    exchange.messages.mark_read(kept.id, do != "unread")
    return visit.go("/inbox")


def _reply(visit: Visit, kept: InboxMessage) -> HTTPResponse:
    text = visit.text("message").replace("\r\n", "\n")
    if not text:
        return one(visit, str(kept.id), visit.t("The message is empty."), 422)
    try:
        reply = visit.house.exchange.reply(kept.id, text, visit.name, visit.text("via"))
    except GatewayError as error:
        return one(visit, str(kept.id), visit.t(str(error)), 422)
    if not reply.ok:
        return one(visit, str(kept.id), visit.t(reply.error), 422)
    visit.note("inbox.answered", f"{kept.id}: {reply.data['id']}")
    row = visit.house.gateway.status(Source("admin", visit.name), reply.data["id"])
    return visit.go(f"/messages/way/{row.seq}" if row else "/messages")


def several(visit: Visit) -> HTTPResponse:
    """Mark or delete those that are ticked; deleting asks first."""
    wanted = [int(text) for text in visit.form.get("id", ()) if text.isdecimal() and len(text) < 16][:1000]
    do, messages = visit.text("do"), visit.house.exchange.messages
    if not wanted:
        return visit.go("/inbox", visit.t("Tick the messages first."), "note")
    if do == "delete" and not visit.text("sure"):
        return visit.page("inbox_delete.html", wanted=wanted)
    for number in wanted:
        if do == "delete":
            messages.delete(number)
        elif do in ("read", "unread"):
            messages.mark_read(number, do == "read")
    if do == "delete":
        visit.note("inbox.deleted", f"{len(wanted)} messages: {', '.join(map(str, wanted[:50]))}")
    return visit.go("/inbox", visit.t("Done."))


def replay_failed(visit: Visit) -> HTTPResponse:
    """Hand on again whatever was given up."""
    ways = visit.house.exchange.forwarder.replay_failed()
    visit.note("inbox.handed-on", f"{ways} that were given up")
    return visit.go("/inbox", visit.t("Handed on again: %(count)s.", count=ways))


routes = [
    Route("GET", "/inbox", inbox, VIEWER, place="messages"),
    Route("POST", "/inbox", several, OPERATOR, place="messages"),
    Route("GET", "/part/inbox", part, VIEWER, quiet=True),
    Route("POST", "/inbox/forwarding", replay_failed, OPERATOR, place="messages"),
    Route("GET", "/inbox/<seq>", one, VIEWER, place="messages"),
    Route("POST", "/inbox/<seq>", act, OPERATOR, place="messages"),
]
