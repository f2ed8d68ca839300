"""One-time passwords: the policy, how they fare, and a form to try them."""

from __future__ import annotations

from typing import Any

from bottle import HTTPResponse

from app.core.commands import RequestOtp, VerifyOtp
from app.settings.general import General
from app.web.admin.asking import asked
from app.web.admin.routes import OPERATOR, VIEWER, Route
from app.web.admin.visit import Visit

DAY = 86400.0


def otp(visit: Visit, result: tuple[str, str] | None = None, status: int = 200) -> HTTPResponse:
    policy = visit.house.store.one(General)
    posted = visit.request.method == "POST"
    values = {name: visit.text(name) if posted else "" for name in ("reference", "receiver")}
    return visit.page("otp.html", status, policy=policy, result=result, **values, **_figures(visit))


def part(visit: Visit) -> HTTPResponse:
    return visit.page("part_otp.html", **_figures(visit))


def _figures(visit: Visit) -> dict[str, Any]:
    now = visit.house.clock.wall()
    return {"figures": visit.house.book.otps(now - DAY, now)}


def try_request(visit: Visit) -> HTTPResponse:
    text = visit.t("Your code is %s. This is a trial.")
    command = RequestOtp("request-otp", visit.text("reference") or "trial", visit.text("receiver"), text)
    reply = asked(visit, command)
    visit.note("otp.tried", f"request: {reply.code}")
    if not reply.ok:
        return otp(visit, ("bad", f"{reply.code}: {visit.t(reply.error)}"), 422)
    return otp(visit, ("good", visit.t("The code is on its way. Type it in below.")))


def try_verify(visit: Visit) -> HTTPResponse:
    reference = visit.text("reference") or "trial"
    command = VerifyOtp("verify-otp", reference, visit.text("receiver"), visit.text("otp").strip())
    reply = asked(visit, command)
    visit.note("otp.tried", f"verify: {reply.code}")
    if not reply.ok:
        return otp(visit, ("bad", f"{reply.code}: {visit.t(reply.error)}"), 422)
    return otp(visit, ("good", visit.t("The code is right. It cannot be used again.")))


routes = [
    Route("GET", "/otp", otp, VIEWER, place="otp"),
    Route("GET", "/part/otp", part, VIEWER, quiet=True),
    Route("POST", "/otp/request", try_request, OPERATOR, place="otp"),
    Route("POST", "/otp/verify", try_verify, OPERATOR, place="otp"),
]
