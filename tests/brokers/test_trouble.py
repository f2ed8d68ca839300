"""Brokers that refuse, vanish, come back: shown in words within the timeout, and recovered from."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app.settings.subscribers import Subscriber as Options
from bench.ports import free_port
from tests.brokers.conftest import Case, Device, Servers
from tests.brokers.relay import Relay
from tests.brokers.servers import Mosquitto, WebSocketBroker, until
from tests.brokers.ways import WAYS, number, options_for, unique
from tests.wanting import need

every_way = pytest.mark.parametrize("case", WAYS, indirect=True)
# One way a kind of connection; modes and versions differ only after that.
KINDS = [
    "amqp",
    "amqp1",
    "mqtt3",
    "mqtt5",
    "redis-channel",
    "redis-list",
    "redis-stream",
    "activemq",
    "stomp",
    "ws",
]
every_kind = pytest.mark.parametrize("case", KINDS, indirect=True)
# Which of these encrypt on a port of their own.
ENCRYPTED = ["amqp", "amqp1", "mqtt3", "redis-channel", "activemq", "stomp"]

REFUSED = "the broker refused the user name or the password"


def shown(device: Device, options: Options, words: str) -> None:
    """The sentence is there within the timeout (and what a busy machine needs)."""
    device.apply(options)
    until(lambda: words in device.status.last_error, f"{words!r} is shown", options.timeout + 10)
    assert not device.status.connected


@every_kind
def test_a_wrong_password_is_told_apart(case: Case) -> None:
    port = case.server.guarded_port if isinstance(case.server, Mosquitto) else case.options.port
    wrong = case.changed(username="gateway", password="wrong", port=port)
    case.device.apply(wrong)
    until(lambda: case.device.status.last_error != "", "something is shown", 15)
    error = case.device.status.last_error
    # STOMP and AMQP 1.0 servers may refuse the queue rather than the login; both name the user.
    assert REFUSED in error, error
    case.device.take_from(case.options)


@every_kind
def test_a_host_that_does_not_exist_is_named(case: Case) -> None:
    shown(case.device, case.changed(host="broker.invalid"), "the host name broker.invalid is unknown")
    case.device.take_from(case.options)


@every_kind
def test_a_port_where_nobody_listens_is_named(case: Case) -> None:
    port = free_port()
    shown(case.device, case.changed(port=port), f"127.0.0.1:{port} refused the connection")
    case.device.take_from(case.options)


@every_kind
def test_somebody_who_says_nothing_is_given_up_after_the_timeout(case: Case) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        shown(case.device, case.changed(port=silent.getsockname()[1], timeout=2), " 2 s")
        assert time.monotonic() - started < 12


@every_kind
def test_tls_towards_a_port_without_tls_is_told(case: Case) -> None:
    shown(case.device, case.changed(ssl=True), "TLS")
    case.device.take_from(case.options)


def tls_port(case: Case) -> int:
    if WAYS["stomp"].section is case.way.section:
        return int(case.server.stomp_tls_port)
    return int(case.server.tls_port)


@pytest.mark.parametrize("case", ENCRYPTED, indirect=True)
def test_a_certificate_nobody_vouches_for_is_refused_unless_trusted(case: Case) -> None:
    encrypted = case.changed(ssl=True, port=tls_port(case))
    shown(case.device, encrypted, "is not trusted")
    case.device.take_from(encrypted.model_copy(update={"trust_self_signed": True}))
    goes_through(case)


@pytest.mark.parametrize("case", ENCRYPTED, indirect=True)
def test_a_certificate_of_the_own_authority_is_trusted_for_its_host_alone(case: Case) -> None:
    encrypted = case.changed(
        ssl=True, port=tls_port(case), ca_certificate=case.server.certificates.pem, host="localhost"
    )
    shown(case.device, encrypted, "is not trusted")  # it was made out to 127.0.0.1
    case.device.take_from(encrypted.model_copy(update={"host": "127.0.0.1"}))
    goes_through(case)


def test_the_websocket_broker_is_reached_by_tls(
    device: Device, servers: Servers, tmp_path: Path, certificates: Any
) -> None:
    need(WebSocketBroker.missing())
    server = WebSocketBroker(tmp_path, certificates, tls=True)
    server.start()
    try:
        options = options_for(WAYS["ws"], server, "sms", ssl=True)
        shown(device, options, "is not trusted")
        device.take_from(options.model_copy(update={"ca_certificate": certificates.pem}))
    finally:
        server.stop()


def test_an_unknown_virtual_host_is_named(servers: Servers, device: Device) -> None:
    server = servers.get(WAYS["amqp"].server)
    options = options_for(WAYS["amqp"], server, "sms", virtual_host="attic")
    shown(device, options, "the broker knows no virtual host attic")


def test_a_certificate_that_is_none_is_told(servers: Servers, device: Device) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    options = options_for(WAYS["amqp"], servers.get(WAYS["amqp"].server), "sms", ssl=True, ca_certificate=pem)
    shown(device, options, "is not a certificate in PEM")


@every_kind
def test_a_cut_connection_is_shown_and_made_again(case: Case) -> None:
    relay = Relay(case.options.port)
    try:
        case.device.take_from(case.changed(port=relay.port))
        lose(case, relay, 1)
        assert "closed the connection" in case.device.status.last_error
        goes_through(case)
    finally:
        case.device.leave()
        relay.close()


@every_kind
def test_after_a_hundred_lost_connections_no_thread_and_no_file_is_left(case: Case) -> None:
    relay = Relay(case.options.port)
    # Less than the form allows, so that a hundred losses take seconds.
    hasty = case.changed(port=relay.port, reconnect_delay=0.01)
    try:
        case.device.take_from(hasty)
        lose(case, relay, 10)  # whatever is made once is there now
        threads, files, memory = left_behind()
        lose(case, relay, 100)
        until(lambda: left_behind()[0] <= threads, "no thread is left")
        until(lambda: left_behind()[1] <= files + 2, "no file is left")
        assert left_behind()[2] < memory + 8 * 1024 * 1024
        assert relay.accepted >= 110
    finally:
        case.device.leave()
        relay.close()


def lose(case: Case, relay: Relay, times: int) -> None:
    for _ in range(times):
        attempts = case.device.status.attempts
        relay.cut()
        until(
            lambda before=attempts: case.device.status.attempts > before and case.device.status.connected,  # type: ignore[misc]
            "connected again",
        )


def left_behind() -> tuple[int, int, int]:
    """Threads of this process but the relay's, open files, resident octets."""
    gc.collect()
    threads = [one for one in threading.enumerate() if not one.name.startswith("relay")]
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(threads), len(os.listdir("/proc/self/fd")), pages * os.sysconf("SC_PAGE_SIZE")


# How many attempts each kind makes is counted where the brokers are killed.
@pytest.mark.parametrize("case", ["redis-channel"], indirect=True)
def test_a_broker_that_is_away_is_asked_no_more_often_than_the_delay_says(case: Case) -> None:
    relay = Relay(case.options.port)
    case.device.take_from(case.changed(port=relay.port))
    before = case.device.status.attempts
    relay.close()  # its port refuses now
    started = time.monotonic()
    until(lambda: case.device.status.attempts >= before + 4, "four attempts")
    # Four attempts are three delays of at least 0.8 s apart; the first may follow the loss at once.
    assert time.monotonic() - started > 2.0


def goes_through(case: Case) -> None:
    receiver = number()
    case.peer.send(case.topic, {"command": "send-sms", "data": {"receiver": receiver, "message": "Through"}})
    case.device.await_text(receiver, "Through")


def test_one_message_through_two_brokers_is_sent_once(device: Device, servers: Servers) -> None:
    receiver, name = number(), unique("id")
    message = {"command": "send-sms", "data": {"id": name, "receiver": receiver, "message": "Once"}}
    cases = []
    for way in (WAYS["amqp"], WAYS["redis-list"], WAYS["mqtt3"]):
        server = servers.get(way.server)
        options = options_for(way, server, unique("sms"))
        device.take_from(options)
        cases.append((way.peer(server), options.topic))
    handled = sum(one.sent for one in device.service.brokers.statuses())
    for peer, topic in cases:
        peer.send(topic, message)
    until(
        lambda: sum(one.sent for one in device.service.brokers.statuses()) == handled + 3,
        "all three have an outcome",
    )
    assert [one.text for one in device.received(receiver)] == ["Once"]
