"""Real brokers from the distribution's packages, each in a folder and on ports of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.ports import free_port
from tests.brokers.certificates import Certificates
from tests.brokers.network import inside

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "gateway", "pass:word"
LONG = 90.0  # seconds a broker may take to come up on a busy machine


def until(reached: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition; the assertion names it."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), 0.5).close()
    except OSError:
        return False
    return True


class Server(ABC):
    """A server process that can be killed and started again on the same port, with the same data."""

    name = "server"
    package = ""
    program = ""

    # Where it listens; in a network namespace when one is named.
    host = "127.0.0.1"
    namespace = ""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.folder = folder
        self.certificates = certificates
        self.port = free_port()
        self.tls_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.write_configuration()

    @classmethod
    def missing(cls) -> str:
        """What to install, or nothing when it is there."""
        return "" if shutil.which(cls.program) else f"the package {cls.package} is not installed"

    @abstractmethod
    def write_configuration(self) -> None:
        """Everything the server reads."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    def environment(self) -> Mapping[str, str]:
        return {}

    def ready(self) -> bool:
        return self.answers(self.port)

    def answers(self, port: int) -> bool:
        """Whether somebody listens there."""
        if self.namespace:
            return inside(self.namespace, lambda: listens(port, self.host))
        return listens(port, self.host)

    def wrapped(self, command: list[str]) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else command

    def start(self) -> None:
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.wrapped(self.command()),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(self._up, f"{self.name} is up", LONG)

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            output = (self.folder / "output").read_text(errors="replace")[-2000:]
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {output}")
        return self.ready()

    def kill(self) -> None:
        """As a power cut would: the whole process group of this server, which nobody else is in."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """For good."""
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        for one in (how, signal.SIGKILL):
            try:
                os.killpg(process.pid, one)
            except ProcessLookupError:
                break
            try:
                process.wait(20)
                break
            except subprocess.TimeoutExpired:
                continue
        until(lambda: not self.answers(self.port), f"{self.name} is down")


class Redis(Server):
    name, package, program = "redis", "redis-server", "redis-server"

    def write_configuration(self) -> None:
        pem = self.certificates
        (self.folder / "redis.conf").write_text(
            f"bind {self.host}\nprotected-mode no\nport {self.port}\ntls-port {self.tls_port}\n"
            f"tls-cert-file {pem.server}\ntls-key-file {pem.key}\ntls-ca-cert-file {pem.authority}\n"
            f"tls-auth-clients no\ndir {self.folder}\nappendonly yes\nsave ''\n"
            f"user {USER} on >{PASSWORD} ~* &* +@all\n"
        )

    def command(self) -> list[str]:
        return ["redis-server", str(self.folder / "redis.conf")]


class Mosquitto(Server):
    name, package, program = "mosquitto", "mosquitto", "mosquitto"

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.guarded_port = free_port()
        super().__init__(folder, certificates)

    def write_configuration(self) -> None:
        pem = self.certificates
        passwords = self.folder / "passwords"
        passwords.touch(0o600)
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), USER, PASSWORD], check=True)
        (self.folder / "mosquitto.conf").write_text(
            "per_listener_settings true\npersistence true\n"
            f"persistence_location {self.folder}/\n"
            f"user root\nmax_queued_messages 10000\n"
            f"listener {self.port} {self.host}\nallow_anonymous true\n"
            f"listener {self.guarded_port} {self.host}\nallow_anonymous false\npassword_file {passwords}\n"
            f"listener {self.tls_port} {self.host}\nallow_anonymous true\n"
            f"certfile {pem.server}\nkeyfile {pem.key}\n"
        )

    def command(self) -> list[str]:
        return ["mosquitto", "-c", str(self.folder / "mosquitto.conf")]


class RabbitMq(Server):
    """With AMQP 1.0 and STOMP as plugins, and a port mapper (epmd) of its own."""

    name, package = "rabbitmq", "rabbitmq-server"
    program = "/usr/lib/rabbitmq/bin/rabbitmq-server"

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.stomp_port, self.stomp_tls_port = free_port(), free_port()
        self.epmd_port, self.distribution_port = free_port(), free_port()
        self.epmd: subprocess.Popen[bytes] | None = None
        super().__init__(folder, certificates)

    def write_configuration(self) -> None:
        pem = self.certificates
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {self.host}:{self.port}\nlisteners.ssl.1 = {self.host}:{self.tls_port}\n"
            f"ssl_options.certfile = {pem.server}\nssl_options.keyfile = {pem.key}\n"
            f"ssl_options.cacertfile = {pem.authority}\nssl_options.verify = verify_none\n"
            "ssl_options.fail_if_no_peer_cert = false\n"
            f"stomp.listeners.tcp.1 = {self.host}:{self.stomp_port}\n"
            f"stomp.listeners.ssl.1 = {self.host}:{self.stomp_tls_port}\n"
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\nloopback_users = none\n"
            "vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 50MB\n"
        )
        (self.folder / "enabled_plugins").write_text("[rabbitmq_amqp1_0,rabbitmq_stomp].\n")

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_INETRC": "",
            "RABBITMQ_NODENAME": f"otp-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def command(self) -> list[str]:
        return [self.program]

    def start(self) -> None:
        if self.epmd is None:
            # Else the node starts a daemon that outlives it.
            self.epmd = subprocess.Popen(
                self.wrapped(["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"]),
                env={**os.environ, **self.environment()},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until(self._epmd_answers, "epmd is up")
        super().start()

    def _epmd_answers(self) -> bool:
        if self.namespace:
            return inside(self.namespace, lambda: listens(self.epmd_port))
        return listens(self.epmd_port)

    def ready(self) -> bool:
        return self.answers(self.port) and self.answers(self.stomp_port) and self._booted()

    def _booted(self) -> bool:
        logs = list((self.folder / "log").glob("*.log"))
        assert self.process is not None
        starts = [log.read_text(errors="replace").rpartition("Starting RabbitMQ") for log in logs]
        return any("Server startup complete" in after for _, found, after in starts if found)

    def close(self) -> None:
        self.stop()
        epmd, self.epmd = self.epmd, None
        if epmd is not None:
            epmd.terminate()
            epmd.wait(10)


class ActiveMq(Server):
    name, package, program = "activemq", "activemq", "activemq"

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.guarded_port = free_port()
        super().__init__(folder, certificates)

    def write_configuration(self) -> None:
        pem = self.certificates
        (self.folder / "conf").mkdir(exist_ok=True)
        (self.folder / "conf" / "activemq.xml").write_text(
            f"""<beans xmlns="http://www.springframework.org/schema/beans"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.springframework.org/schema/beans
 http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
 http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
 <broker xmlns="http://activemq.apache.org/schema/core" useJmx="false" brokerName="test"
   dataDirectory="{self.folder}/data">
  <plugins>
   <simpleAuthenticationPlugin>
    <users><authenticationUser username="{USER}" password="{PASSWORD}" groups="users"/></users>
   </simpleAuthenticationPlugin>
  </plugins>
  <persistenceAdapter><kahaDB directory="{self.folder}/data/kahadb"/></persistenceAdapter>
  <sslContext>
   <sslContext keyStore="file:{pem.keystore}" keyStorePassword="changeit" keyStoreType="PKCS12"/>
  </sslContext>
  <transportConnectors>
   <transportConnector name="stomp" uri="stomp://{self.host}:{self.port}"/>
   <transportConnector name="stomp+ssl" uri="stomp+ssl://{self.host}:{self.tls_port}"/>
  </transportConnectors>
 </broker>
</beans>
"""
        )

    def command(self) -> list[str]:
        home = "/usr/share/activemq"
        return [
            "java",
            "-Xms64m",
            "-Xmx256m",
            f"-Dactivemq.home={home}",
            f"-Dactivemq.base={self.folder}",
            f"-Dactivemq.conf={self.folder}/conf",
            "-cp",
            f"{home}/bin/activemq.jar:{home}/lib/*:{home}/lib/optional/*",
            "org.apache.activemq.console.Main",
            "start",
            f"xbean:file:{self.folder}/conf/activemq.xml",
        ]


class WebSocketBroker(Server):
    """The broker of the publisher's package."""

    name, package = "websocket broker", "publisher"

    def __init__(self, folder: Path, certificates: Certificates, tls: bool = False) -> None:
        self.tls = tls
        super().__init__(folder, certificates)

    @classmethod
    def missing(cls) -> str:
        there = (ROOT / "publisher" / "otp_publisher" / "broker").is_dir()
        return "" if there else "the folder publisher/ is not there"

    def write_configuration(self) -> None:
        # {SHA} is base64 of SHA-1, made with: openssl dgst -sha1 -binary | base64
        (self.folder / "htpasswd").write_text(f"{USER}:{{SHA}}JfOwpCDy5ASLqp0M24rdutzyYk8=\n")

    def environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(ROOT / "publisher")}

    def command(self) -> list[str]:
        listen = ["--listen", f"{self.host}:{self.port}", "--htpasswd", str(self.folder / "htpasswd")]
        pem = self.certificates
        tls = ["--certfile", str(pem.server), "--keyfile", str(pem.key)] if self.tls else []
        return [sys.executable, "-m", "otp_publisher", "broker", *listen, *tls]
