"""What goes wrong on each way, told in words and in time: nothing out, refused, or fate unknown."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pika
import pytest
import redis

from otp_publisher import ConfigError, ConnectionFailed, LoginRefused, NoSubscriber, NotPublished, Publisher
from otp_publisher.deadline import Deadline
from otp_publisher.options import Amqp
from otp_publisher.transports import amqp

from .certificates import Certificates
from .conftest import WAYS, Ports, Rabbit, Way
from .device import Device
from .peers import over_http
from .servers import PASSWORD, USER, free_port, need, running, wait_until

METHODS = ["REST", "REDIS", "AMQP", "MQTT", "STOMP", "WS"]


def options_for(method: str, host: str, port: int, tls: bool = False, **more: Any) -> dict[str, Any]:
    common = {
        "method": method,
        "username": USER,
        "password": PASSWORD,
        "connect_timeout": 1.5,
        "timeout": 15.0,
    }
    if method == "REST":
        return {**common, "url": f"{'https' if tls else 'http'}://{host}:{port}/api/otp", **more}
    topic = "/topic/sms" if method == "STOMP" else "sms"
    return {**common, "host": host, "port": port, "ssl": tls, "topic": topic, **more}


@pytest.mark.parametrize("method", METHODS)
def test_nobody_listens_at_the_port(method: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        Publisher(**options_for(method, "127.0.0.1", free_port())).send_sms("0812", "Halo")
    assert isinstance(root_cause(caught.value), OSError)


@pytest.mark.parametrize("method", METHODS)
def test_a_host_that_does_not_exist(method: str) -> None:
    with pytest.raises(ConnectionFailed):
        Publisher(**options_for(method, "does-not-exist.invalid", 1234)).send_sms("0812", "Halo")


@pytest.mark.parametrize("method", [method for method in METHODS if method != "REST"])
def test_a_server_that_accepts_and_never_speaks_costs_the_connect_timeout(method: str) -> None:
    with silent_server() as port:
        begin = time.monotonic()
        with pytest.raises(NotPublished):
            Publisher(**options_for(method, "127.0.0.1", port)).send_sms("0812", "Halo")
        assert time.monotonic() - begin < 12


def test_an_http_server_that_never_answers_leaves_the_fate_unknown() -> None:
    with silent_server() as port:
        result = Publisher(**options_for("REST", "127.0.0.1", port, timeout=1.0)).send_sms("0812", "Halo")
    assert (result.code, result.reason) == ("1111", "no_answer")


def test_an_http_server_that_drips_bytes_is_not_waited_for_longer() -> None:
    def drip(line: socket.socket, stop: threading.Event) -> None:
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not stop.wait(0.1):
                line.sendall(b" ")

    with silent_server(drip) as port:
        begin = time.monotonic()
        result = Publisher(**options_for("REST", "127.0.0.1", port, timeout=1.5)).send_sms("0812", "Halo")
        assert time.monotonic() - begin < 10
    assert result.code == "1111"


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("403 Forbidden", "1100", "http_403"),
        ("404 Not Found", "1102", "http_404"),
        ("502 Bad Gateway", "1111", "no_answer"),
    ],
)
def test_pages_of_something_in_between_are_told_apart(status: str, code: str, reason: str) -> None:
    def page(line: socket.socket, stop: threading.Event) -> None:
        line.recv(65536)
        line.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 13\r\n\r\n<html></html>".encode())

    with silent_server(page) as port:
        result = Publisher(**options_for("REST", "127.0.0.1", port)).send_sms("0812", "Halo")
    assert (result.code, result.reason) == (code, reason)


@pytest.mark.parametrize("name", WAYS)
def test_a_wrong_password_is_named(name: str, open_way: Callable[[str], Way]) -> None:
    publisher = open_way(name).publisher(password="wrong")
    if name == "rest":
        result = publisher.send_sms("0812", "Halo")
        assert (result.code, result.reason) == ("1100", "unauthorized")
        return
    with pytest.raises(LoginRefused) as caught:
        publisher.send_sms("0812", "Halo")
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("method", ["REDIS", "AMQP"])
def test_a_topic_nobody_takes_from_is_known_at_once(
    method: str, redis_server: Ports, rabbitmq: Rabbit
) -> None:
    port = redis_server.plain if method == "REDIS" else rabbitmq.amqp.plain
    options = options_for(method, "127.0.0.1", port, topic="nobody-is-here")
    with pytest.raises(NoSubscriber):
        Publisher(**options).send_sms("0812", "Halo")
    with pytest.raises(NoSubscriber):
        Publisher(**options, callback=True).send_sms("0812", "Halo")


def test_amqp_without_confirms_still_sees_a_message_returned(rabbitmq: Rabbit) -> None:
    options = options_for("AMQP", "127.0.0.1", rabbitmq.amqp.plain, topic="nobody-is-here", confirm=False)
    with pytest.raises(NoSubscriber):
        Publisher(**options).send_sms("0812", "Halo")


def test_a_managed_reference_is_free_again_when_nothing_went_out(tmp_path: Any) -> None:
    port = free_port()
    publisher = Publisher(**options_for("REST", "127.0.0.1", port, manage_otp=True, cache_dir=str(tmp_path)))
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            publisher.create_otp("0812", None, "reference", 60, "Code %s")


def test_what_redis_quotes_from_a_message_is_in_no_error(tmp_path: Any) -> None:
    port = free_port()
    program = need("redis-server", "redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--rename-command", "LPUSH", ""]
    with running([program, *options, "--dir", str(tmp_path)], [port], tmp_path / "log"):
        with pytest.raises(NotPublished) as caught:
            Publisher("REDIS", port=port, mode="list").send_sms("0812", "the-hidden-text")
        assert "unknown command" in str(caught.value)
        error: BaseException | None = caught.value
        while error is not None:
            assert "the-hidden-text" not in repr(error)
            error = error.__cause__ or error.__context__


def test_what_redis_quotes_from_a_login_is_in_no_error(tmp_path: Any) -> None:
    port = free_port()
    program = need("redis-server", "redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--rename-command", "AUTH", ""]
    with running([program, *options, "--dir", str(tmp_path)], [port], tmp_path / "log"):
        with pytest.raises(LoginRefused) as caught:
            Publisher("REDIS", port=port, username="shop", password="the-hidden-word").send_sms("0812", "x")
        error: BaseException | None = caught.value
        while error is not None:
            assert "the-hidden-word" not in repr(error)
            error = error.__cause__ or error.__context__


def test_mqtt_a_topic_that_cannot_be_published_to_is_known_before(mosquitto: Ports) -> None:
    publisher = Publisher("MQTT", port=mosquitto.plain, username=USER, password=PASSWORD, topic="sms/#")
    with pytest.raises(NotPublished, match="not a topic to publish to"):
        publisher.send_sms("0812", "Halo")


@pytest.mark.parametrize("path", ["/päth", "/a b", "/a?b=ü"])
def test_an_address_that_http_cannot_carry_is_refused_before_anything_goes_out(path: str) -> None:
    with pytest.raises(ConfigError, match="is not an http"):
        Publisher("REST", url=f"http://127.0.0.1:9{path}")


@pytest.mark.parametrize("answered", [True, False])
def test_amqp_leaves_no_reply_queue_behind(
    answered: bool, rabbitmq: Rabbit, open_way: Callable[[str], Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that is still waited for must outlive the deadline, and is not asked for before it is gone.
    monkeypatch.setattr(amqp, "_LATE", 1000)
    way = open_way("amqp")
    way.device.mute = not answered
    way.publisher(callback=True, timeout=2.0).send_sms("0812", "Halo")
    queue = way.device.seen[0]["callback_topic"]
    parameters = pika.ConnectionParameters(
        port=rabbitmq.amqp.plain, credentials=pika.PlainCredentials(USER, PASSWORD)
    )
    if not answered:
        time.sleep(5.0)
    with (
        contextlib.closing(pika.BlockingConnection(parameters)) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught,
    ):
        connection.channel().queue_declare(queue, passive=True)
    assert caught.value.reply_code == 404


@pytest.mark.parametrize("mode", ["channel", "list", "stream"])
def test_redis_keeps_no_answer_behind(mode: str, redis_server: Ports, open_way: Callable[[str], Way]) -> None:
    way = open_way(f"redis-{mode}")
    assert way.publisher(callback=True).send_sms("0812", "Halo").ok
    with redis.Redis(
        port=redis_server.plain, username=USER, password=PASSWORD, decode_responses=True
    ) as client:
        topic = way.device.seen[0]["callback_topic"]
        assert client.exists(topic) == 0
        wait_until(lambda: client.pubsub_channels(topic) == [], "the channel to be left")


def test_amqp_an_answer_in_time_stays_one_while_the_broker_tidies_up(rabbitmq: Rabbit) -> None:
    deadline = Deadline(5.0)
    options = Amqp(port=rabbitmq.amqp.plain, username=USER, password=PASSWORD)
    transport = amqp.AmqpTransport(options)
    call = amqp._Call(options, transport._parameters(deadline), "{}", "reply", deadline)

    class Tidying:
        """A connection whose broker has the answer out and the queue not yet deleted."""

        is_open, is_closed, is_closing = True, False, False

        def close(self) -> None:
            pass

    call._connection = Tidying()
    call._answered(b"answer")
    call._too_late()
    assert (call._answer, call._failure) == ("answer", None)


def test_amqp_persistent_messages_are_marked_so(rabbitmq: Rabbit) -> None:
    parameters = pika.ConnectionParameters(
        port=rabbitmq.amqp.plain, credentials=pika.PlainCredentials(USER, PASSWORD)
    )
    with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        channel.queue_declare("durable-sms", durable=True)
        for persistent, mode in ((True, 2), (False, 1)):
            options = options_for(
                "AMQP", "127.0.0.1", rabbitmq.amqp.plain, topic="durable-sms", persistent=persistent
            )
            assert Publisher(**options).send_sms("0812", "Halo").code == "1111"
            _, properties, _ = channel.basic_get("durable-sms", auto_ack=True)
            assert properties.delivery_mode == mode
            assert properties.content_type == "application/json"
        channel.queue_delete("durable-sms")


@pytest.mark.parametrize("protocol", ["3.1", "3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mqtt_speaks_every_version_and_quality(
    protocol: str, qos: int, open_way: Callable[[str], Way]
) -> None:
    way = open_way("mqtt")
    assert way.publisher(callback=True, protocol=protocol, qos=qos).send_sms("0812", "Halo").ok


def test_two_calls_with_one_client_id_do_not_throw_each_other_out(open_way: Callable[[str], Way]) -> None:
    way = open_way("mqtt")
    publisher = way.publisher(client_id="php")
    with ThreadPoolExecutor(1) as pool:
        with way.device.lock:
            waiting = pool.submit(publisher.request, "echo", {"number": 1})
            wait_until(lambda: way.device.arrived == 1, "the first call to await its answer")
            assert publisher.send_sms("0812", "Halo").code == "1111"
        assert waiting.result(60).code == "0000"


class TestTls:
    """Each server shows a certificate for `localhost`, signed by an authority nobody knows."""

    @pytest.fixture(params=METHODS)
    def secure(self, request: pytest.FixtureRequest, certs: Certificates) -> Iterator[tuple[str, int]]:
        method = request.param
        if method == "REST":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certs.cert, certs.key)
            with over_http(Device(), context) as port:
                yield method, port
            return
        fixture = {"REDIS": "redis_server", "MQTT": "mosquitto", "WS": "ws_broker"}.get(method, "rabbitmq")
        server = request.getfixturevalue(fixture)
        ports = {"AMQP": lambda: server.amqp, "STOMP": lambda: server.stomp}.get(method, lambda: server)()
        yield method, ports.tls

    @staticmethod
    def send(method: str, host: str, port: int, **trust: Any) -> str:
        options = options_for(method, host, port, tls=True, **trust)
        try:
            return Publisher(**(options | {"connect_timeout": 10.0})).send_sms("0812", "Halo").code
        except NoSubscriber:
            return "nobody"

    def test_a_known_authority_is_trusted(self, secure: tuple[str, int], certs: Certificates) -> None:
        method, port = secure
        assert self.send(method, "localhost", port, ca_file=str(certs.ca)) in ("0000", "1111", "nobody")

    def test_an_unknown_authority_is_refused_before_the_password_is_sent(
        self, secure: tuple[str, int]
    ) -> None:
        method, port = secure
        with pytest.raises(ConnectionFailed) as caught:
            self.send(method, "localhost", port)
        assert isinstance(root_cause(caught.value), ssl.SSLError)

    def test_another_name_is_refused(self, secure: tuple[str, int], certs: Certificates) -> None:
        method, port = secure
        with pytest.raises(ConnectionFailed) as caught:
            self.send(method, "127.0.0.1", port, ca_file=str(certs.ca))
        assert isinstance(root_cause(caught.value), ssl.SSLError)

    def test_trust_without_proof_only_when_told_so(self, secure: tuple[str, int]) -> None:
        method, port = secure
        assert self.send(method, "127.0.0.1", port, verify=False) in ("0000", "1111", "nobody")

    def test_a_server_without_tls_is_a_failure_in_time(self) -> None:
        with silent_server() as port, pytest.raises(NotPublished):
            Publisher(**options_for("AMQP", "127.0.0.1", port, tls=True)).send_sms("0812", "Halo")

    def test_a_missing_authority_file_is_named(self) -> None:
        with pytest.raises(ConfigError, match="no-such-file"):
            Publisher(**options_for("WS", "127.0.0.1", 1, tls=True, ca_file="/no-such-file"))


def root_cause(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


@contextlib.contextmanager
def silent_server(speak: Callable[[socket.socket, threading.Event], None] | None = None) -> Iterator[int]:
    """Accepts connections; says nothing, or what `speak` says."""
    stop = threading.Event()
    lines: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)

    def accept() -> None:
        while not stop.is_set():
            try:
                line, _ = server.accept()
            except TimeoutError:
                continue
            lines.append(line)
            if speak:
                line.settimeout(10)
                speak(line, stop)

    worker = threading.Thread(target=accept, daemon=True)
    worker.start()
    try:
        yield server.getsockname()[1]
    finally:
        stop.set()
        worker.join(10)
        for line in lines:
            line.close()
        server.close()
