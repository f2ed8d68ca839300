"""Fixtures: every real server once a session, our own broker beside them, a device at any transport."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from otp_publisher import Publisher

from . import certificates, peers, running_broker
from .certificates import Certificates
from .device import Device
from .servers import PASSWORD, USER, free_port, need, running

# htpasswd -nbB -C 5 otp 's3cret:with;signs'
HTPASSWD = "otp:$2y$05$8THfIe0oI8e1F2roXFHg7eN9LYh4MR35mVrpkbSKt0jTYNmiOueWi\n"


@dataclass(frozen=True)
class Ports:
    plain: int
    tls: int


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory, certs: Certificates) -> Iterator[Ports]:
    program = need("redis-server", "redis-server")
    directory = tmp_path_factory.mktemp("redis")
    ports = Ports(free_port(), free_port())
    config = directory / "redis.conf"
    config.write_text(
        f"bind 127.0.0.1\nport {ports.plain}\ntls-port {ports.tls}\ntls-auth-clients no\n"
        f'save ""\ndir {directory}\n'
        f"tls-cert-file {certs.cert}\ntls-key-file {certs.key}\ntls-ca-cert-file {certs.ca}\n"
        f"user default off\nuser {USER} on >{PASSWORD} ~* &* +@all\n"
    )
    with running([program, str(config)], [ports.plain, ports.tls], directory / "log"):
        yield ports


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory, certs: Certificates) -> Iterator[Ports]:
    program = need("mosquitto", "mosquitto")
    directory = tmp_path_factory.mktemp("mosquitto")
    ports = Ports(free_port(), free_port())
    subprocess.run(
        [need("mosquitto_passwd", "mosquitto"), "-b", "-c", directory / "passwords", USER, PASSWORD],
        check=True,
    )
    config = directory / "mosquitto.conf"
    # Started by root it would change to a user that may not read these files.
    account = "user root\n" if os.getuid() == 0 else ""
    config.write_text(
        f"{account}allow_anonymous false\npassword_file {directory}/passwords\n"
        f"listener {ports.plain} 127.0.0.1\n"
        f"listener {ports.tls} 127.0.0.1\ncertfile {certs.cert}\nkeyfile {certs.key}\n"
    )
    with running([program, "-c", str(config)], [ports.plain, ports.tls], directory / "log"):
        yield ports


@dataclass(frozen=True)
class Rabbit:
    amqp: Ports
    stomp: Ports


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, certs: Certificates) -> Iterator[Rabbit]:
    need("rabbitmqctl", "rabbitmq-server")
    program = need("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
    epmd = need("epmd", "erlang-base")
    directory = tmp_path_factory.mktemp("rabbitmq")
    names, dist = free_port(), free_port()
    rabbit = Rabbit(Ports(free_port(), free_port()), Ports(free_port(), free_port()))
    (directory / "plugins").write_text("[rabbitmq_stomp].\n")
    (directory / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{rabbit.amqp.plain}\n"
        f"listeners.ssl.1 = 127.0.0.1:{rabbit.amqp.tls}\n"
        f"stomp.listeners.tcp.1 = 127.0.0.1:{rabbit.stomp.plain}\n"
        f"stomp.listeners.ssl.1 = 127.0.0.1:{rabbit.stomp.tls}\n"
        f"ssl_options.cacertfile = {certs.ca}\n"
        f"ssl_options.certfile = {certs.cert}\nssl_options.keyfile = {certs.key}\n"
        f"default_user = {USER}\ndefault_pass = {PASSWORD}\nlog.console = true\n"
    )
    env = os.environ | {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"otp-{os.getpid()}@localhost",
        "RABBITMQ_DIST_PORT": str(dist),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
        # Its two schedulers would otherwise spin while they wait.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }
    ports = [rabbit.amqp.plain, rabbit.amqp.tls, rabbit.stomp.plain, rabbit.stomp.tls]
    # The name server of Erlang would otherwise stay behind as a daemon.
    with (
        running([epmd, "-port", str(names), "-address", "127.0.0.1"], [names], directory / "epmd.log", env),
        running([program], ports, directory / "rabbit.log", env),
    ):
        yield rabbit


@pytest.fixture(scope="session")
def ws_broker(tmp_path_factory: pytest.TempPathFactory, certs: Certificates) -> Iterator[Ports]:
    """Our own broker as a user starts it: the command line, twice, without and with TLS."""
    directory = tmp_path_factory.mktemp("ws")
    (directory / "htpasswd").write_text(HTPASSWD)
    ports = Ports(free_port(), free_port())
    command = [sys.executable, "-m", "otp_publisher", "broker", "--htpasswd", str(directory / "htpasswd")]
    secure = ["--certfile", str(certs.cert), "--keyfile", str(certs.key)]
    with (
        running([*command, "--listen", f"127.0.0.1:{ports.plain}"], [ports.plain], directory / "plain.log"),
        running(
            [*command, "--listen", f"127.0.0.1:{ports.tls}", *secure], [ports.tls], directory / "tls.log"
        ),
    ):
        yield ports


@dataclass(frozen=True)
class Way:
    """One transport with a device at its end."""

    name: str
    device: Device
    options: dict[str, Any] = field(default_factory=dict)

    def publisher(self, **more: Any) -> Publisher:
        return Publisher(**{"timeout": 30.0, **self.options, **more})

    @property
    def is_broker(self) -> bool:
        return self.options["method"] != "REST"


WAYS = ["rest", "redis-channel", "redis-list", "redis-stream", "amqp", "mqtt", "stomp", "ws"]
BROKERS = WAYS[1:]


@pytest.fixture
def open_way(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Way]]:
    """`open_way("amqp")` starts what is needed; each test has a topic of its own."""
    with contextlib.ExitStack() as stack:

        def start(name: str) -> Way:
            device = Device()
            topic = f"sms{free_port()}"
            login = {"username": USER, "password": PASSWORD}
            match name.split("-"):
                case ["rest"]:
                    port = stack.enter_context(peers.over_http(device))
                    options = {"method": "REST", "url": f"http://127.0.0.1:{port}/api/otp", **login}
                case ["redis", mode]:
                    port = request.getfixturevalue("redis_server").plain
                    stack.enter_context(peers.over_redis(device, port, topic, mode))
                    options = {"method": "REDIS", "port": port, "mode": mode, "topic": topic, **login}
                case ["amqp"]:
                    port = request.getfixturevalue("rabbitmq").amqp.plain
                    stack.enter_context(peers.over_amqp(device, port, topic))
                    options = {"method": "AMQP", "port": port, "topic": topic, **login}
                case ["mqtt"]:
                    port = request.getfixturevalue("mosquitto").plain
                    stack.enter_context(peers.over_mqtt(device, port, topic))
                    options = {"method": "MQTT", "port": port, "topic": topic, **login}
                case ["stomp"]:
                    port = request.getfixturevalue("rabbitmq").stomp.plain
                    stack.enter_context(peers.over_stomp(device, port, f"/queue/{topic}"))
                    options = {"method": "STOMP", "port": port, "topic": f"/queue/{topic}", **login}
                case _:
                    port = request.getfixturevalue("ws_broker").plain
                    stack.enter_context(peers.over_ws(device, port, topic))
                    options = {"method": "WS", "port": port, "topic": topic, **login}
            return Way(name, device, options)

        yield start


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, open_way: Callable[[str], Way]) -> Way:
    return open_way(request.param)


@pytest.fixture(params=BROKERS)
def broker_way(request: pytest.FixtureRequest, open_way: Callable[[str], Way]) -> Way:
    return open_way(request.param)


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "htpasswd"
    file.write_text(running_broker.PASSWORDS)
    return file


@pytest.fixture
def open_broker(passwords: Path) -> Iterator[running_broker.Running]:
    with running_broker.broker(passwords) as started:
        yield started


@pytest.fixture
def port(open_broker: running_broker.Running) -> int:
    return open_broker.port
