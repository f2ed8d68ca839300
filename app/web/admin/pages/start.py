"""The first run: place and time, modems, a first SMS, an API user; each step can be left for later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bottle import HTTPResponse

from app.core.commands import SendSms, Source
from app.core.errors import GatewayError
from app.settings.api import ApiUser
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.parse import from_form
from app.settings.passwords import generate_password, hash_password
from app.settings.problems import Problem, Refused
from app.settings.section import Section, check
from app.settings.sms import Sms
from app.store.book import Filter
from app.web.admin import forms, keeping
from app.web.admin.pages import connect, modems
from app.web.admin.routes import Route
from app.web.admin.visit import Visit

STEPS = ("place", "modems", "sms", "api")
TITLES = {"place": "Country and time", "modems": "Modems", "sms": "First SMS", "api": "Your application"}
PLACE_FIELDS = ("device_name", "device_time_zone")


def left(visit: Visit) -> list[str]:
    """The steps that are still to do."""
    store = visit.house.store
    done = {
        "modems": bool(store.items(Modem)),
        "sms": bool(visit.house.book.page(Filter(), limit=1)),
        "api": bool(store.items(ApiUser)),
    }
    return [step for step in STEPS if not done.get(step, True)]


def show(visit: Visit, step: str) -> HTTPResponse:
    makers = {"place": _place, "modems": _modems, "sms": _sms, "api": _api}
    if step not in makers:
        return visit.go("/start/place")
    return makers[step](visit)


def _page(visit: Visit, step: str, status: int = 200, **values: object) -> HTTPResponse:
    number = STEPS.index(step)
    after = f"/start/{STEPS[number + 1]}" if number + 1 < len(STEPS) else "/"
    return visit.page(
        f"start_{step}.html", status, step=step, steps=STEPS, titles=TITLES, after=after, **values
    )


def _place(visit: Visit, problems: Sequence[Problem] = (), status: int = 200) -> HTTPResponse:
    store = visit.house.store
    given = visit.form if visit.request.method == "POST" else None
    fields = forms.fields(General, store.one(General), problems, given, only=PLACE_FIELDS)
    fields += forms.fields(Sms, store.one(Sms), problems, given, only=("country_code",))
    return _page(visit, "place", status, fields=fields)


def save_place(visit: Visit) -> HTTPResponse:
    store = visit.house.store
    problems: list[Problem] = []
    parts: tuple[tuple[type[Section], Sequence[str]], ...] = (
        (General, PLACE_FIELDS),
        (Sms, ("country_code",)),
    )
    for section, names in parts:
        now = store.one(section)
        merged = {name: [str(getattr(now, name))] for name in names} | {
            name: visit.form[name] for name in names if name in visit.form
        }
        checked = from_form(section, {name: texts[-1] for name, texts in merged.items()}, now, whole=False)
        problems += checked.problems
        if checked.value is not None:
            changed = keeping.different(now, checked.value)
            keeping.amend(visit.house, section, "", _changing(changed))
    if problems:
        return _place(visit, tuple(problems), 422)
    visit.note("settings.changed", "general, sms")
    return visit.go("/start/modems")


def _changing(fields: Mapping[str, object]) -> Callable[[Section], Section]:
    return lambda now: now.model_copy(update=fields)


def _modems(visit: Visit) -> HTTPResponse:
    taken = {card["port"] for card in visit.house.modems.cards()}
    ports = [(port, what) for port, what in visit.house.modems.ports() if port not in taken]
    return _page(visit, "modems", ports=ports, **modems.state(visit))


def add_modem(visit: Visit) -> HTTPResponse:
    """Ask who answers at a port and take it into the settings under the name it gives itself."""
    port = visit.text("port")
    if port not in {path for path, _ in visit.house.modems.ports()}:
        return visit.go("/start/modems", visit.t("That port is gone. Plug the modem in again."), "bad")
    try:
        found = visit.house.modems.detect(port)
    except GatewayError as error:
        return visit.go("/start/modems", visit.t(str(error)), "bad")
    checked = check(Modem, modems.filled_in({**found, "port": port}))
    modem, first = checked.value, not visit.house.store.items(Modem)
    if modem is None:
        return visit.go("/start/modems", visit.t(checked.problems[0].sentence), "bad")
    name = modem.model or port.rpartition("/")[2]
    item = keeping.add(
        visit.house,
        Modem,
        name,
        lambda item: modem.model_copy(update={"name": item, "default_modem": first}),
    )
    visit.note("settings.changed", f"modems/{item} added")
    return visit.go("/start/modems", visit.t("%(name)s was added.", name=item))


def _sms(visit: Visit, why: str = "", status: int = 200) -> HTTPResponse:
    number = visit.user.phone_number if visit.user else ""
    return _page(visit, "sms", status, number=visit.text("receiver") or number, why=why)


def send_sms(visit: Visit) -> HTTPResponse:
    text = visit.t("Hello from your OTP-Pi. It works.")
    command = SendSms("send-sms", visit.text("receiver"), text)
    reply = visit.house.gateway.take(command, Source("admin", visit.name))
    if not reply.ok:
        return _sms(visit, visit.t(reply.error), 422)
    visit.note("message.sent", reply.data["id"])
    return visit.go(f"/start/sent/{reply.data['id']}")


def sent(visit: Visit, message_id: str) -> HTTPResponse:
    row = visit.house.gateway.status(Source("admin", visit.name), message_id)
    if row is None:
        return visit.go("/start/sms")
    template = "part_sent.html" if visit.live else "start_sent.html"
    values: dict[str, Any] = {"row": row, "message_id": message_id}
    return visit.page(template, **values) if visit.live else _page_sent(visit, values)


def _page_sent(visit: Visit, values: dict[str, Any]) -> HTTPResponse:
    return visit.page("start_sent.html", step="sms", steps=STEPS, titles=TITLES, after="/start/api", **values)


def _api(visit: Visit) -> HTTPResponse:
    return _page(visit, "api", made=None, path="")


def make_user(visit: Visit) -> HTTPResponse:
    """Make an API user with a password of its own, which is shown this once."""
    wanted, password = visit.text("username").strip() or "app", generate_password()
    hashed = hash_password(password)
    try:
        item = keeping.add(visit.house, ApiUser, wanted, lambda item: ApiUser(username=item, password=hashed))
    except Refused as error:
        return visit.go("/start/api", visit.t(error.problems[0].sentence), "bad")
    visit.note("settings.changed", f"api_users/{item} added")
    return _page(visit, "api", made=(item, password), path=connect.url(visit))


routes = [
    Route("GET", "/start/<step>", show, place="home"),
    Route("POST", "/start/place", save_place),
    Route("POST", "/start/modems", add_modem),
    Route("POST", "/start/sms", send_sms),
    Route("GET", "/start/sent/<message_id>", sent, place="home"),
    Route("POST", "/start/api", make_user),
]
