"""System: what there is to look after, backup and restore, and a new start."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from bottle import HTTPResponse

from app.settings import backup
from app.settings.problems import Refused
from app.settings.users import User
from app.web.admin import keeping
from app.web.admin.places import sections_of
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

BACKUP = 8 * 1024 * 1024


def system(visit: Visit) -> HTTPResponse:
    return visit.page("system.html", sections=sections_of("system"))


def backup_page(visit: Visit) -> HTTPResponse:
    return visit.page("backup.html", plan=None, content="", why="")


def download(visit: Visit) -> HTTPResponse:
    store, now = visit.house.store, visit.house.clock.wall()
    content = backup.document(store, store.load(), now)
    visit.note("backup.downloaded")
    name = time.strftime("otp-pi-%Y-%m-%d.json", time.localtime(now))
    return visit.send(content, "application/json", name=name)


def plan(visit: Visit) -> HTTPResponse:
    """What a restore would change; the file is sent along again with the answer to the question."""
    content = visit.upload("file")
    planned = _planned(visit, content)
    status = 422 if planned.problems else 200
    return visit.page("backup.html", status, plan=planned, content=content.decode("utf-8", "replace"), why="")


def _planned(visit: Visit, content: bytes) -> backup.Plan:
    """The plan; a backup after which nobody could sign in to these pages is refused."""
    planned = backup.plan(visit.house.store, content)
    users = planned.values.get(User)
    if users is None or planned.problems:
        return planned
    try:
        keeping.somebody_left(visit.house.store.items(User), cast(Mapping[str, User], users))
    except Refused as error:
        return replace(planned, problems=error.problems)
    return planned


def restore(visit: Visit) -> HTTPResponse:
    content = (visit.upload("file") or visit.text("content").encode()).replace(b"\r\n", b"\n")
    planned = _planned(visit, content)
    if planned.problems:
        return visit.page("backup.html", 422, plan=planned, content="", why="")
    store, trial = visit.house.store, visit.house.machine.trial
    covered = {section.about.name for section in trial.covers}
    cuts_off = any(change.section in covered for change in planned.changes)
    (trial.save if cuts_off else store.replace)(planned.values)
    visit.note("backup.restored", ", ".join(section.about.name for section in planned.values))
    told = visit.t("%(count)s changes are in force.", count=len(planned.changes))
    return visit.go("/network/trial" if cuts_off else "/system", told)


def restart_page(visit: Visit) -> HTTPResponse:
    return visit.page("restart.html")


def restart(visit: Visit) -> HTTPResponse:
    visit.note("service.restarted")
    visit.house.restart()
    return visit.page("restarting.html")


routes = [
    Route("GET", "/system", system, VIEWER, place="system"),
    Route("GET", "/system/backup", backup_page, place="system"),
    Route("POST", "/system/backup", download),
    Route("POST", "/system/restore/plan", plan, body=BACKUP, place="system"),
    Route("POST", "/system/restore", restore, body=BACKUP, place="system"),
    Route("GET", "/system/restart", restart_page, place="system"),
    Route("POST", "/system/restart", restart, place="system"),
]
