"""Ways to run the service: as the device does, to get to know it, and to measure it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.core.clock import SystemClock
from app.core.errors import GatewayError
from app.main import Service
from app.settings import files
from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.passwords import generate_password, hash_password
from app.settings.store import SettingsStore
from app.settings.users import User
from app.store.places import Places
from app.system.device import Surroundings, desk
from app.web import phone
from app.web.admin.setup import SetupCode
from hw.sim.plugs import plugs
from hw.sim.roaming import Roaming

log = logging.getLogger(__name__)

USER = "demo"
SWITCH_INTERVAL = 0.0005  # seconds
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
    return _run(home, store, {}, admin=admin)


def try_out(home: Path, modem: str | None, admin: AdminPorts = (0, 0)) -> int:
    """Run ready to use: an API user with a fresh password and simulated modems, or the one real modem."""
    store = SettingsStore(home)
    password = generate_password()
    store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(password)))
    if modem:
        _have_modems(store, {"real": {"port": modem, "default_modem": True}}, SIMULATED)
    else:
        _have_modems(store, SIMULATED, ["real"])
    Roaming(plugs).start()
    welcome = _welcome(store.load().settings.one(Api), password, modem)
    if admin[0]:
        welcome += _admin_welcome(store, home, admin[0])
    return _run(home, store, {} if modem else phone.pages(_received), welcome, desk(SystemClock()), admin)


def bench(modems: int) -> int:
    """Run with simulated modems in this process that need no time, in a home that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="otppi-bench-") as folder:
        store = SettingsStore(Path(folder))
        _have_modems(store, {f"sim{n}": {"port": f"sim://sim{n}"} for n in range(1, modems + 1)}, [])
        password = generate_password()
        store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(password)))
        return _run(Path(folder), store, {}, f"API user {USER}, password {password}", desk(SystemClock()))


def _run(
    home: Path,
    store: SettingsStore,
    pages: Mapping[str, Any],
    welcome: str = "",
    around: Surroundings | None = None,
    admin: AdminPorts = (0, 0),
) -> int:
    loaded = store.load()
    for problem in loaded.problems:
        log.error("settings: %s", problem)
    for name in loaded.fallen:
        log.error("settings: %s runs without what is wrong until %s.json is right", name, name)
    for warning in loaded.warnings:
        log.warning("settings: %s", warning)
    try:
        service = Service(Places(home), store, loaded, pages, around, admin)
    except (GatewayError, OSError) as error:
        log.error("the gateway cannot start: %s", error)
        return 1
    # A message changes threads some ten times on its way; Python's own 5 ms between turns would show.
    sys.setswitchinterval(SWITCH_INTERVAL)
    with _signals() as told_to_stop:
        service.admin.when_restarting(lambda: os.kill(os.getpid(), signal.SIGTERM))
        service.start()
        if welcome and service.doors.shut:
            log.error("%s; stop what runs there, or set api http_port=… https_port=…", service.doors.shut[0])
            service.stop()
            return 1
        if welcome:
            print(welcome, flush=True)  # to whoever sits there, never to the log: it holds a password
        told_to_stop()
    log.info("stopping")
    service.stop()
    if service.admin.restarting:
        log.info("starting anew")
        # systemd was told that this life ends, and kills a process that goes on (TimeoutStopSec=); it makes
        # the next one itself (Restart=always).
        if "NOTIFY_SOCKET" not in os.environ:
            os.execv(sys.executable, sys.orig_argv)  # the same command, in the same process
    return 0


@contextmanager
def _signals() -> Iterator[Callable[[], object]]:
    """Gives a function that returns when SIGTERM or SIGINT comes, whichever thread the system gives it to.

    Python runs a handler only when the main thread wakes, and a signal may interrupt another thread; what
    the system's own handler writes to a socket wakes us in any case.
    """
    here, there = socket.socketpair()
    there.setblocking(False)
    with here, there:
        signal.set_wakeup_fd(there.fileno())
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: None)
        yield lambda: here.recv(1)
        signal.set_wakeup_fd(-1)


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
    otp = '{"reference":"login-1","receiver":"081212345678","message":"Your code is %s"}'
    check = '{"reference":"login-1","receiver":"081212345678","otp":"CODE"}'
    lines = [
        "",
        "  OTP-Pi runs" + (f" with the modem at {modem}" if modem else " with four simulated modems"),
        f"  API       {address}{api.otp_path}",
        f"  API user  {USER}, password {password}",
        "",
        "  Send a code (put a number of yours in):" if modem else "  Send a code:",
        f"  curl -u {USER}:{password} {address}{api.otp_path} \\",
        f'       -d \'{{"command":"request-otp","data":{otp}}}\'',
        "",
        "  Verify it (put the code that arrived in):" if modem else f"  See it arrive: {address}/phone",
        *([] if modem else ["", "  Verify it (put the code you saw in):"]),
        f"  curl -u {USER}:{password} {address}{api.otp_path} \\",
        f'       -d \'{{"command":"verify-otp","data":{check}}}\'',
        "",
    ]
    return "\n".join(lines)


def _admin_welcome(store: SettingsStore, home: Path, port: int) -> str:
    lines = [f"  Pages     http://127.0.0.1:{port}"]
    if not store.load().settings.items(User):
        files.make_folder(home)
        lines.append(f"  Set-up code for the first administrator: {SetupCode(home).code()}")
    return "\n".join([*lines, ""])
