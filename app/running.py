"""Ways to run the service: as the device does, to get to know it, and to measure it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.core.errors import GatewayError
from app.main import Service
from app.settings import files
from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.passwords import generate_password, hash_password
from app.settings.store import SettingsStore
from app.settings.users import User
from app.store.places import Places
from app.web import phone
from app.web.admin.setup import SetupCode
from hw.sim.plugs import plugs

log = logging.getLogger(__name__)

USER = "demo"
# Families and prefixes that differ, so that routing and fail-over can be seen.
SIMULATED: Mapping[str, Mapping[str, Any]] = {
    "sim1": {"port": "sim://sim1?family=sim800&delay_ms=400", "recipient_prefix": ("62811", "62812")},
    "sim2": {"port": "sim://sim2?family=huawei&delay_ms=400", "recipient_prefix": ("62813", "62817")},
    "sim3": {"port": "sim://sim3?family=sim7600&delay_ms=400", "default_modem": True},
    "sim4": {"port": "sim://sim4?family=quectel&delay_ms=400"},
}


# Of the browser admin: HTTP and HTTPS, 0 for none.
AdminPorts = tuple[int, int]


def serve(home: Path, admin: AdminPorts = (0, 0)) -> int:
    """Run until SIGTERM or SIGINT. 1 when the service cannot start."""
    store = SettingsStore(home)
    return _run(home, store, {}, admin)


def try_out(home: Path, modem: str | None, admin: AdminPorts = (0, 0)) -> int:
    """Run ready to use: an API user with a fresh password and simulated modems, or the one real modem."""
    store = SettingsStore(home)
    password = generate_password()
    store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(password)))
    if modem:
        _have_modems(store, {"real": {"port": modem, "default_modem": True}}, SIMULATED)
    else:
        _have_modems(store, SIMULATED, ["real"])
    welcome = _welcome(store.load().settings.one(Api), password, modem)
    if admin[0]:
        welcome += _admin_welcome(store, home, admin[0])
    return _run(home, store, {} if modem else phone.pages(_received), admin, welcome)


def bench(modems: int) -> int:
    """Run with simulated modems in this process that need no time, in a home that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="otppi-bench-") as folder:
        store = SettingsStore(Path(folder))
        _have_modems(store, {f"sim{n}": {"port": f"sim://sim{n}"} for n in range(1, modems + 1)}, [])
        password = generate_password()
        store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(password)))
        return _run(Path(folder), store, {}, (0, 0), f"API user {USER}, password {password}")


def _run(
    home: Path, store: SettingsStore, pages: Mapping[str, Any], admin: AdminPorts, welcome: str = ""
) -> int:
    loaded = store.load()
    for problem in loaded.problems:
        log.error("settings: %s", problem)
    for name in loaded.fallen:
        log.error("settings: %s runs without what is wrong until %s.json is right", name, name)
    for warning in loaded.warnings:
        log.warning("settings: %s", warning)
    try:
        service = Service(Places(home), store, loaded, pages, admin)
    except (GatewayError, OSError) as error:
        log.error("the gateway cannot start: %s", error)
        return 1
    again = threading.Event()
    with _until_told_to_stop() as told:
        service.admin.restart = lambda: (again.set(), told.set())
        service.start()
        if welcome:
            print(welcome, flush=True)  # to whoever sits there, never to the log: it holds a password
        told.wait()
    log.info("stopping")
    service.stop()
    if again.is_set():
        log.info("starting anew")
        logging.shutdown()
        os.execv(sys.executable, sys.orig_argv)
    return 0


@contextmanager
def _until_told_to_stop() -> Iterator[threading.Event]:
    told = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: told.set())
    yield told


def _have_modems(
    store: SettingsStore, wanted: Mapping[str, Mapping[str, Any]], unwanted: Iterable[str]
) -> None:
    """Put these modems into the settings and take those out; others stay as they are."""
    for item in set(unwanted) & set(store.load().settings.items(Modem)):
        store.remove(Modem, item)
    for item, fields in wanted.items():
        store.put(Modem, item, Modem(name=item, **fields))


def _received() -> list[phone.Received]:
    return [(one.at, one.modem, one.number, one.text) for one in plugs.air.inbox()]


def _welcome(api: Api, password: str, modem: str | None) -> str:
    address = f"http://127.0.0.1:{api.http_port}"
    data = '{"receiver":"081212345678","message":"Hello from OTP-Pi"}'
    lines = [
        "",
        "  OTP-Pi runs" + (f" with the modem at {modem}" if modem else " with four simulated modems"),
        f"  API       {address}{api.message_path}",
        f"  API user  {USER}, password {password}",
        "",
        "  Send an SMS:",
        f"  curl -u {USER}:{password} {address}{api.message_path} \\",
        f'       -d \'{{"command":"send-sms","data":{data}}}\'',
        "",
    ]
    if not modem:
        lines += [f"  See it arrive on the simulated handset: {address}/phone", ""]
    return "\n".join(lines)


def _admin_welcome(store: SettingsStore, home: Path, port: int) -> str:
    lines = [f"  Pages     http://127.0.0.1:{port}"]
    if not store.load().settings.items(User):
        files.make_folder(home)
        lines.append(f"  Set-up code for the first administrator: {SetupCode(home).code()}")
    return "\n".join([*lines, ""])
