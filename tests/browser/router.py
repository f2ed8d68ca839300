"""All pages there are, read from the router; one that is added without an example fails the tests."""

from __future__ import annotations

from collections.abc import Iterator

from app.settings.sections import SECTIONS
from app.web.admin.pages import ROUTES
from app.web.admin.pages.power import DEEDS
from app.web.admin.pages.start import STEPS

# What is a file to keep, not a page.
FILES = {"/messages/csv", "/blocklist/export", "/connect/openapi.json", "/connect/asyncapi.json"}
OUTSIDE = {"login": "/login", "forgot": "/forgot"}
# Seen only while there is no administrator: tests/browser/test_first_run.py.
FIRST = {"/setup"}
MANY = [one.about.name for one in SECTIONS if one.about.many]
# What stands in the places of a path; {sent} is the id of a message that the tests send first.
EXAMPLES = {
    "/messages/way/<seq>": ["/messages/way/1"],
    "/inbox/<seq>": ["/inbox/1"],
    "/modems/one/<modem>": ["/modems/one/sim1"],
    "/modems/sim/<modem>": ["/modems/sim/sim2"],
    "/modems/imei/<modem>": ["/modems/imei/sim4"],
    "/network/names/<item>": ["/network/names/home"],
    "/settings/<name>": [f"/settings/{one.about.name}" for one in SECTIONS],
    "/settings/<name>/new": [f"/settings/{name}/new" for name in MANY],
    "/settings/<name>/item/<item>": [
        *("/settings/modems/item/sim1", "/settings/users/item/ann", "/settings/api_users/item/demo"),
        *("/settings/ddns/item/home", "/settings/email/item/first"),
    ],
    "/settings/<name>/delete/<item>": ["/settings/modems/delete/sim1"],
    "/start/<step>": [f"/start/{step}" for step in STEPS],
    "/start/sent/<message_id>": ["/start/sent/{sent}"],
    "/system/power/<deed>": [f"/system/power/{deed}" for deed in DEEDS],
}
# Pages that show more when they are asked something.
FURTHER = {
    "routing-shown": "/routing?number=081112345678",
    "modem-detected": "/settings/modems/new?port=sim%3A%2F%2Fsim1&name=sim9",
    "nothing": "/no-such-page",
}


def pages() -> dict[str, str]:
    """Name → path of every page that is shown to somebody who is signed in."""
    found = {}
    for route in ROUTES:
        if route.method != "GET" or route.quiet or route.path in {*FILES, *FIRST, *OUTSIDE.values()}:
            continue
        assert "<" not in route.path or route.path in EXAMPLES, f"{route.path}: say what stands in its places"
        for path in EXAMPLES.get(route.path, [route.path]):
            found[name_of(path)] = path
    return found | FURTHER


def name_of(path: str) -> str:
    return path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"


def posts() -> Iterator[str]:
    """The path of every form, with its places filled in."""
    places = {
        "<name>": "api_users", "<item>": "demo", "<verb>": "activate", "<action>": "test", "<number>": "6281",
        "<handle>": "none", "<deed>": "clean-up", "<modem>": "sim2", "<seq>": "1",
    }  # fmt: skip
    for route in ROUTES:
        if route.method == "POST":
            path = route.path
            for place, text in places.items():
                path = path.replace(place, text)
            yield path
