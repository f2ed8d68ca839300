"""The device's figures for Prometheus: /metrics with a token of its own, and the lines for a collector."""

from __future__ import annotations

import hmac
import secrets

from bottle import HTTPResponse

from app.core import peers
from app.settings.metrics import Metrics
from app.web.admin.routes import PUBLIC, Route
from app.web.admin.visit import Visit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def scraped(visit: Visit) -> HTTPResponse:
    """What a collector gets; it sends ``Authorization: Bearer TOKEN``, from this device nothing."""
    if not _admitted(visit):
        visit.headers["WWW-Authenticate"] = 'Bearer realm="OTP-Pi"'
        why = visit.t("Send the token of the settings as a bearer token.")
        return visit.page("error.html", 401, title=visit.t("Not allowed"), why=why)
    return visit.send(visit.house.exchange.metrics.render(), CONTENT_TYPE)


def _admitted(visit: Visit) -> bool:
    token = visit.house.store.one(Metrics).token
    kind, _, given = visit.request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    return not kind and peers.is_here(visit.address)


def page(visit: Visit, made: str = "") -> HTTPResponse:
    """made: a token that was made just now; it is shown this once."""
    environ = visit.request.environ
    host = visit.door.host(visit) or "192.168.0.11"
    is_set = bool(visit.house.store.one(Metrics).token)
    return visit.page(
        "metrics.html", target=f"{host}:{environ.get('SERVER_PORT', '8888')}", made=made, is_set=is_set
    )


def make_token(visit: Visit) -> HTTPResponse:
    made = secrets.token_urlsafe(24)
    visit.house.store.save(Metrics, Metrics(token=made))
    visit.note("settings.changed", "metrics.token: (set) → (set)")
    return page(visit, made)


routes = [
    Route("GET", "/metrics", scraped, PUBLIC, quiet=True),
    Route("GET", "/connect/metrics", page, place="connect"),
    Route("POST", "/connect/metrics", make_token, place="connect"),
]
