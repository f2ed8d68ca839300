"""Builds the browser admin out of the running gateway: light until the first page is asked for."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from app import __version__, buttons
from app.bell import Bell
from app.brokers import Brokers
from app.brokers.brokers import door
from app.core.clock import Clock
from app.core.events import Event, Events, MessageDone
from app.core.gateway import Gateway
from app.ddns.office import DdnsOffice
from app.exchange import Exchange
from app.mail.office import MailOffice
from app.modems.desk import Desk
from app.modems.fleet import Fleet
from app.settings.files import make_folder
from app.settings.snapshot import Settings
from app.settings.store import SettingsStore
from app.settings.subscribers import SUBSCRIBERS
from app.store.audit import Audit
from app.store.book import LedgerBook
from app.store.database import Database
from app.store.history import History
from app.store.places import Places
from app.system.device import Device
from app.system.status import Status
from app.web.admin.house import House, Service
from app.web.admin.logring import LogRing
from app.web.admin.news import News
from app.web.admin.setup import SetupCode
from app.web.doors import ApiDoors
from app.web.pool import Pool
from app.web.server import Listener, WebServer

log = logging.getLogger(__name__)

BODY = 9 * 1024 * 1024  # a backup; each page says how much of it it takes


class Running(Protocol):
    """What of the service the pages show and move."""

    gateway: Gateway
    fleet: Fleet
    exchange: Exchange
    database: Database
    clock: Clock
    events: Events
    server: WebServer
    doors: ApiDoors
    brokers: Brokers
    mail: MailOffice
    device: Device
    ddns: DdnsOffice
    bell: Bell

    @property
    def settings(self) -> Settings: ...


class Pages:
    """The admin's listeners, and what goes on for it unseen. ports: HTTP and HTTPS, 0 for none."""

    def __init__(
        self, service: Running, places: Places, store: SettingsStore, ports: tuple[int, int]
    ) -> None:
        self.restarting = False
        self._stop: Callable[[], object] = lambda: None
        self._service = service
        self._wanted = ports
        # Each counts the CPU since its own last look: the minutes' and that of the pages.
        self._minutes, self._now = Status(places.home), Status(places.home)
        self._ended: list[str] = []
        self._log = LogRing()
        self._pool = Pool(front=16, waiters=16, spare=1)
        self._server = WebServer(self._answer, self._pool, body_limit=BODY)
        self._door: Any = None
        self._building = threading.Lock()
        self._open = False
        self._shut: list[str] = []  # doors that should be open and are not
        make_folder(places.home)
        self.house = House(
            version=__version__,
            store=store,
            gateway=service.gateway,
            modems=Desk(service.fleet),
            lanes=service.fleet.lanes,
            clock=service.clock,
            events=service.events,
            audit=Audit(service.database),
            history=History(service.database),
            book=LedgerBook(places.database),
            log=self._log,
            setup=SetupCode(places.home),
            figures=lambda: figures_of(self._now),
            services=self._services,
            restart=self._restart,
            machine=service.device,
            names=buttons.Names(service.ddns),
            exchange=service.exchange,
            news=News(Audit(service.database), service.clock.wall),
            actions=buttons.actions(service, store),
            notes=buttons.notes(service, store, service.device.troubles, service.clock.wall),
        )

    def when_restarting(self, stop: Callable[[], object]) -> None:
        """What ends the service so that it can be started anew."""
        self._stop = stop

    def start(self) -> None:
        """Listen, and make the set-up code if there is none."""
        logging.getLogger().addHandler(self._log)
        self._service.events.listen(self._hear)
        self._service.events.listen(self.house.news.hear)
        if any(self._wanted):
            try:
                self.house.setup.code()
            except OSError as error:  # a disk that cannot be written costs the set-up, not the service
                log.error("the set-up code cannot be kept: %s", error)
        self._open = True
        self.open()

    def open(self) -> None:
        """Have the listeners that are wanted, with the certificate that is in force now."""
        if not self._open:
            return
        port, https_port = self._wanted
        shut: list[str] = []
        listeners = {"admin": Listener(port)} if port else {}
        if https_port:
            try:
                listeners["admin-https"] = Listener(https_port, self._service.doors.certificate())
            except OSError as error:
                shut.append(f"the pages are not served by HTTPS: {error}")
                log.error(shut[0])
        self._shut = shut + self._server.apply(listeners)

    def look(self) -> None:
        """Every few seconds: a door that could not be opened may be free by now."""
        if self._shut:
            self.open()

    def stop(self) -> None:
        self._open = False
        if self._door is not None:
            self._door.stop()
        self._server.stop()
        logging.getLogger().removeHandler(self._log)
        self.house.book.close()

    def keep_figures(self) -> None:
        """Once a minute."""
        ended, self._ended = self._ended, []
        figures = figures_of(self._minutes)
        figures["modems"] = float(len(self._service.fleet.lanes()))
        figures["brokers"] = float(sum(one.connected for one in self._service.brokers.statuses()))
        figures["sent"] = float(ended.count("sent"))
        self.house.history.keep(self._service.clock.wall(), figures)

    def sweep(self) -> None:
        self.house.audit.sweep()

    def _hear(self, event: Event) -> None:
        if isinstance(event, MessageDone) and len(self._ended) < 100_000:
            self._ended.append(event.state)

    def _restart(self) -> None:
        self.restarting = True
        self._stop()

    def _services(self) -> Mapping[str, Service]:
        """How doors and brokers are doing, by their switches in the settings."""
        found, ports = {}, self._service.server.ports()
        for name in ("http", "https"):
            if name in ports:
                found[f"api.enable_{name}"] = Service("running", f"port {ports[name]}")
        for sentence in self._service.doors.shut:
            name = "https" if "https" in sentence.lower() else "http"
            found.setdefault(f"api.enable_{name}", Service("trouble", sentence))
        states = {one.broker: one for one in self._service.brokers.statuses()}
        for section in SUBSCRIBERS:
            if status := states.get(door(section)):
                found[f"{section.about.name}.enable"] = Service(str(status.standing), status.sentence())
        return found

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self._door is None:
            with self._building:
                if self._door is None:
                    self._door = self._built()
        answer: Iterable[bytes] = self._door.app(environ, start_response)
        return answer

    def _built(self) -> Any:
        """The door with all pages and templates: some megabytes that an unattended device does without."""
        from app.web.admin.door import Door

        return Door(self.house, self._https, waiting=self._pool.waiting)

    def _https(self) -> int | None:
        """As `Door` asks."""
        return self._server.ports().get("admin-https", 0) if self._wanted[1] else None


def figures_of(status: Status) -> dict[str, float]:
    """By name: cpu, memory, swap, storage in percent; temperature in °C; own: the service's resident MB."""
    now = status.look()
    found = {"own": _own_memory()}
    if now.cpu is not None:
        found["cpu"] = 100 * now.cpu
    if now.temperature is not None:
        found["temperature"] = now.temperature
    parts = {
        "memory": (now.memory_available, now.memory_total),
        "swap": (now.swap_free, now.swap_total),
        "storage": (now.storage_free, now.storage_total),
    }
    return found | {name: 100 * (1 - free / total) for name, (free, total) in parts.items() if total}


def _own_memory() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
