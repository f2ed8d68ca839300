"""The device's card, to read and to print: how it is reached for the first time, and after a reset."""

from __future__ import annotations

from bottle import HTTPResponse

from app.settings.network import Wlan
from app.web.admin import qr
from app.web.admin.routes import Route
from app.web.admin.visit import Visit


def card(visit: Visit) -> HTTPResponse:
    found = visit.house.machine.card
    if found is None:
        return visit.page("card.html", card=None, codes=(), moved="", setup_code=visit.house.setup.code())
    wlan = visit.house.store.one(Wlan)
    assert isinstance(wlan, Wlan)
    moved = wlan.ssid if (wlan.ssid, wlan.password) != (found.ssid, found.password) else ""
    codes = [
        (visit.t("Join the Wi-Fi"), qr.drawn(found.wifi)),
        (visit.t("Open the pages"), qr.drawn(found.admin)),
    ]
    return visit.page("card.html", card=found, codes=codes, moved=moved, setup_code=found.setup_code)


routes = [Route("GET", "/system/card", card, place="system")]
