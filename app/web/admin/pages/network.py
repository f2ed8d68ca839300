"""Network: how the device is reached; each section's page comes from its declaration."""

from __future__ import annotations

from bottle import HTTPResponse

from app.settings.section import Listener, Section
from app.web.admin.places import sections_of
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit


def network(visit: Visit) -> HTTPResponse:
    return visit.page("network.html", sections=sections_of("network"), ports=_ports(visit))


def _ports(visit: Visit) -> list[tuple[int, str, str]]:
    """The ports that are open: number, protocol, and whose."""
    found = [(int(visit.request.environ.get("SERVER_PORT") or 0), "tcp", visit.t("These pages"))]
    for section in visit.house.store.sections:
        value = visit.house.store.read(section).value
        ports: list[Listener] = list(value.listeners()) if isinstance(value, Section) else []
        found += [(one.port, one.protocol, visit.t(section.about.title)) for one in ports]
    return sorted(found)


routes = [Route("GET", "/network", network, VIEWER, place="network")]
