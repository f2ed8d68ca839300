"""The publisher's package against the gateway, over every transport, with and without codes of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest

from otp_publisher import Publisher
from otp_publisher.transports import amqp
from tests.brokers.conftest import Case, Device, Servers
from tests.brokers.servers import PASSWORD, USER, until
from tests.brokers.ways import WAYS, number, options_for, unique

# The PHP library's file: its sections, its comments, its quoting, its blanks at the ends of lines.
CONFIG = """\
[GENERAL]
method = {method}
username = {user}
password = "{password}"
manage_otp = {managed}

# How long OTP cache files will be kept
cache_max_age = 300

# Directory where OTP cache will be store.
cache_dir = "{cache}"

[REST]
url = http://127.0.0.1:{port}/api/otp
username = {user}
password = "{password}"\x20

[{section}]
host = 127.0.0.1
port = {port}
username = {user}\x20
password = "{password}"\x20
topic = {topic}
client_id = php
{more}
"""
# What a way is called there, and the options that say what a PHP application has no choice of.
METHODS = {
    "rest": ("REST", ""),
    "amqp": ("AMQP", ""),
    "amqp1": ("AMQP", ""),
    "mqtt3": ("MQTT", ""),
    "mqtt5": ("MQTT", "protocol = 5"),
    "redis-channel": ("REDIS", ""),
    "redis-list": ("REDIS", "mode = list"),
    "redis-stream": ("REDIS", "mode = stream"),
    "activemq": ("STOMP", ""),
    "stomp": ("STOMP", ""),
    "ws": ("WS", "path = /ws"),
}

OpenPublisher = Callable[..., Publisher]


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def publisher_of(name: str, device: Device, servers: Servers, tmp_path: Path) -> OpenPublisher:
    """``publisher_of(managed="true", callback=True)`` reads a config.ini; the device listens by then."""
    method, more = METHODS[name]
    topic, port = unique("sms"), device.port
    if name != "rest":
        way = WAYS[name]
        server = servers.get(way.server)
        options = options_for(way, server, topic)
        port = options.port
        device.take_from(options)

    def made(managed: str, **rest: Any) -> Publisher:
        config = tmp_path / "config.ini"
        config.write_text(
            CONFIG.format(
                method=method,
                section="REDIS" if method == "REST" else method,
                user=USER,
                password=PASSWORD,
                managed=managed,
                cache=tmp_path / "otp",
                port=port,
                topic=f"/queue/{topic}" if method == "STOMP" else topic,
                more=more,
            )
        )
        publisher = Publisher.from_ini(config, **rest)
        assert publisher.problems == ()
        return publisher

    return made


def test_every_command_of_the_publisher_is_answered_by_the_gateway(
    publisher_of: OpenPublisher, device: Device
) -> None:
    publisher = publisher_of("false", callback=True)
    receiver, reference = number(), unique("transfer")
    sent = publisher.send_sms(receiver, "Café / ✓ %d", id=77)
    assert (sent.code, sent.data["id"], sent.data["result"]) == ("0000", "77", "sent")
    device.await_text(receiver, "Café / ✓ %d")

    assert publisher.create_otp(receiver, None, reference, 60, "Code %s", ["100", "200"]).code == "0000"
    code = found_code(device, receiver)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert publisher.verify_otp(receiver, wrong, reference, ["100", "200"]).code == "1202"
    assert publisher.verify_otp(receiver, code, reference, ["100", "200"]).code == "0000"
    assert publisher.verify_otp(receiver, code, reference, ["100", "200"]).code == "1202"

    assert publisher.send_message(receiver, "There").ok
    mail = publisher.send_email("jane@example.com", "Hello", "Text")
    assert (mail.code, mail.reason) == ("1102", "mail_failed")  # the device has no account
    assert publisher.block_msisdn(receiver).ok
    assert publisher.send_sms(receiver, "No").reason == "blocked"
    assert publisher.unblock_msisdn(receiver).ok
    assert set(publisher.get_modem_list().data["modem_list"]) == {"one", "two"}
    assert publisher.request_ussd("*123#", "one").data["ussd_code"] == "*123#"
    assert publisher.request("echo", {"word": "back"}).data["data"]["word"] == "back"


def test_codes_of_the_publishers_own_are_sent_by_the_gateway(
    name: str, publisher_of: OpenPublisher, device: Device
) -> None:
    publisher = publisher_of("true")
    receiver, reference = number(), unique("transfer")
    made = publisher.create_otp(receiver, None, reference, 60, "Code %s")
    assert made.code == ("0000" if name == "rest" else "1111")  # published, and nobody was asked
    until(lambda: device.received(receiver) != [], "the code arrived")
    code = found_code(device, receiver)
    assert publisher.verify_otp(receiver, code, reference).code == "0000"
    assert publisher.verify_otp(receiver, code, reference).code == "1202"


def found_code(device: Device, receiver: str) -> str:
    until(lambda: "Code" in device.received(receiver)[-1].text, "the code arrived")
    found = re.fullmatch(r"Code (\d{6})", device.received(receiver)[-1].text)
    assert found
    return found[1]


@pytest.mark.parametrize("case", ["amqp", "amqp1"], indirect=True)
def test_an_answer_after_the_deadline_leaves_no_queue_for_ever(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amqp, "_LATE", 4000)
    case.device.take_from(case.options)
    publisher = Publisher(
        "AMQP",
        port=case.options.port,
        username=USER,
        password=PASSWORD,
        topic=case.topic,
        callback_delay=2500,
        timeout=1.5,
    )
    names: list[str] = []
    transport: Any = publisher._transport
    topic_of = transport.reply_topic
    monkeypatch.setattr(transport, "reply_topic", lambda: names.append(topic_of()) or names[-1])
    assert publisher.request("echo", {"word": "late"}).reason == "no_answer"
    login = pika.PlainCredentials(USER, PASSWORD)
    connection = pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", case.options.port, "/", login)
    )
    try:
        until(lambda: waiting(connection, names[0]) == 1, "the late answer is there", 10)
        connection.sleep(6)
        until(lambda: waiting(connection, names[0]) is None, "its queue is gone", 10)
    finally:
        connection.close()


def waiting(connection: pika.BlockingConnection, queue: str) -> int | None:
    """How many messages are in a queue; None when there is no such queue."""
    channel = connection.channel()
    try:
        count: int = channel.queue_declare(queue, passive=True).method.message_count
    except pika.exceptions.ChannelClosedByBroker as closed:
        assert closed.reply_code == 404
        return None
    channel.close()
    return count
