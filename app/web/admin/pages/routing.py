"""Routing: which SIM carries which numbers, and a simulator that says why."""

from __future__ import annotations

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.core.receiver import masked
from app.core.routing import Router
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit


def routing(visit: Visit) -> HTTPResponse:
    number = visit.asked("number")[:40]
    result = _simulated(visit, number) if number else None
    template = "part_route.html" if visit.live else "routing.html"
    return visit.page(template, cards=visit.house.modems.cards(), number=number, result=result)


def _simulated(visit: Visit, number: str) -> dict[str, object]:
    """What would happen to a message to this number now; a router of its own, so that no turn is used up."""
    intake = visit.house.gateway.intake
    try:
        canonical = intake.numbering.canonical(number)
    except GatewayError as error:
        return {"why": visit.t(str(error)), "choices": (), "number": ""}
    if canonical in intake.blocklist:
        why = visit.t("%(number)s is on the block list.", number=masked(canonical))
        return {"why": why, "choices": (), "number": canonical}
    choices = Router().candidates(canonical, visit.house.lanes())
    why = "" if choices else visit.t("No modem may carry it now.")
    return {"why": why, "choices": choices, "number": canonical}


routes = [Route("GET", "/routing", routing, VIEWER, place="routing")]
