"""Home: the state of the device in one sentence, its services, its figures, and what needs somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.problems import SettingsError
from app.settings.section import Section
from app.settings.sections import SECTIONS, by_name
from app.web.admin.house import Service
from app.web.admin.live import TooMany
from app.web.admin.pages import start
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

# Switches that start and stop something: a section's field.
SWITCHES = ("enable", "enable_http", "enable_https")
# Modems are connected and disconnected together; the settings say which there are.
FLEETS = {"modems.sms": "Modems, SMS", "modems.internet": "Modems, internet"}
NAMES = {"api.enable_http": "API over HTTP", "api.enable_https": "API over HTTPS"}


@dataclass(frozen=True)
class Switch:
    """A service on Home: name is ``section.field``. can: whether there is anything to start or stop."""

    name: str
    title: str
    on: bool
    service: Service | None
    section: str
    can: bool = True


def home(visit: Visit) -> HTTPResponse:
    return visit.page(
        "home.html", left=start.left(visit) if visit.role == "administrator" else [], **_state(visit)
    )


def part(visit: Visit) -> HTTPResponse:
    return visit.page("part_home.html", **_state(visit))


def _state(visit: Visit) -> dict[str, Any]:
    house = visit.house
    cards = house.modems.cards()
    lanes = house.lanes()
    return {
        "total": sum(1 for card in cards if card["active"]),
        "ready": len(lanes),
        "waiting": sum(lane.queued for lane in lanes),
        "seconds": round(max((lane.wait for lane in lanes), default=0)),
        "switches": switches(visit),
        "figures": house.figures(),
        "trouble": [
            card for card in cards if card["active"] and card["state"] not in ("ready", "connecting")
        ],
        "alarms": house.news.items(),
        "problems": list(house.log.lines(30, most=5))[::-1],
        "counts": house.book.counts(house.clock.wall() - 24 * 3600),
        "cards": [card() for card in house.cards],
    }


def switches(visit: Visit) -> Sequence[Switch]:
    services = visit.house.services()
    found = []
    for section in SECTIONS:
        if section.about.many:
            continue
        value = visit.house.store.read(section).value
        for field in SWITCHES:
            if field in section.options and isinstance(value, Section):
                name = f"{section.about.name}.{field}"
                title = visit.t(NAMES.get(name, section.about.title))
                found.append(
                    Switch(name, title, getattr(value, field), services.get(name), section.about.name)
                )
    return found + [_fleet(visit, name) for name in FLEETS]


def _fleet(visit: Visit, name: str) -> Switch:
    on = visit.house.modems.services()[name.partition(".")[2]]
    why = "" if on is not None else "No modem is set up for this."
    service = Service("running" if on else "off", why)
    return Switch(name, visit.t(FLEETS[name]), bool(on), service, "modems", on is not None)


def _switch_fleet(visit: Visit, name: str, on: bool) -> HTTPResponse:
    try:
        visit.house.modems.switch(name.partition(".")[2], on)
    except GatewayError as error:
        return visit.go("/", visit.t(str(error)), "bad")
    visit.note("service.started" if on else "service.stopped", name)
    return visit.go("/", visit.t("It is being started.") if on else visit.t("It is being stopped."))


def switch(visit: Visit, name: str) -> HTTPResponse:
    """Start or stop a service by its switch in the settings."""
    if name in FLEETS:
        return _switch_fleet(visit, name, visit.text("do") == "start")
    section_name, _, field = name.partition(".")
    section = by_name(section_name)
    if section is None or field not in SWITCHES or field not in section.options:
        return visit.go("/", visit.t("There is no such service."), "bad")
    on = visit.text("do") == "start"
    try:
        visit.house.store.change(
            section,
            lambda old: section.model_validate({**cast(Section, old.value).model_dump(), field: on}),
        )
    except SettingsError as error:
        return visit.go("/", visit.t(str(error)), "bad")
    visit.note("service.started" if on else "service.stopped", name)
    return visit.go("/", visit.t("It is being started.") if on else visit.t("It is being stopped."))


def live(visit: Visit) -> HTTPResponse:
    """The stream that tells open pages to look again; a page without it shows the state at load."""
    door, session = visit.door, visit.session
    assert session is not None
    try:
        stream = door.live.stream(lambda: door.sessions.find(session.id, touch=False) is not None)
    except TooMany as full:
        return HTTPResponse(str(full).encode(), 503, {"Content-Type": "text/plain", "Retry-After": "30"})
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return HTTPResponse(door.patient(stream), 200, headers)


routes = [
    Route("GET", "/", home, VIEWER, place="home"),
    Route("GET", "/part/home", part, VIEWER, quiet=True),
    Route("GET", "/live", live, VIEWER, quiet=True),
    Route("POST", "/services/<name>", switch),
]
