"""What happened: the log as it is written, and the audit of who changed what."""

from __future__ import annotations

import logging

from bottle import HTTPResponse

from app.web.admin.routes import Route
from app.web.admin.visit import Visit

LEVELS = {"DEBUG": "Everything", "INFO": "What changed", "WARNING": "Warnings", "ERROR": "Errors"}
PAGE = 100


def logs(visit: Visit) -> HTTPResponse:
    level = visit.asked("level", "INFO")
    level = level if level in LEVELS else "INFO"
    search = visit.asked("search")[:100]
    lines = visit.house.log.lines(logging.getLevelNamesMapping()[level], search)
    template = "part_log.html" if visit.live else "logs.html"
    follow = visit.asked("follow") == "on"
    return visit.page(template, lines=lines, level=level, levels=LEVELS, search=search, follow=follow)


def audit(visit: Visit) -> HTTPResponse:
    search = visit.asked("search")[:100]
    entries = visit.house.audit.page(visit.number("before"), PAGE + 1, search)
    older = entries[PAGE - 1].seq if len(entries) > PAGE else 0
    return visit.page("audit.html", entries=entries[:PAGE], older=older, search=search)


routes = [
    Route("GET", "/system/logs", logs, place="system"),
    Route("GET", "/part/logs", logs, quiet=True),
    Route("GET", "/system/audit", audit, place="system"),
]
