"""Builds the browser admin out of the running gateway: light until the first page is asked for."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.core.clock import Clock
from app.core.events import Event, Events, MessageDone
from app.core.gateway import Gateway
from app.modems.desk import Desk
from app.modems.fleet import Fleet
from app.settings.files import make_folder
from app.settings.store import SettingsStore
from app.store.audit import Audit
from app.store.book import LedgerBook
from app.store.database import Database
from app.store.history import History
from app.store.places import Places
from app.system.status import Machine
from app.web.admin.house import House, Service
from app.web.admin.logring import LogRing
from app.web.admin.setup import SetupCode
from app.web.pool import Pool
from app.web.server import Listener, WebServer

BODY = 9 * 1024 * 1024  # a backup; each page says how much of it it takes


class Pages:
    """The admin's listeners, and what goes on for it while nobody looks.

    services(): how the doors are doing, by the switch in the settings. restart: to be set by who runs us.
    """

    def __init__(
        self,
        places: Places,
        store: SettingsStore,
        gateway: Gateway,
        fleet: Fleet,
        database: Database,
        clock: Clock,
        events: Events,
        services: Callable[[], Mapping[str, Service]],
    ) -> None:
        self.restart: Callable[[], None] = lambda: None
        self._fleet = fleet
        self._clock = clock
        self._events = events
        self._machine = Machine(places.home)
        self._watched = Machine(
            places.home
        )  # one that pages ask: each counts the CPU since its own last look
        self._ended: list[str] = []
        self._log = LogRing()
        self._pool = Pool(front=16, waiters=16, spare=1)
        self._server = WebServer(self._answer, self._pool, body_limit=BODY)
        self._ports = (0, 0)
        self._door: Any = None
        self._building = threading.Lock()
        make_folder(places.home)
        self.house = House(
            store=store,
            gateway=gateway,
            modems=Desk(fleet),
            lanes=fleet.lanes,
            clock=clock,
            events=events,
            audit=Audit(database),
            history=History(database),
            book=LedgerBook(places.database),
            log=self._log,
            setup=SetupCode(places.home),
            figures=self._watched.figures,
            services=services,
            restart=lambda: self.restart(),
        )

    def start(self, port: int, tls: tuple[int, ssl.SSLContext] | None) -> None:
        """Listen on the ports given, 0 for none, and make the set-up code if there is none."""
        logging.getLogger().addHandler(self._log)
        self._events.listen(self._hear)
        listeners = {"admin": Listener(port)} if port else {}
        if tls is not None and tls[0]:
            listeners["admin-https"] = Listener(*tls)
        if listeners:
            self.house.setup.code()
        self._server.apply(listeners)

    def stop(self) -> None:
        if self._door is not None:
            self._door.stop()
        self._server.stop()
        logging.getLogger().removeHandler(self._log)
        self.house.book.close()

    def ports(self) -> dict[str, int]:
        """The port of each listener that is open."""
        return self._server.ports()

    def keep_figures(self) -> None:
        """Once a minute."""
        ended, self._ended = self._ended, []
        figures = self._machine.figures()
        figures["modems"] = float(len(self._fleet.lanes()))
        figures["sent"] = float(ended.count("sent"))
        self.house.history.keep(self._clock.wall(), figures)

    def sweep(self) -> None:
        self.house.audit.sweep()

    def _hear(self, event: Event) -> None:
        if isinstance(event, MessageDone) and len(self._ended) < 100_000:
            self._ended.append(event.state)

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

        return Door(self.house, self._server.ports().get("admin-https", 0), waiting=self._pool.waiting)
