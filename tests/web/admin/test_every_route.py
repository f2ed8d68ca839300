"""Every route there is: who may come, what a forged form gets, and how each answer is dressed."""

from __future__ import annotations

import pytest

from app.web.admin.pages import ROUTES
from app.web.admin.routes import ADMINISTRATOR, OPERATOR, PUBLIC, VIEWER, Route
from tests.web.admin.site import Client, Site

PLACES = {"<name>": "api_users", "<item>": "shop", "<verb>": "activate", "<seq>": "1", "<number>": "628111"}
PLACES |= {"<modem>": "sim1"}
PLACES |= {"<step>": "modems", "<message_id>": "none", "<handle>": "none", "<action>": "test"}
PLACES |= {"<deed>": "reboot"}
# Who may do what, by hand: a route that is added must be added here, or this module fails.
OPEN = {"/metrics", "/login", "/login/code", "/language", "/setup", "/setup/time", "/forgot", "/forgot/code"}
# Pages that more people may read than may change something there.
TO_READ = {"GET /system/time", "GET /network/names", "GET /network/names/<item>"}
FOR_VIEWERS = {
    *("/", "/part/home", "/live", "/logout", "/messages", "/part/messages", "/messages/way/<seq>"),
    *("/otp", "/part/otp", "/modems", "/part/modems", "/modems/monitor", "/part/monitor", "/routing"),
    *("/connect", "/connect/api", "/connect/openapi.json", "/network", "/system", "/system/status"),
    *("/part/status.json", "/account", "/account/password", "/account/authenticator"),
    *("/part/inbox", "/part/notices", "/system/about"),
    *("/connect/brokers", "/connect/asyncapi.json"),
    *("/account/authenticator/drop", "/account/sessions/<handle>"),
}
FOR_OPERATORS = {
    *("/messages/new", "/part/preview", "/messages/csv", "/otp/request", "/otp/verify"),
    *("/modems/test/<item>", "/blocklist/number/<number>", "/inbox/forwarding", "/modems/ussd"),
    *("/modems/balance", "/messages/broadcast", "/alarms/<handle>"),
}
SEEN_BY_ALL = {
    "/blocklist": OPERATOR,
    "/inbox": OPERATOR,
    "/inbox/<seq>": OPERATOR,
    "/modems/one/<modem>": ADMINISTRATOR,
}
SECURE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def _path(route: Route) -> str:
    path = route.path
    for name, value in PLACES.items():
        path = path.replace(name, value)
    assert "<" not in path, f"{route.path}: say above what stands in its place"
    return path


def _ids(route: Route) -> str:
    return f"{route.method} {route.path}"


every = pytest.mark.parametrize("route", ROUTES, ids=_ids)
posts = pytest.mark.parametrize("route", [one for one in ROUTES if one.method == "POST"], ids=_ids)
inside = pytest.mark.parametrize("route", [one for one in ROUTES if one.needs != PUBLIC], ids=_ids)


def _dressed(page) -> None:  # type: ignore[no-untyped-def]
    for name, value in SECURE.items():
        assert page.headers[name] == value
    assert page.headers["Cache-Control"] == "no-store"


@every
def test_each_route_asks_for_the_role_it_should(route: Route) -> None:
    if route.path in OPEN:
        assert route.needs == PUBLIC
    elif route.path in SEEN_BY_ALL:  # seen by viewers, changed by more than them
        assert route.needs == (VIEWER if route.method == "GET" else SEEN_BY_ALL[route.path])
    elif route.path in FOR_VIEWERS or _ids(route) in TO_READ:
        assert route.needs == VIEWER
    elif route.path in FOR_OPERATORS:
        assert route.needs == OPERATOR
    else:
        assert route.needs == ADMINISTRATOR


@inside
def test_nobody_gets_in_without_signing_in(site: Site, route: Route) -> None:
    client = Client(site)
    page = client.get(_path(route)) if route.method == "GET" else client.post(_path(route))
    _dressed(page)
    if route.method == "GET" and not route.quiet:
        assert page.status == 303
        assert page.location.startswith("/login")
    else:
        assert page.status == 401


@pytest.fixture(scope="module")
def visitors(site: Site) -> dict[str, Client]:
    return {name: Client(site).sign_in(name) for name in ("vera", "oscar")}


RANK = [PUBLIC, VIEWER, OPERATOR, ADMINISTRATOR]


@pytest.mark.parametrize(
    ("route", "name"),
    [
        pytest.param(route, name, id=f"{name}: {_ids(route)}")
        for route in ROUTES
        for name, role in (("vera", VIEWER), ("oscar", OPERATOR))
        if RANK.index(route.needs) > RANK.index(role)
    ],
)
def test_a_role_that_is_not_enough_is_refused(
    site: Site, visitors: dict[str, Client], route: Route, name: str
) -> None:
    client = visitors[name]
    page = client.get(_path(route)) if route.method == "GET" else client.post(_path(route))
    _dressed(page)
    assert page.status == 403
    assert "Your role does not allow this" in page.words


@pytest.fixture(scope="module")
def administrator(site: Site) -> Client:
    return Client(site).sign_in("ann")


def _as(route: Route, site: Site, administrator: Client) -> Client:
    if route.needs != PUBLIC:
        return administrator
    client = Client(site)
    client.get("/forgot")
    return client


@posts
def test_a_form_without_its_token_is_refused(site: Site, administrator: Client, route: Route) -> None:
    client = _as(route, site, administrator)
    for token in ("", "AAAA", Client(site).get("/forgot").token):
        page = client.post(_path(route), token=token)
        _dressed(page)
        assert page.status == 403
        assert "This form is too old" in page.words


@posts
def test_a_form_from_another_origin_is_refused(site: Site, administrator: Client, route: Route) -> None:
    client = _as(route, site, administrator)
    token = client.get("/account" if route.needs != PUBLIC else "/forgot").token
    for origin in ("http://evil.example", "null", "", f"https://127.0.0.1:{site.port}", client.origin + "0"):
        page = client.post(_path(route), token=token, Origin=origin)
        _dressed(page)
        assert page.status == 403
        assert "came from another site" in page.words


@posts
def test_a_form_that_is_too_large_is_not_read(site: Site, administrator: Client, route: Route) -> None:
    client = _as(route, site, administrator)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": client.origin}
    page = client.ask("POST", _path(route), b"a" * 10, {**headers, "Content-Length": str(route.body + 1)})
    _dressed(page)
    assert page.status == 413


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if one.method == "GET" and one.path not in ("/live", "/setup")], ids=_ids
)
def test_each_page_is_shown_to_an_administrator(site: Site, administrator: Client, route: Route) -> None:
    page = administrator.get(_path(route))
    _dressed(page)
    assert page.status in (200, 303, 404)
    if route.path not in ("/messages/way/<seq>", "/inbox/<seq>", "/network/names/<item>"):
        assert page.status != 404
    assert page.status != 200 or page.body or route.path in ("/blocklist/export", "/part/notices")


@every
def test_a_method_that_is_not_meant_is_told_which_are(
    site: Site, administrator: Client, route: Route
) -> None:
    page = administrator.ask("DELETE", _path(route))
    _dressed(page)
    assert page.status == 405
    assert route.method in page.headers["Allow"]


def test_what_is_served_is_what_the_table_holds(site: Site) -> None:
    assert site.door.table.routes == ROUTES
    assert len(site.door.app.routes) == 1
