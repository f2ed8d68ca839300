"""What comes from outside stays text: scripts, paths, headers, log lines, ids of others, too many viewers."""

from __future__ import annotations

import http.client
import logging

import pytest

from app.core.events import ModemState
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.users import User
from app.web.admin.live import VIEWERS
from app.web.admin.pages import ROUTES
from tests.web.admin.site import Client, Site, eventually, user

SCRIPT = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
PAGES = [
    route.path
    for route in ROUTES
    if route.method == "GET" and "<" not in route.path and route.path != "/live"
]


def test_a_script_in_any_stored_text_is_shown_as_text(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh()
    site.store.save(General, General(device_name="<script>alert(1)</script>"))
    site.store.put(
        Modem,
        "bad",
        Modem(name=SCRIPT[:60], port="sim://bad", operator=SCRIPT, model=SCRIPT, manufacturer=SCRIPT),
    )
    site.store.put(User, "eve", user("<script>alert(1)</script>", "viewer", name=SCRIPT))
    logging.getLogger("test").error("a broker said %s", SCRIPT)
    house = site.service.admin.house
    house.audit.note(1.0, SCRIPT, SCRIPT, "settings.changed", SCRIPT)
    site.service.events.announce(ModemState("bad", "trouble", SCRIPT))
    ann = Client(site).sign_in()
    ann.post("/messages/new", {"receiver": "081234567890", "message": SCRIPT})
    ann.post("/login", {"username": SCRIPT, "password": "x"})
    eventually(lambda: any(card["name"] == SCRIPT[:60] for card in house.modems.cards()))
    for path in [
        *PAGES,
        "/settings/modems/item/bad",
        "/settings/users/item/eve",
        "/settings/general",
        "/messages/way/1",
    ]:
        text = ann.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/messages", "receiver"), ("/messages", "owner"), ("/messages", "state"), ("/messages", "day"),
        ("/messages/new", "to"), ("/routing", "number"), ("/blocklist", "search"), ("/system/logs", "search"),
        ("/system/audit", "search"), ("/system/status", "hours"), ("/login", "next"),
        ("/inbox", "search"), ("/inbox", "sim"), ("/part/inbox", "sim"), ("/modems/ussd", "modem"),
        ("/settings/modems/new", "name"), ("/settings/modems/new", "port"),
    ],
)  # fmt: skip
def test_a_script_in_an_address_is_not_given_back(site: Site, ann: Client, path: str, name: str) -> None:
    from urllib.parse import quote

    client = Client(site) if path == "/login" else ann
    text = client.get(f"{path}?{name}={quote(SCRIPT)}").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/messages/new", {"receiver": SCRIPT, "message": SCRIPT, "via": SCRIPT}),
        ("/otp/request", {"receiver": SCRIPT, "reference": SCRIPT}),
        ("/otp/verify", {"receiver": SCRIPT, "reference": SCRIPT, "otp": SCRIPT}),
        ("/blocklist", {"number": SCRIPT}),
        ("/blocklist/import", {"numbers": SCRIPT}),
        ("/modems/detect", {"port": SCRIPT}),
        ("/settings/general", {"device_name": SCRIPT, "otp_digits": SCRIPT, "ntp_server": SCRIPT}),
        ("/settings/modems/new", {"name": SCRIPT, "port": SCRIPT}),
        ("/account", {"name": SCRIPT, "email": SCRIPT}),
        ("/start/place", {"device_time_zone": SCRIPT}),
        ("/start/sms", {"receiver": SCRIPT}),
        ("/part/preview", {"message": SCRIPT}),
        ("/modems/ussd", {"do": "ask", "modem": "sim1", "code": SCRIPT}),
        ("/modems/ussd", {"do": "answer", "modem": SCRIPT, "answer": SCRIPT}),
        ("/modems/balance", {"modem": SCRIPT, "code": SCRIPT}),
        ("/modems/one/sim1", {"do": SCRIPT}),
        ("/modems/sim/sim1", {"do": SCRIPT, "pin": SCRIPT, "new": SCRIPT, "again": SCRIPT}),
        ("/modems/imei/sim1", {"imei": SCRIPT, "typed": SCRIPT, "lawful": SCRIPT}),
        ("/inbox", {"id": SCRIPT, "do": SCRIPT}),
        ("/messages/broadcast", {"text": SCRIPT}),
        ("/messages/mail", {"account": SCRIPT, "receiver": SCRIPT}),
    ],
)
def test_a_script_in_a_form_is_not_given_back(
    site: Site, ann: Client, path: str, fields: dict[str, str]
) -> None:
    page = ann.post(path, fields)
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    if page.status == 303:
        assert "<script>alert" not in ann.get(page.location).text


UP = ["../", "..%2f", "%2e%2e/", "....//", "..\\", "%00", "%c0%ae%c0%ae/"]


@pytest.mark.parametrize("up", UP)
@pytest.mark.parametrize(
    "start", ["/static/", "/static/000000000000/", "/settings/", "/settings/modems/item/", "/"]
)
def test_no_path_leads_out_of_the_static_files(site: Site, ann: Client, start: str, up: str) -> None:
    for target in ("etc/passwd", "app/web/admin/door.py", "state.db", "users.json"):
        page = ann.get(start + up * 6 + target)
        assert page.status in (303, 400, 404)
        assert "root:" not in page.body.decode("latin-1")


@pytest.mark.parametrize("up", UP)
def test_no_path_in_a_cookie_means_anything(site: Site, up: str) -> None:
    client = Client(site)
    client.cookies = {"otppi": up * 5 + "etc/passwd", "language": up * 5 + "etc/passwd", "visitor": up}
    page = client.get("/login")
    assert page.status == 200
    assert "root:" not in page.text


def test_static_files_are_kept_for_ever_and_packed(site: Site) -> None:
    client = Client(site)
    text = client.get("/login").text
    address = text.partition('href="/static/')[2].partition('"')[0]
    page = client.get(f"/static/{address}", Accept_Encoding="gzip")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert page.headers["Content-Encoding"] == "gzip"
    assert client.get("/static/000000000000/admin.css").status == 404
    assert client.get("/static/vendor/LICENSES.txt").status == 404


@pytest.mark.parametrize("seq", ["0", "-1", "999999999", "1 OR 1=1", "1'", "9" * 30, "abc"])
def test_an_id_that_was_guessed_finds_nothing(site: Site, ann: Client, seq: str) -> None:
    from urllib.parse import quote

    assert ann.get(f"/messages/way/{quote(seq)}").status == 404


def test_a_session_of_another_cannot_be_ended(site: Site) -> None:
    vera, oscar = Client(site).sign_in("vera"), Client(site).sign_in("oscar")
    handle = site.door.sessions.of("oscar")[0].handle
    vera.post(f"/account/sessions/{handle}")
    assert oscar.get("/").status == 200


def test_a_viewer_sees_no_whole_number(site: Site, ann: Client) -> None:
    ann.post("/messages/new", {"receiver": "081277778888", "message": "x"})
    vera = Client(site).sign_in("vera")
    assert "6281277778888" in ann.get("/messages").text
    assert "6281277778888" not in vera.get("/messages").text
    assert "62812******88" in vera.get("/messages").text
    assert "62812******88" in vera.get("/part/messages?receiver=99").text  # nor can it be tried out


def test_a_line_break_forges_neither_header_nor_log_line_nor_audit(site: Site, ann: Client) -> None:
    page = ann.post("/language", {"language": "en\r\nSet-Cookie: a=b", "next": "/\r\nSet-Cookie: a=b"})
    assert page.headers.get_all("Set-Cookie") is None
    assert page.location == "/"
    logging.getLogger("test").warning("said %s", "one\nERROR forged: line\x1b[2J")
    (line,) = site.service.admin.house.log.lines(0, "forged")
    assert line.text == "said one ERROR forged: line [2J"
    site.service.admin.house.audit.note(1.0, "x\ny", "z", "refused", "a\r\nb\x00c")
    eventually(lambda: bool(site.service.admin.house.audit.page(0, 5, "a  b c")))


def test_a_formula_in_a_spreadsheet_is_a_text(site: Site) -> None:
    from app.web.admin.pages.messages import _cell

    assert _cell("=1+1") == "'=1+1"
    assert _cell("@SUM(A1)") == "'@SUM(A1)"
    assert _cell("+62811") == "'+62811"
    assert _cell("plain") == "plain"


def test_live_viewers_are_capped_and_go_when_their_session_ends(site: Site) -> None:
    client = Client(site).sign_in("oscar")
    streams = []

    def watch() -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        connection.request("GET", "/live", headers={"Cookie": f"otppi={client.cookies['otppi']}"})
        streams.append(connection)
        return connection.getresponse()

    door = site.door
    answers = [watch() for _ in range(VIEWERS)]
    assert [one.status for one in answers] == [200] * VIEWERS
    assert answers[0].headers["Content-Type"].startswith("text/event-stream")
    assert answers[0].readline() == b"retry: 5000\n"
    beyond = watch()
    assert beyond.status == 503
    assert beyond.headers["Retry-After"] == "30"
    assert client.get("/").status == 200  # the page still shows how things are
    client.post("/logout")
    for _ in range(3):
        site.service.events.announce(ModemState("sim1", "ready"))
    eventually(lambda: door.live.viewers == 0)
    for one in streams:
        one.close()


def test_a_page_that_asks_by_itself_keeps_no_session_alive(site: Site) -> None:
    client = Client(site).sign_in("vera")
    session = site.door.sessions.of("vera")[0]
    session.seen -= 100
    before = session.seen
    client.get("/part/home", HX_Request="true")
    assert session.seen == before
    client.get("/")
    assert session.seen > before
