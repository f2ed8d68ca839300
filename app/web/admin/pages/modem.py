"""One modem: how it is, connect and disconnect, its way to the internet, its SIM card's PIN, its IMEI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.settings.modems import Modem
from app.settings.problems import SettingsError
from app.web.admin import keeping
from app.web.admin.routes import VIEWER, Route
from app.web.admin.visit import Visit
from app.web.signin import Denied


def _card(visit: Visit, modem: str) -> Mapping[str, Any] | None:
    return next((card for card in visit.house.modems.cards() if card["id"] == modem), None)


def _missing(visit: Visit) -> HTTPResponse:
    return visit.nothing(visit.t("There is no such modem."))


def modem(visit: Visit, modem: str) -> HTTPResponse:
    card = _card(visit, modem)
    if card is None:
        return _missing(visit)
    house = visit.house
    template = "part_modem.html" if visit.live else "modem.html"
    return visit.page(
        template,
        card=card,
        names={one["id"]: one["name"] for one in house.modems.cards()},
        lately=house.news.lately(modem),
        flights=[one for one in house.exchange.canary.state() if modem in (one.sender, one.receiver)],
        alarms=[one for one in house.news.items() if one.modem == modem],
    )


def turn(visit: Visit, modem: str) -> HTTPResponse:
    """Connect or disconnect: until the next start, and without a word in the settings."""
    card = _card(visit, modem)
    if card is None:
        return _missing(visit)
    do = visit.text("do")
    if do not in ("connect", "disconnect"):
        return visit.go(f"/modems/one/{modem}")
    on = do == "connect"
    try:
        (visit.house.modems.connect if on else visit.house.modems.disconnect)(modem)
    except GatewayError as error:
        return visit.go(f"/modems/one/{modem}", visit.t(str(error)), "bad")
    visit.note("modem.connected" if on else "modem.disconnected", modem)
    told = visit.t("It is being connected.") if on else visit.t("It is disconnected; its port is free.")
    return visit.go(f"/modems/one/{modem}", told)


def sim(visit: Visit, modem: str, why: str = "", status: int = 200) -> HTTPResponse:
    """The SIM card's PIN: whether it is asked for, and tries left where the modem tells."""
    card = _card(visit, modem)
    if card is None:
        return _missing(visit)
    try:
        lock = visit.house.exchange.tools.sim(modem)
    except GatewayError as error:
        lock, why = None, why or visit.t(str(error))
    return visit.page("modem_sim.html", status, card=card, lock=lock, why=why)


def set_sim(visit: Visit, modem: str) -> HTTPResponse:
    """Ask for the PIN from now on, or not, or change it; the settings keep what the card wants next time."""
    if _card(visit, modem) is None:
        return _missing(visit)
    tools, do, pin, new = visit.house.exchange.tools, visit.text("do"), visit.text("pin"), visit.text("new")
    if do == "change" and new != visit.text("again"):
        return sim(visit, modem, visit.t("The new PIN was not typed twice the same."), 422)
    try:
        if do == "change":
            tools.change_pin(modem, pin, new, visit.note)
        else:
            tools.lock_sim(modem, do == "lock", pin, visit.note)
    except GatewayError as error:
        visit.note("refused", f"sim.{do if do in ('lock', 'unlock', 'change') else 'unlock'} {modem}")
        return sim(visit, modem, visit.t(str(error)), 422)
    kept = _keep_pin(visit, modem, "" if do == "unlock" else new if do == "change" else pin)
    return visit.go(f"/modems/sim/{modem}", kept or visit.t("Done."), "bad" if kept else "good")


def _keep_pin(visit: Visit, modem: str, pin: str) -> str:
    """Why the settings did not take the PIN, or "": without it the card would be given the old one."""
    try:
        keeping.amend(visit.house, Modem, modem, lambda now: now.model_copy(update={"sim_pin": pin}))
    except SettingsError:
        return visit.t("The SIM took it, but the settings did not: put the PIN into the form of the modem.")
    return ""


def imei(visit: Visit, modem: str, why: str = "", status: int = 200) -> HTTPResponse:
    card = _card(visit, modem)
    if card is None:
        return _missing(visit)
    warning = visit.house.exchange.tools.warning
    return visit.page(
        "modem_imei.html", status, card=card, warning=warning, given=visit.text("imei"), why=why
    )


def write_imei(visit: Visit, modem: str) -> HTTPResponse:
    """A repair: the password again, the number twice, and the word of the one who does it."""
    if _card(visit, modem) is None:
        return _missing(visit)
    number, typed = visit.text("imei").strip(), visit.text("typed").strip()
    if not visit.text("lawful"):
        return imei(visit, modem, visit.t("Say that the IMEI is this modem's own, or leave it."), 422)
    try:
        visit.door.people.check_password(visit.name, visit.text("password"), visit.address)
    except Denied:
        visit.note("refused", f"imei.write {modem}: the password was wrong")
        return imei(visit, modem, visit.t("The password is wrong. Nothing was written."), 403)
    try:
        visit.house.exchange.tools.write_imei(modem, number, typed, True, visit.note)
    except GatewayError as error:
        return imei(visit, modem, visit.t(str(error)), 422)
    return visit.go(
        f"/modems/one/{modem}", visit.t("The IMEI was written. Restart the modem to see it at work.")
    )


routes = [
    Route("GET", "/modems/one/<modem>", modem, VIEWER, place="modems"),
    Route("POST", "/modems/one/<modem>", turn, place="modems"),
    Route("GET", "/modems/sim/<modem>", sim, place="modems"),
    Route("POST", "/modems/sim/<modem>", set_sim, place="modems"),
    Route("GET", "/modems/imei/<modem>", imei, place="modems"),
    Route("POST", "/modems/imei/<modem>", write_imei, place="modems"),
]
