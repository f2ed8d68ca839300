"""The pages of a real process: by HTTPS with the cookies it asks for, and started anew from the browser."""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from app.settings.api import Api, ApiUser
from app.settings.passwords import hash_password
from app.settings.store import SettingsStore
from app.settings.users import User
from bench.ports import free_port

PASSWORD = "four green horses"


def ask(
    port: int, method: str, path: str, cookies: dict[str, str], body: str = ""
) -> tuple[int, str, list[str]]:
    """Status, text, and the cookies set."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the device signs its own
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    if method == "POST":
        headers["Origin"] = f"https://127.0.0.1:{port}"
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    made = answer.headers.get_all("Set-Cookie") or []
    for one in made:
        name, _, rest = one.partition("=")
        cookies[name] = rest.partition(";")[0]
    connection.close()
    return answer.status, text, made


def token(text: str) -> str:
    found = re.search(r'name="csrf-token" value="([^"]+)"', text)
    assert found
    return found[1]


def within(seconds: float, condition) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < until
        time.sleep(0.05)


def serving(home: Path, port: int, **environment: str) -> subprocess.Popen[bytes]:
    """The service with an administrator, pages by HTTPS alone."""
    store = SettingsStore(home)
    store.save(Api, Api(http_port=free_port(), enable_https=False))
    store.put(User, "ann", User(username="ann", password=hash_password(PASSWORD)))
    store.put(ApiUser, "shop", ApiUser(username="shop"))
    words = ["--home", str(home), "--admin-port", "0", "--admin-https-port", str(port)]
    with (home / "log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app", "serve", *words],
            stdout=log,
            stderr=log,
            env=os.environ | environment,
        )


def sign_in(port: int, cookies: dict[str, str]) -> str:
    """As ann; the cookie that was made."""
    within(60, lambda: ask(port, "GET", "/login", {})[0] == 200)
    _, text, made = ask(port, "GET", "/login", cookies)
    assert made[0].startswith("__Host-visitor=") and "; Secure" in made[0]
    form = {"csrf-token": token(text), "username": "ann", "password": PASSWORD}
    status, _, made = ask(port, "POST", "/login", cookies, urlencode(form))
    assert status == 303
    (session,) = made
    return session


def restart(port: int, cookies: dict[str, str]) -> None:
    _, text, _ = ask(port, "GET", "/system/restart", cookies)
    status, _, _ = ask(port, "POST", "/system/restart", cookies, urlencode({"csrf-token": token(text)}))
    assert status == 200


def test_by_https_and_started_anew(tmp_path: Path) -> None:
    port = free_port()
    process = serving(tmp_path, port)
    try:
        cookies: dict[str, str] = {}
        session = sign_in(port, cookies)
        assert session.startswith("__Host-otppi=")
        for word in ("; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"):
            assert word in session
        restart(port, cookies)
        # The same process, a new life: sessions are gone, the pages are back.
        within(60, lambda: ask(port, "GET", "/account", dict(cookies))[0] == 303)
        assert process.poll() is None
        assert "starting anew" in (tmp_path / "log").read_text()
    finally:
        process.terminate()
        process.wait(40)


def test_under_systemd_the_process_ends_and_another_one_is_systemds(tmp_path: Path) -> None:
    """Who has said STOPPING=1 is killed when the time for it is over: nothing of this process may go on."""
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        process = serving(tmp_path, port, NOTIFY_SOCKET=str(tmp_path / "notify"))
        try:
            cookies: dict[str, str] = {}
            sign_in(port, cookies)
            restart(port, cookies)
            assert process.wait(60) == 0
            assert (manager.recv(64), manager.recv(64)) == (b"READY=1", b"STOPPING=1")
        finally:
            process.kill()
            process.wait(40)
