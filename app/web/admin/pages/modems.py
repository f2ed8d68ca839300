"""Modems: a card each, Detect, a test, and the monitor that draws messages on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.modems import Modem
from app.settings.sms import Sms
from app.store.book import Filter
from app.web.admin.places import sections_of
from app.web.admin.routes import OPERATOR, VIEWER, Route
from app.web.admin.visit import Visit


def modems(visit: Visit) -> HTTPResponse:
    return visit.page("modems.html", sections=sections_of("modems"), **state(visit))


def part(visit: Visit) -> HTTPResponse:
    return visit.page("part_modems.html", **state(visit))


def state(visit: Visit) -> dict[str, Any]:
    """What the list of modems shows."""
    house = visit.house
    cards = house.modems.cards()
    return {
        "cards": cards,
        "names": {card["id"]: card["name"] for card in cards},
        "lately": house.news.lately,
        "offers": [(offer.port, filled_in(offer.fields)) for offer in house.exchange.inspector.offers()],
        "sticks": house.exchange.inspector.notices(),
        "alarms": [one for one in house.news.items() if one.modem],
        "canary": house.exchange.canary,
    }


def filled_in(fields: Mapping[str, str | int]) -> dict[str, str]:
    """The query that fills in the form of a new modem."""
    known = {name: str(text) for name, text in fields.items() if name in Modem.options and text}
    return {**known, "name": known.get("model") or "modem"}


def ports(
    visit: Visit, found: object = None, port: str = "", why: str = "", status: int = 200
) -> HTTPResponse:
    known = visit.house.modems.ports()
    offers = [(offer.port, filled_in(offer.fields)) for offer in visit.house.exchange.inspector.offers()]
    return visit.page("detect.html", status, ports=known, offers=offers, found=found, port=port, why=why)


def detect(visit: Visit) -> HTTPResponse:
    """Ask who answers at a port; the form for a new modem is then filled in with it."""
    port = visit.text("port")
    known = {path for path, _ in visit.house.modems.ports()} | {
        card["port"] for card in visit.house.modems.cards()
    }
    if port not in known and not port.startswith(("sim://", "socket://")):
        return ports(visit, why=visit.t("That port is gone. Plug the modem in again."), status=422)
    try:
        found = visit.house.modems.detect(port)
    except GatewayError as error:
        return ports(visit, port=port, why=visit.t(str(error)), status=422)
    return ports(visit, found=filled_in({**found, "port": port}), port=port)


def test(visit: Visit, item: str) -> HTTPResponse:
    try:
        answers, why = visit.house.modems.test(item), ""
    except GatewayError as error:
        answers, why = {}, visit.t(str(error))
    visit.note("modem.tested", item)
    return visit.page("modem_test.html", 422 if why else 200, item=item, answers=answers, why=why)


def monitor(visit: Visit) -> HTTPResponse:
    shown = bool(visit.house.store.one(Sms).monitor_sms_traffic)
    cards = [card for card in visit.house.modems.cards() if card["active"]]
    return visit.page("monitor.html", cards=cards, shown=shown, rows=_latest(visit))


def part_monitor(visit: Visit) -> HTTPResponse:
    return visit.page("part_monitor.html", rows=_latest(visit))


def _latest(visit: Visit) -> object:
    return visit.house.book.page(Filter(), 0, 12)


routes = [
    Route("GET", "/modems", modems, VIEWER, place="modems"),
    Route("GET", "/part/modems", part, VIEWER, quiet=True),
    Route("GET", "/modems/detect", ports, place="modems"),
    Route("POST", "/modems/detect", detect, place="modems"),
    Route("POST", "/modems/test/<item>", test, OPERATOR, place="modems"),
    Route("GET", "/modems/monitor", monitor, VIEWER, place="modems"),
    Route("GET", "/part/monitor", part_monitor, VIEWER, quiet=True),
]
