"""The page of the simulated handset."""

from __future__ import annotations

import re
from pathlib import Path

from app.web import phone
from app.web.api import Api
from app.web.server import Listener
from tests.web.door import Client, Door

RECEIVED = [
    (1_800_000_000.0, "sim1", "+628123456789", "Your code is 123456"),
    (1_800_000_060.0, "sim2", "+62811", "<script>alert('x')</script> & \"more\"\nline two"),
]


def mounted(door: Door, received: list[phone.Received]) -> Client:
    api = Api(
        door.house.gateway, door.sign_in, door.pool.waiting, lambda: (True, ""), phone.pages(lambda: received)
    )
    door.web._app = api.app
    assert door.web.apply({"phone": Listener(0, host="127.0.0.1")}) == []
    return Client(door.web.ports()["phone"], " ")


def test_messages_are_shown_newest_first_and_escaped(door: Door) -> None:
    client = mounted(door, RECEIVED)
    answer = client.ask("GET", "/phone")
    page = answer.body.decode()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;more&quot;\nline two" in page
    assert page.index("+62811<") < page.index("+628123456789<")
    assert "2 messages on the simulated handset" in page
    assert "by sim1" in page
    client.close()


def test_it_refreshes_itself_and_nothing_else_may_run(door: Door) -> None:
    client = mounted(door, [])
    answer = client.ask("GET", "/phone")
    page = answer.body.decode()
    assert '<meta http-equiv="refresh" content="2">' in page
    assert "No message yet" in page
    assert "style=" not in page and "<script" not in page and "<style" not in page
    policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    style = client.ask("GET", "/phone.css")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert client.ask("POST", "/phone").status == 405
    client.close()


def test_it_is_not_there_without_a_simulation(client: Client) -> None:
    assert client.ask("GET", "/phone").status == 404
    assert client.ask("GET", "/phone.css").status == 404


def test_a_long_history_is_cut_on_the_page() -> None:
    page = phone.render([(float(n), "m", "1", f"text {n}.") for n in range(200)])
    assert "200 messages" in page
    assert re.findall(r"text (\d+)\.", page) == [str(n) for n in range(199, 149, -1)]


def test_the_style_sheet_asks_for_nothing_from_elsewhere() -> None:
    css = (Path(phone.__file__).with_name("static") / "phone.css").read_text("utf-8")
    assert "url(" not in css and "@import" not in css
