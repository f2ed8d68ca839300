"""Attacks on every page and every form the router has: scripts, paths that lead elsewhere, guessed ids."""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest

from app.settings.ddns import DdnsRecord
from app.settings.mail import EmailAccount
from app.settings.modems import Modem
from app.settings.section import Section
from app.settings.sections import SECTIONS
from app.settings.subscribers import SubscriberRedis
from app.settings.users import User
from app.store.inbox import SqliteInbox
from app.web.admin.pages import ROUTES
from bench.ports import free_port
from hw.sim.card import SimCard
from hw.sim.modem import SimModem
from hw.sim.plugs import imei_of, plugs
from tests.browser.router import pages
from tests.settings.test_every_field import NEEDED
from tests.web.admin.site import Client, Page, Site, eventually, user

SCRIPT = "<script>alert(1)</script>'><img src=x onerror=alert(1)>"
PLACE = re.compile(r"<\w+>")
# What would end the session or the service of these tests.
NOT_SENT = {"/logout", "/system/restart"}
SHOWN = [path.format(sent="none") for path in pages().values()]


def harmless(page: Page, where: str) -> None:
    kind = page.headers["Content-Type"] or ""
    if kind.startswith("text/html"):
        assert "<script>alert" not in page.text, where
        assert "<img src=x" not in page.text, where
    else:
        # A browser does not run it: another kind, not guessed at, kept as a file or read by a script of ours.
        assert page.headers["X-Content-Type-Options"] == "nosniff", where


def everywhere_harmless(client: Client) -> None:
    for path in SHOWN:
        harmless(client.get(path), path)


@dataclass(frozen=True)
class Form:
    """A form as it stands in a page: where it goes, its fields as they are, and those one can type into."""

    action: str
    fields: tuple[tuple[str, str], ...]
    typed: tuple[str, ...]


def forms_of(text: str, path: str) -> Iterator[Form]:
    for attributes, body in re.findall(r'<form([^>]*method="post"[^>]*)>(.*?)</form>', text, re.S):
        action = re.search(r'action="([^"]*)"', attributes)
        fields, typed = [], []
        for tag in re.findall(r"<(?:input|textarea|select)[^>]*>", body):
            known = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            name = known.get("name")
            if not name or name == "csrf-token":
                continue
            kind = known.get("type", "text")
            if kind not in ("checkbox", "radio", "file"):
                typed.append(name)
                fields.append((name, html.unescape(known.get("value", ""))))
        yield Form(html.unescape(action[1]) if action else path, tuple(fields), tuple(typed))


def test_a_script_in_any_field_of_any_form_is_shown_as_text(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh()
    site.ready()
    ann = Client(site).sign_in()
    tried: set[tuple[str, str]] = set()
    for path in [*SHOWN, "/login", "/forgot"]:
        public = path in ("/login", "/forgot")
        for form in forms_of((Client(site) if public else ann).get(path).text, path):
            if form.action in NOT_SENT or (form.action.startswith("/account/sessions/")):
                continue
            for name in form.typed:
                if (form.action, name) in tried:
                    continue
                tried.add((form.action, name))
                given = [(key, SCRIPT if key == name else value) for key, value in form.fields]
                client = Client(site, "127.0.0.9") if public else ann
                page = client.post(form.action, given)
                harmless(page, f"{form.action} {name}")
                if page.status == 303:
                    harmless(client.get(page.location), f"after {form.action} {name}")
                assert page.status < 500, f"{form.action} {name}"
    assert len(tried) > 300
    everywhere_harmless(ann)


TEXTS = [
    (section, name)
    for section in SECTIONS
    for name, option in section.options.items()
    if option.kind in ("text", "list") and not option.choices and section.about.name != "blocking"
]


@pytest.mark.parametrize(
    ("section", "name"), TEXTS, ids=lambda one: one if isinstance(one, str) else one.about.name
)
def test_a_script_in_a_setting_is_refused_or_shown_as_text(
    site: Site, ann: Client, section: type[Section], name: str
) -> None:
    given = {**NEEDED.get(section.about.name, {}), name: SCRIPT[:60]}
    place = f"/settings/{section.about.name}"
    page = ann.post(f"{place}/new" if section.about.many else place, given)
    harmless(page, name)
    assert page.status in (303, 422)
    harmless(ann.get(place), name)
    if section.about.many:
        items = site.store.read(section).value
        for item in [one for one in items if one not in ("sim1", "sim2", "ann", "oscar", "vera", "shop")]:  # type: ignore[union-attr]
            harmless(ann.get(f"{place}/item/{quote(item, safe='')}"), item)
            harmless(ann.get(f"{place}/delete/{quote(item, safe='')}"), item)
            site.store.remove(section, item)


def test_what_a_modem_says_is_shown_as_text(site: Site, ann: Client) -> None:
    card = SimCard(
        operator="<script>alert(1)</script><img src=x>"[:36], number="+62811999999", smsc="+6281100000"
    )
    plugs.plug_in("talker", SimModem("talker", make="generic", air=plugs.air, card=card, imei=imei_of(900)))
    site.store.put(Modem, "talker", Modem(name="talker", port="sim://talker"))
    cards = site.service.admin.house.modems.cards
    eventually(lambda: any(one["id"] == "talker" and one["state"] == "ready" for one in cards()))
    harmless(ann.post("/modems/test/talker"), "the test of a modem")
    harmless(ann.post("/modems/detect", {"port": "sim://talker"}), "detect")
    everywhere_harmless(ann)
    site.store.remove(Modem, "talker")


def test_the_text_of_an_sms_and_its_sender_are_shown_as_text(site: Site, ann: Client) -> None:
    (modem,) = [one for name, one in plugs.modems().items() if name == f"{site.home.name}sim1"]
    modem.sms_in("<script>a", "<script>alert(1)</script><img src=x onerror=alert(1)>")
    inbox = SqliteInbox(site.service.database)
    eventually(lambda: sum(inbox.unread().values()) > 0)
    everywhere_harmless(ann)


def test_what_a_broker_says_is_shown_as_text(site: Site, ann: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        while connection.recv(4096):
                            connection.sendall(f"-ERR {SCRIPT}\r\n".encode() * 3)
                    except OSError:
                        pass

        threading.Thread(target=answer, daemon=True).start()
        site.store.save(SubscriberRedis, SubscriberRedis(port=port, enable=True, username="u", password="p"))
        status = lambda: site.service.brokers.subscriber(SubscriberRedis).status  # noqa: E731
        eventually(lambda: bool(status().last_error))
        page = ann.post("/settings/subscriber_redis/act/test")
        harmless(ann.get(page.location), "the broker's answer")
        everywhere_harmless(ann)
        site.store.save(SubscriberRedis, SubscriberRedis(port=free_port()))


UP = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc/passwd",
    "..\\..\\etc\\passwd",
)
UP += ("%00", "%0d%0aSet-Cookie:%20a=b", "%c0%ae%c0%ae/etc/passwd", "....//....//etc/passwd", "/etc/passwd")
GUESSED = ("0", "-1", "999999999", "1%20OR%201=1", "1'", "9" * 30, "%7B%7B7*7%7D%7D", "__class__", "root")
WITH_PLACES = [route for route in ROUTES if "<" in route.path and route.path not in NOT_SENT]


@pytest.mark.parametrize("route", WITH_PLACES, ids=lambda route: f"{route.method} {route.path}")
def test_no_path_and_no_guessed_id_leads_anywhere(site: Site, ann: Client, route) -> None:  # type: ignore[no-untyped-def]
    # Some forms have their answer in a redirect to the page they came from; none may show a file or fail.
    for text in (*UP, *GUESSED):
        path = PLACE.sub(text.replace("\\", "\\\\"), route.path)
        page = ann.get(path) if route.method == "GET" else ann.post(path)
        assert page.status in (200, 303, 400, 404, 405, 409, 422), (path, page.status)
        assert "root:x" not in page.body.decode("latin-1")
        assert page.headers.get_all("Set-Cookie") is None
        if page.status == 303:
            assert urlsplit(page.location).netloc == ""
        if page.status == 200:
            assert text in ("0", "-1", "999999999"), path


@pytest.mark.parametrize("cookie", ["otppi", "__Host-otppi", "visitor", "__Host-visitor", "language", "htmx"])
def test_no_path_in_any_cookie_means_anything(site: Site, cookie: str) -> None:
    for text in UP:
        client = Client(site)
        client.cookies = {cookie: text}
        for path in ("/login", "/", "/settings/users"):
            page = client.get(path)
            assert page.status in (200, 303, 400)
            assert "root:x" not in page.text


def test_a_name_with_a_script_is_refused_the_same_way_everywhere(site: Site, ann: Client) -> None:
    site.store.put(User, "eve", user("eve", "viewer", name=SCRIPT))
    record = DdnsRecord(name="bad", provider="noip", zone="example.com")
    site.store.put(DdnsRecord, "bad", record)
    account = EmailAccount(name=SCRIPT[:60], smtp_host="mail.invalid", sender_account="me@example.com")
    site.store.put(EmailAccount, "bad", account)
    eve = Client(site).sign_in("eve")
    everywhere_harmless(ann)
    everywhere_harmless(eve)
    for section, item in ((User, "eve"), (DdnsRecord, "bad"), (EmailAccount, "bad")):
        site.store.remove(section, item)
