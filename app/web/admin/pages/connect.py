"""Connect: API users, subscribers, lines to copy with this device's address, and the API described."""

from __future__ import annotations

import json

from bottle import HTTPResponse

from app.settings.api import Api, ApiUser
from app.settings.subscribers import SUBSCRIBERS
from app.web import asyncapi, openapi
from app.web.admin.places import sections_of
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit
from app.web.snippets import snippets


def connect(visit: Visit) -> HTTPResponse:
    users = visit.house.store.items(ApiUser)
    name = next(iter(users), "USER")
    return visit.page(
        "connect.html", sections=sections_of("connect"), url=url(visit), lines=snippets(url(visit), name)
    )


def api(visit: Visit) -> HTTPResponse:
    return visit.page("api.html", commands=openapi.commands(), codes=openapi.CODES, url=url(visit))


def document(visit: Visit) -> HTTPResponse:
    settings = visit.house.store.one(Api)
    text = json.dumps(openapi.document(_server(visit), settings.message_path), indent=2)
    return visit.send(text.encode(), "application/json", name="openapi.json")


def brokers(visit: Visit) -> HTTPResponse:
    return visit.page("brokers.html", brokers=_brokers(visit), commands=openapi.commands())


def async_document(visit: Visit) -> HTTPResponse:
    text = json.dumps(asyncapi.document(_brokers(visit)), indent=2)
    return visit.send(text.encode(), "application/json", name="asyncapi.json")


def _brokers(visit: Visit) -> list[asyncapi.Broker]:
    return asyncapi.brokers(visit.house.store.one(section) for section in SUBSCRIBERS)


def _server(visit: Visit) -> str:
    settings = visit.house.store.one(Api)
    host = visit.door.host(visit) or "192.168.0.11"
    if settings.enable_http:
        return f"http://{host}:{settings.http_port}"
    return f"https://{host}:{settings.https_port}"


def url(visit: Visit) -> str:
    """Where an application sends its messages, by the name that the visitor reached the device with."""
    return _server(visit) + visit.house.store.one(Api).message_path


routes = [
    Route("GET", "/connect", connect, VIEWER, place="connect"),
    Route("GET", "/connect/api", api, VIEWER, place="connect"),
    Route("GET", "/connect/openapi.json", document, VIEWER),
    Route("GET", "/connect/brokers", brokers, VIEWER, place="connect"),
    Route("GET", "/connect/asyncapi.json", async_document, VIEWER),
]
