"""Network: how the device is reached, what of that is on trial, and the device's names."""

from __future__ import annotations

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.ddns import DdnsRecord
from app.settings.section import Listener, Section
from app.settings.sections import by_name
from app.web.admin.places import sections_of
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit

# How a name is doing, in a word.
STATES = {"waiting": "waiting", "done": "up to date", "later": "tries again", "stop": "stopped"}


def network(visit: Visit) -> HTTPResponse:
    machine = visit.house.machine
    certificates = visit.house.notes.get("keystore")
    return visit.page(
        "network.html",
        sections=sections_of("network"),
        ports=_ports(visit),
        addresses=machine.addresses(),
        troubles=[(part, why) for part, why in machine.troubles.items() if why],
        why_not=machine.why_not,
        certificates=certificates() if certificates is not None else (),
    )


def _ports(visit: Visit) -> list[tuple[int, str, str]]:
    """The ports that are open: number, protocol, and whose."""
    found = [(int(visit.request.environ.get("SERVER_PORT") or 0), "tcp", visit.t("These pages"))]
    for section in visit.house.store.sections:
        value = visit.house.store.read(section).value
        ports: list[Listener] = list(value.listeners()) if isinstance(value, Section) else []
        found += [(one.port, one.protocol, visit.t(section.about.title)) for one in ports]
    return sorted(found)


def trial(visit: Visit) -> HTTPResponse:
    """What goes back unless confirmed, how long is left, or what came of the last trial."""
    on_trial = visit.house.machine.trial
    names = on_trial.names if on_trial.waiting else ()
    sections = [section for name in names if (section := by_name(name)) is not None]
    return visit.page("trial.html", trial=on_trial, sections=sections)


def confirm(visit: Visit) -> HTTPResponse:
    if not visit.house.machine.trial.confirm():
        return visit.go("/network/trial", visit.t("It was too late: the change went back already."), "bad")
    visit.note("trial.confirmed")
    return visit.go("/network", visit.t("Confirmed: the change stays."))


def give_up(visit: Visit) -> HTTPResponse:
    names = visit.house.machine.trial.give_up()
    visit.note("trial.given-up", ", ".join(names))
    return visit.go("/network", visit.t("Everything is as it was before the change."))


def names(visit: Visit) -> HTTPResponse:
    keepings = visit.house.names.keepings()
    records = visit.house.store.items(DdnsRecord)
    resting = [item for item in records if item not in {one.record for one in keepings}]
    holdings = visit.house.notes.get("acme")
    return visit.page(
        "names.html",
        keepings=keepings,
        states=STATES,
        resting=resting,
        holdings=holdings() if holdings is not None else (),
    )


def name(visit: Visit, item: str) -> HTTPResponse:
    """The history of one name."""
    if item not in visit.house.store.items(DdnsRecord):
        return visit.nothing()
    return visit.page("name.html", item=item, states=STATES, history=visit.house.names.history(item))


def update(visit: Visit, item: str) -> HTTPResponse:
    """Tell the vendor now, changed or not."""
    visit.note("ddns.updated", item)
    try:
        with visit.door.waiting():
            kept = visit.house.names.update_now(item)
    except KeyError:
        return visit.go("/network/names", visit.t("That name is not active."), "bad")
    except GatewayError as error:
        return visit.go("/network/names", visit.t(str(error)), "bad")
    return visit.go("/network/names", f"{kept.name}: {kept.words}", "good" if kept.state == "done" else "bad")


routes = [
    Route("GET", "/network", network, VIEWER, place="network"),
    Route("GET", "/network/trial", trial, place="network"),
    Route("POST", "/network/trial/confirm", confirm),
    Route("POST", "/network/trial/back", give_up),
    Route("GET", "/network/names", names, VIEWER, place="network"),
    Route("GET", "/network/names/<item>", name, VIEWER, place="network"),
    Route("POST", "/network/names/<item>", update),
]
