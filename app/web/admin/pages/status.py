"""Status: how the machine, the modems and the brokers have been doing, from an hour to a week."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bottle import HTTPResponse

from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

SPANS = {"1": "1 hour", "6": "6 hours", "24": "1 day", "72": "3 days", "168": "7 days"}
# Figure → title and unit, in the order of the page; what the device does not know is left out.
FIGURES = {
    "cpu": ("CPU", "%"),
    "memory": ("Memory", "%"),
    "swap": ("Swap", "%"),
    "storage": ("Storage", "%"),
    "temperature": ("Temperature", "°C"),
    "modems": ("Modems ready", ""),
    "brokers": ("Brokers connected", ""),
    "sent": ("Messages sent", "/min"),
    "own": ("Memory of the service", "MB"),
}


def status(visit: Visit) -> HTTPResponse:
    hours, rows = _rows(visit)
    table = []
    for name, (title, unit) in FIGURES.items():
        values = [figures[name] for _, figures in rows if name in figures]
        if values:
            table.append((name, title, unit, min(values), sum(values) / len(values), max(values), values[-1]))
    return visit.page(
        "status.html", table=table, hours=hours, spans=SPANS, now=visit.house.figures(), figures=FIGURES
    )


def data(visit: Visit) -> HTTPResponse:
    _, rows = _rows(visit)
    names = [name for name in FIGURES if any(name in figures for _, figures in rows)]
    columns = {name: [figures.get(name) for _, figures in rows] for name in names}
    return visit.send(json.dumps({"at": [at for at, _ in rows], **columns}).encode(), "application/json")


def _rows(visit: Visit) -> tuple[str, Sequence[tuple[int, Mapping[str, float]]]]:
    hours = visit.asked("hours", "1")
    hours = hours if hours in SPANS else "1"
    return hours, visit.house.history.since(visit.house.clock.wall() - int(hours) * 3600)


routes = [
    Route("GET", "/system/status", status, VIEWER, place="system"),
    Route("GET", "/part/status.json", data, VIEWER, quiet=True),
]
