"""Power and upkeep: what would happen is said first, then asked, then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bottle import HTTPResponse

from app.core.errors import GatewayError
from app.web.admin.appliance import Power
from app.web.admin.routes import Route
from app.web.admin.visit import Visit


@dataclass(frozen=True)
class Deed:
    """title: as a question and on its button; told: what it will do; done: the sentence afterwards.

    leaves: the device goes away with it, so the page that follows waits for it.
    """

    title: str
    told: str
    done: str
    do: Callable[[Power], None]
    leaves: bool = False


DEEDS: Mapping[str, Deed] = {
    "reboot": Deed(
        "Restart the device",
        "Everything stops for about a minute. Messages in a modem's hands are waited for; "
        "those that still wait for a modem end as lost.",
        "The device starts anew",
        lambda power: power.reboot(),
        leaves=True,
    ),
    "shut-down": Deed(
        "Switch the device off",
        "It comes back only when its power is taken away and given again. "
        "Nothing is sent until then; whoever asks it for a code gets no answer.",
        "The device switches itself off. Take its power away once the green light is dark.",
        lambda power: power.shut_down(),
        leaves=True,
    ),
    "expand": Deed(
        "Expand the storage",
        "The file system grows to the whole card while everything runs. It takes up to a minute and cannot "
        "be taken back.",
        "The storage takes the whole card now.",
        lambda power: power.expand_storage(),
    ),
    "clean-up": Deed(
        "Clean up",
        "Package files, logs older than the newest and temporary files are deleted for good. "
        "Settings, messages and the audit stay.",
        "What was not needed is gone.",
        lambda power: power.clean_up(),
    ),
}


def power(visit: Visit) -> HTTPResponse:
    return visit.page(
        "power.html", deeds=DEEDS, why_not=visit.house.machine.why_not, figures=visit.house.figures()
    )


def ask(visit: Visit, deed: str) -> HTTPResponse:
    if deed not in DEEDS:
        return _missing(visit)
    return visit.page("power_ask.html", name=deed, deed=DEEDS[deed], why_not=visit.house.machine.why_not)


def do(visit: Visit, deed: str) -> HTTPResponse:
    if deed not in DEEDS:
        return _missing(visit)
    wanted, machine = DEEDS[deed], visit.house.machine
    if machine.why_not:
        return visit.go("/system/power", visit.t(machine.why_not), "bad")
    visit.note(f"device.{deed}")
    try:
        with visit.door.waiting():
            wanted.do(machine.power)
    except GatewayError as error:
        return visit.go("/system/power", visit.t(str(error)), "bad")
    if wanted.leaves:
        comes_back = deed == "reboot"
        return visit.page("leaving.html", title=visit.t(wanted.title), told=wanted.done, back=comes_back)
    return visit.go("/system/power", visit.t(wanted.done))


def _missing(visit: Visit) -> HTTPResponse:
    return visit.nothing()


routes = [
    Route("GET", "/system/power", power, place="system"),
    Route("GET", "/system/power/<deed>", ask, place="system"),
    Route("POST", "/system/power/<deed>", do, place="system"),
]
