"""The block list: add, free, delete, search, and the whole of it in and out as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.core.receiver import masked
from app.settings.blocking import BlockedNumber
from app.web.admin.routes import OPERATOR, VIEWER, Route, may
from app.web.admin.visit import Visit, digits

PAGE = 100
IMPORT = 8 * 1024 * 1024
MOST = 200_000


def _numbers(visit: Visit) -> Mapping[str, BlockedNumber]:
    return visit.house.store.items(BlockedNumber)


def blocklist(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    """A viewer sees no whole number, and cannot try one out by searching, as in the ledger and the inbox."""
    whole = may(visit.role, OPERATOR)
    search = digits(visit.asked("search")) if whole else ""
    numbers = _numbers(visit)
    found = [one for one in reversed(numbers.values()) if search in one.number]  # type: ignore[call-overload]
    return visit.page(
        "blocklist.html",
        status,
        found=found[:PAGE],
        count=len(found),
        total=len(numbers),
        search=search,
        whole=whole,
        shown=lambda number: number if whole else masked(number),
        why=why,
    )


def add(visit: Visit) -> HTTPResponse:
    try:
        number = visit.house.gateway.intake.numbering.canonical(visit.text("number"))
        visit.house.gateway.intake.blocklist.block(number, f"admin:{visit.name}")
    except GatewayError as error:
        return blocklist(visit, visit.t(str(error)), 422)
    visit.note("number.blocked", number)
    return visit.go("/blocklist", visit.t("%(number)s is blocked.", number=number))


def change(visit: Visit, number: str) -> HTTPResponse:
    """Free a number, block it again, or forget about it."""
    numbers, listed = _numbers(visit), visit.house.gateway.intake.blocklist
    do = visit.text("do")
    if number not in numbers:
        return visit.go("/blocklist", visit.t("The list does not hold that number."), "bad")
    try:
        if do == "block":
            listed.block(number, f"admin:{visit.name}")
        elif do == "whiten":
            listed.unblock(number, f"admin:{visit.name}")
        elif do == "delete":
            visit.house.store.remove(BlockedNumber, number)
    except GatewayError as error:
        return visit.go("/blocklist", visit.t(str(error)), "bad")
    visit.note(f"number.{do}" if do in ("block", "whiten", "delete") else "number", number)
    return visit.go("/blocklist", visit.t("Done."))


def export(visit: Visit) -> HTTPResponse:
    lines = "".join(f"{one.number},{one.state},{one.since},{one.by}\n" for one in _numbers(visit).values())
    visit.note("blocklist.exported")
    return visit.send(lines.encode(), "text/csv; charset=utf-8", name="block-list.csv")


def bring_in(visit: Visit) -> HTTPResponse:
    """Numbers one a line, from a file or typed; what follows a comma is left out, ``whitened`` is heeded."""
    text = visit.upload("file").decode("utf-8-sig", "replace") or visit.text("numbers")
    good, bad = _read(visit, text.splitlines()[:MOST])
    if good:
        visit.house.store.change(BlockedNumber, lambda old: {**old.value, **good})  # type: ignore[dict-item]
    visit.note("blocklist.imported", f"{len(good)} numbers")
    told = visit.t("%(good)s numbers were taken over.", good=len(good))
    if bad:
        told += " " + visit.t(
            "%(bad)s lines are no telephone numbers: %(which)s", bad=len(bad), which=", ".join(bad[:5])
        )
    return visit.go("/blocklist", told, "note" if bad else "good")


def _read(visit: Visit, lines: Iterable[str]) -> tuple[dict[str, BlockedNumber], list[str]]:
    now, by = int(visit.house.clock.wall()), f"admin:{visit.name}"
    good, bad = {}, []
    for line in lines:
        given, _, rest = line.partition(",")
        if not given.strip():
            continue
        try:
            number = visit.house.gateway.intake.numbering.canonical(given)
        except GatewayError:
            bad.append(given[:20])
            continue
        state: Literal["blocked", "whitened"] = (
            "whitened" if rest.strip().startswith("whitened") else "blocked"
        )
        good[number] = BlockedNumber(number=number, state=state, since=now, by=by)
    return good, bad


routes = [
    Route("GET", "/blocklist", blocklist, VIEWER, place="routing"),
    Route("POST", "/blocklist", add, OPERATOR, place="routing"),
    Route("POST", "/blocklist/number/<number>", change, OPERATOR),
    Route("GET", "/blocklist/export", export),
    Route("POST", "/blocklist/import", bring_in, body=IMPORT),
]
