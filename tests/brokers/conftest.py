"""Real brokers, a whole gateway with simulated modems, and one entry a way messages can come in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.brokers import BrokerStatus
from app.main import Service
from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.passwords import hash_password
from app.settings.store import SettingsStore
from app.settings.subscribers import Subscriber as Options
from app.store.places import Places
from bench.ports import free_port
from hw.sim.air import Received
from hw.sim.plugs import plugs
from tests.brokers.certificates import Certificates, make_certificates
from tests.brokers.peers import Peer
from tests.brokers.servers import PASSWORD, USER, Server, until
from tests.brokers.ways import WAYS, Way, options_for, unique
from tests.wanting import need


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@dataclass
class Servers:
    """Each server is started when the first test asks for it."""

    folder: Path
    certificates: Certificates
    running: dict[type[Server], Server] = field(default_factory=dict)

    def get(self, kind: type[Server]) -> Any:
        if kind not in self.running:
            need(kind.missing())
            self.running[kind] = self._started(kind)
        server = self.running[kind]
        if server.process is None:
            server.start()
        return server

    def _started(self, kind: type[Server]) -> Server:
        """A free port may be taken before the server has it: then it gets others."""
        for attempt in (1, 2, 3):
            server = kind(self.folder / f"{kind.__name__}-{attempt}", self.certificates)
            try:
                server.start()
                return server
            except AssertionError:
                server.close()
                if attempt == 3:
                    raise
        raise AssertionError("not reached")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Servers]:
    every = Servers(tmp_path_factory.mktemp("servers"), certificates)
    yield every
    for server in every.running.values():
        server.close()


class Device:
    """A whole gateway in this process, with simulated modems; its API is at ``port``, USER may use it."""

    def __init__(self, folder: Path) -> None:
        self.store = SettingsStore(folder)
        self.port = free_port()
        self.store.save(Api, Api(http_port=self.port, enable_https=False))
        self.store.put(ApiUser, USER, ApiUser(username=USER, password=hash_password(PASSWORD)))
        for name in ("one", "two"):
            self.store.put(Modem, name, Modem(name=name, port=f"sim://{folder.name}-{name}"))
        self.service = Service(Places(folder), self.store, self.store.load())
        self.service.start()
        until(lambda: len(self.service.fleet.lanes()) == 2, "both simulated modems are ready", 60)
        self.door = ""

    def take_from(self, options: Options) -> None:
        """Take messages from this broker, and wait until it is connected."""
        self.apply(options)
        until(lambda: self.status.connected, "the broker is connected", 30)

    def apply(self, options: Options) -> None:
        self.door = options.about.name.removeprefix("subscriber_")
        self.service.brokers.apply(options)

    @property
    def status(self) -> BrokerStatus:
        return next(one for one in self.service.brokers.statuses() if one.broker == self.door)

    def leave(self) -> None:
        """Take messages from nobody."""
        for section in {way.section for way in WAYS.values()}:
            self.service.brokers.apply(section())
        until(
            lambda: all(str(one.standing) == "off" for one in self.service.brokers.statuses()),
            "all brokers are off",
            30,
        )

    def received(self, number: str) -> list[Received]:
        """What the simulated handset of that number has got."""
        return plugs.air.inbox(number)

    def await_text(self, number: str, text: str, seconds: float = 20.0) -> None:
        until(lambda: any(one.text == text for one in self.received(number)), f"{text!r} arrived", seconds)


@pytest.fixture(scope="session")
def whole_device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    made = Device(tmp_path_factory.mktemp("home"))
    yield made
    made.service.stop()


@pytest.fixture
def device(whole_device: Device) -> Iterator[Device]:
    yield whole_device
    whole_device.leave()


@dataclass
class Case:
    """One way, ready to use: the device listens on a topic of the test's own."""

    way: Way
    server: Any
    device: Device
    topic: str
    options: Options
    peer: Peer

    def changed(self, **fields: Any) -> Options:
        return self.options.model_copy(update=fields)


@pytest.fixture
def case(request: pytest.FixtureRequest, servers: Servers, device: Device) -> Case:
    way = WAYS[request.param]
    server = servers.get(way.server)
    topic = unique("sms")
    options = options_for(way, server, topic)
    return Case(way, server, device, topic, options, way.peer(server))
