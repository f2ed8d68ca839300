"""System › Time: what the clock shows and why it may be trusted, its zone and server, and setting it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.general import General
from app.settings.parse import from_form
from app.settings.problems import Problem
from app.settings.section import Section
from app.web.admin import forms, keeping
from app.web.admin.routes import PUBLIC, VIEWER, Route
from app.web.admin.visit import Visit

FIELDS = ("device_time_zone", "ntp_server", "update_timer")


def clock(visit: Visit, problems: Sequence[Problem] = (), status: int = 200) -> HTTPResponse:
    general = visit.house.store.one(General)
    assert isinstance(general, Section)
    zone = str(getattr(general, "device_time_zone", "UTC"))
    now = datetime.fromtimestamp(visit.house.clock.wall(), ZoneInfo(zone))
    return visit.page(
        "clock.html",
        status,
        fields=forms.fields(General, general, problems, visit.form if problems else None, only=FIELDS),
        now=now,
        zone=zone,
        state=visit.door.clockface.state(),
        why_not=visit.house.machine.why_not,
    )


def save(visit: Visit) -> HTTPResponse:
    now = visit.house.store.one(General)
    assert isinstance(now, General)
    given = {name: visit.form[name][-1] for name in FIELDS if visit.form.get(name)}
    checked = from_form(General, given, now, whole=False)
    if checked.value is None:
        return clock(visit, checked.problems, 422)
    fields = keeping.different(now, checked.value)
    keeping.amend(visit.house, General, "", lambda then: then.model_copy(update=fields))
    visit.note("settings.changed", "general: time")
    return visit.go("/system/time", visit.t("Saved."))


def set_clock(visit: Visit) -> HTTPResponse:
    general = visit.house.store.one(General)
    assert isinstance(general, General)
    try:
        visit.door.clockface.set(visit.text("unix"), visit.text("typed"), general.device_time_zone)
    except GatewayError as error:
        return visit.go("/system/time", visit.t(str(error)), "bad")
    visit.note("clock.set", "from the browser" if visit.text("unix") else "typed")
    return visit.go("/system/time", visit.t("The clock is set."))


def set_first(visit: Visit) -> HTTPResponse:
    """Nobody is signed in: only before the first administrator, and only a clock that is not trusted."""
    if visit.door.people.users() or not visit.door.clockface.doubt():
        return visit.go("/setup")
    try:
        visit.door.clockface.set(visit.text("unix"))
    except GatewayError as error:
        return visit.page("error.html", 422, title=visit.t("Not done"), why=visit.t(str(error)))
    visit.note("clock.set", "from the browser, before the first administrator")
    return visit.go("/setup")


routes = [
    Route("GET", "/system/time", clock, VIEWER, place="system"),
    Route("POST", "/system/time", save, place="system"),
    Route("POST", "/system/time/set", set_clock),
    Route("POST", "/setup/time", set_first, PUBLIC, body=4096),
]
