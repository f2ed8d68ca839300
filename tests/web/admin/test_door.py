"""The admin's door: who gets plain HTTP, what a form may hold, and what comes in no shape at all."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.settings.blocking import BlockedNumber
from app.settings.network import Wlan
from app.web.admin.door import Door
from app.web.connection import SKIPPED
from tests.web.admin.site import Client, Site

Fresh = Callable[..., Site]


def come(door: Door, address: str, path: str = "/login", query: str = "") -> tuple[int, dict[str, str]]:
    """Status and headers of a page asked for by plain HTTP from an address."""
    came: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": address,
        "HTTP_HOST": "otp-pi.local:8888",
        "SERVER_NAME": "otp-pi.local",
        "SERVER_PORT": "8888",
        "wsgi.url_scheme": "http",
        "wsgi.errors": None,
    }
    door.app(environ, lambda status, headers, _=None: came.extend((status, headers)))
    return int(came[0][:3]), dict(came[1])


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.168.0.40", True),
        ("::ffff:192.168.0.40", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.9.0.7", False),
        ("2001:db8::1", False),
        ("fe80::1%wlan0", False),
        ("", False),
    ],
)
def test_plain_http_is_for_the_access_point_and_the_device_itself(
    site: Site, address: str, plain: bool
) -> None:
    status, headers = come(Door(site.door.house, lambda: 8443), address)
    assert (status, headers.get("Location")) == (
        (200, None) if plain else (307, "https://otp-pi.local:8443/login")
    )


def test_plain_http_follows_the_access_point_to_another_network(fresh: Fresh) -> None:
    site = fresh(modems=0)
    door = Door(site.door.house, lambda: 8443)
    assert come(door, "192.168.0.77")[0] == 200
    site.store.save(Wlan, Wlan(ip_address="10.9.0.1", prefix=24))
    assert come(door, "10.9.0.40")[0] == 200
    assert come(door, "192.168.0.77")[0] == 307


def test_https_that_opens_late_is_led_to_from_then_on(site: Site) -> None:
    ports = [0]
    door = Door(site.door.house, lambda: ports[0])
    status, headers = come(door, "10.1.2.3")
    assert (status, headers["Retry-After"]) == (503, "30")  # never by plain HTTP meanwhile
    assert come(door, "192.168.0.40")[0] == 200
    ports[0] = 8443
    assert come(door, "10.1.2.3", "/inbox", "search=a%20b&sim=1")[1]["Location"] == (
        "https://otp-pi.local:8443/inbox?search=a%20b&sim=1"
    )


def test_where_nobody_wants_https_plain_http_is_answered(site: Site) -> None:
    assert come(Door(site.door.house), "10.1.2.3")[0] == 200


def test_a_certificate_that_comes_late_opens_the_pages(tmp_path: Path) -> None:
    from app.pages import Pages

    calls: list[int] = []

    def certificate() -> object:
        calls.append(1)
        if len(calls) < 2:
            raise OSError("no certificate yet")
        return "context"

    opened: list[dict[str, Any]] = []
    server = SimpleNamespace(apply=lambda listeners: opened.append(listeners) or [])
    doors = SimpleNamespace(certificate=certificate)
    pages = SimpleNamespace(
        _open=True, _wanted=(0, 8443), _shut=[], _server=server, _service=SimpleNamespace(doors=doors)
    )
    pages.open = lambda: Pages.open(pages)
    pages.open()
    Pages.look(pages)
    assert [list(one) for one in opened] == [[], ["admin-https"]]
    assert pages._shut == []


# Forms.


def test_a_backup_of_a_large_block_list_comes_back_in_the_browser(fresh: Fresh) -> None:
    site = fresh(modems=0)
    numbers = [f"62812{n:08d}" for n in range(2000)]
    entries = {n: BlockedNumber(number=n, state="blocked", since=1, by="admin:ann") for n in numbers}
    site.store.save(BlockedNumber, entries)
    ann = Client(site).sign_in()
    backup = ann.post("/system/backup").body
    assert len(backup) > 200_000
    site.store.save(BlockedNumber, {})
    page = ann.upload("/system/restore/plan", "file", backup)
    assert page.status == 200, page.words[:500]
    # What the browser sends back: the text area of that page, in a form with parts and without a file.
    answer = ann.upload("/system/restore", "none", b"", content=backup.decode())
    assert answer.status == 303, answer.words[:500]
    assert list(site.store.items(BlockedNumber)) == numbers


def test_a_long_paste_into_the_block_list_is_taken(fresh: Fresh) -> None:
    site = fresh(modems=0)
    ann = Client(site).sign_in()
    pasted = "\r\n".join(f"62813{n:08d}" for n in range(9000))
    assert len(pasted) > 102_400
    assert ann.post("/blocklist/import", {"numbers": pasted}).status == 303
    assert len(site.store.items(BlockedNumber)) == 9000


@pytest.mark.parametrize("cookie", ["a@b=1", "=", ";;;", "x", 'q="un', "a=b; c d=e; [=]", "\xff=\xff"])
def test_a_cookie_of_another_program_keeps_nobody_out(site: Site, cookie: str) -> None:
    ann = Client(site).sign_in()
    headers = {"Cookie": f"{cookie}; otppi={ann.cookies['otppi']}; visitor={ann.cookies['visitor']}"}
    ann.cookies = {}
    assert ann.ask("GET", "/account", None, headers).status == 200


@pytest.mark.parametrize("path", ["/login?next=%FF", "/login?%FF=%FE", "/forgot?x=%ED%A0%80"])
def test_an_address_that_is_not_utf8_is_no_fault_of_ours(site: Site, path: str) -> None:
    assert Client(site).get(path).status == 200


def test_a_search_that_is_not_utf8_finds_nothing(site: Site, ann: Client) -> None:
    assert ann.get("/inbox?search=%FF").status == 200


def raw(site: Site, body: bytes, kind: str) -> int:
    headers = {"Content-Type": kind, "Origin": Client(site).origin}
    return Client(site).ask("POST", "/login", body, headers).status


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"username=%FF&password=%FE", 403),
        ("application/x-www-form-urlencoded", b"\xff\xfe=\xfd", 403),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=edge", b"--edge\r\nnonsense", 400),
        ("multipart/form-data; boundary=edge; charset=no-such", b"--edge--\r\n", 403),
        (
            "multipart/form-data; boundary=edge; charset=no-such",
            b'--edge\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xff\r\n--edge--\r\n',
            400,
        ),
        (
            "multipart/form-data; boundary=edge",
            b'--edge\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xff\r\n--edge--\r\n',
            400,
        ),
    ],
)
def test_a_form_in_no_shape_is_the_clients_fault(
    site: Site, caplog: pytest.LogCaptureFixture, kind: str, body: bytes, status: int
) -> None:
    assert raw(site, body, kind) == status  # 403: no token in it
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def test_a_form_that_comes_too_slowly_is_told_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.connection.READ_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as client:
        client.sendall(
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
            f"Origin: http://127.0.0.1:{site.port}\r\nContent-Length: 100\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=ann".encode()
        )
        assert client.recv(200).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_nobody_asked_for_is_not_read_to_its_end(site: Site) -> None:
    """The answer to a stranger comes after the head, and then the connection ends."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.putrequest("POST", "/system/restore")
    connection.putheader("Content-Length", str(SKIPPED + 1))
    connection.putheader("Origin", Client(site).origin)
    connection.endheaders()
    response = connection.getresponse()  # not an octet of the body was sent
    assert response.status == HTTPStatus.UNAUTHORIZED
    assert response.getheader("Connection") == "close"
    connection.close()
