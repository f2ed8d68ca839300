"""Sections subscriber_*: the brokers the device takes messages from, one section a kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from app.settings.checks import CertificateOrNone, Host, Port
from app.settings.option import option
from app.settings.problems import Finding, Wrong
from app.settings.section import About, Around, Section

Refresh = Literal[0, 5, 10, 30, 60, 120, 180, 360, 720, 1440]

REFRESH = {
    0: "Never",
    5: "Every 5 minutes",
    10: "Every 10 minutes",
    30: "Every 30 minutes",
    60: "Every hour",
    120: "Every 2 hours",
    180: "Every 3 hours",
    360: "Every 6 hours",
    720: "Every 12 hours",
    1440: "Every 24 hours",
}


def path_and_query(text: str) -> str:
    """The path of a WebSocket address, with a query or without: /ws, /ws?room=1."""
    if not re.fullmatch(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?", text):
        raise Wrong("is not a path such as /ws or /ws?room=1")
    return text


def client_id(text: str) -> str:
    """A name by which a broker knows this device again: no blanks, nothing that a protocol reserves."""
    if text and not re.fullmatch(r"[A-Za-z0-9._:@-]{1,64}", text):
        raise Wrong("is not a client id: letters, digits and . _ : @ - are allowed, at most 64")
    return text


def given(text: str) -> str:
    """A text that is not empty."""
    if not text:
        raise Wrong("must be given")
    return text


def mqtt_filter(text: str) -> str:
    """A topic filter of MQTT (OASIS MQTT 5.0 §4.7), $share/group/filter too (§4.8.2)."""
    plain = text
    if text.startswith("$share/"):
        _, _, rest = text.partition("/")
        group, _, plain = rest.partition("/")
        if not group or re.search(r"[+#]", group):
            raise Wrong("is not a shared subscription such as $share/gateways/sms")
    levels = plain.split("/")
    wild = any(("#" in level and level != "#") or ("+" in level and level != "+") for level in levels)
    if not plain or wild or "#" in levels[:-1]:
        raise Wrong("is not an MQTT topic such as sms, otp/+ or $share/gateways/sms")
    return text


Topic = Annotated[str, AfterValidator(given)]
ClientId = Annotated[str, AfterValidator(client_id)]


class Subscriber(Section):
    """What all brokers have in common; never a section of its own."""

    enable: bool = option(False, "Enable")
    host: Host = option("127.0.0.1", "Host")
    port: Port = option(1, "Port")
    ssl: bool = option(False, "SSL", help="TLS. The broker's certificate is verified.")
    ca_certificate: CertificateOrNone = option(
        "",
        "CA certificate",
        longest=65_536,
        multiline=True,
        help="In PEM: the authority that signed the broker's certificate. Empty: the usual public ones.",
    )
    trust_self_signed: bool = option(
        False,
        "Trust a self-signed certificate",
        help="Any certificate will do: no protection from a middleman.",
    )
    username: str = option("", "User name")
    password: str = option("", "Password", secret=True)
    topic: Topic = option("sms", "Topic")
    timeout: int = option(
        10,
        "Timeout",
        unit="s",
        minimum=1,
        maximum=300,
        help="For connecting, and until silence counts as loss.",
    )
    reconnect_delay: int = option(10, "Reconnect delay", unit="s", minimum=1, maximum=3_600)
    refresh: Refresh = option(
        0, "Refresh connection", unit="min", choices=REFRESH, help="Connect anew from time to time."
    )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.ssl and self.trust_self_signed:
            yield Finding(
                ("trust_self_signed", "ssl"), "any certificate is trusted: somebody in between can read along"
            )
        if (
            self.enable
            and self.password
            and not self.ssl
            and self.host not in ("127.0.0.1", "::1", "localhost")
        ):
            yield Finding(("ssl", "password"), "the password crosses the network in the clear")


class SubscriberWs(Subscriber):
    """A WebSocket message broker."""

    about: ClassVar[About] = About(
        name="subscriber_ws",
        title="WebSocket subscriber",
        reset="RESET_SUBSCRIBER_WS",
        help="A WebSocket keeps no messages: what is published while the device is away is lost.",
    )

    port: Port = option(8000, "Port")
    path: Annotated[str, AfterValidator(path_and_query)] = option(
        "/ws", "Path", help="A query is kept; the topic is added to it."
    )
    topic_parameter: Literal["topic", "channel"] = option(
        "topic", "Topic parameter", choices={"topic": "topic", "channel": "channel"}
    )


class SubscriberAmqp(Subscriber):
    """RabbitMQ, by AMQP 0-9-1 or 1.0."""

    about: ClassVar[About] = About(
        name="subscriber_amqp", title="RabbitMQ subscriber", reset="RESET_SUBSCRIBER_AMQP"
    )

    port: Port = option(5672, "Port")
    virtual_host: Topic = option("/", "Virtual host")
    version: Literal["0.9.1", "1.0"] = option(
        "0.9.1", "AMQP version", choices={"0.9.1": "0-9-1", "1.0": "1.0 (needs the plugin rabbitmq_amqp1_0)"}
    )
    durable: bool = option(
        False, "Durable queue", help="The queue outlives a restart of the broker. Publishers must agree."
    )


class SubscriberMqtt(Subscriber):
    """Mosquitto, or any other broker that speaks MQTT."""

    about: ClassVar[About] = About(
        name="subscriber_mqtt", title="MQTT subscriber", reset="RESET_SUBSCRIBER_MQTT"
    )

    port: Port = option(1883, "Port")
    topic: Annotated[str, AfterValidator(mqtt_filter)] = option(
        "sms", "Topic", help="$share/group/topic: several devices share the load."
    )
    client_id: ClientId = option(
        "", "Client id", help="Must differ between devices. Empty: made from the device's own number."
    )
    protocol: Literal["3.1.1", "5"] = option("3.1.1", "Protocol", choices={"3.1.1": "3.1.1", "5": "5"})
    qos: Literal[0, 1, 2] = option(
        1,
        "QoS",
        choices={0: "0", 1: "1", 2: "2"},
        help="0 may lose messages. 1 and 2: acknowledged after the outcome, repeats are recognised.",
    )


class SubscriberRedis(Subscriber):
    """Redis: a channel, a list or a stream."""

    about: ClassVar[About] = About(
        name="subscriber_redis", title="Redis subscriber", reset="RESET_SUBSCRIBER_REDIS"
    )

    port: Port = option(6379, "Port")
    database: int = option(0, "Database", minimum=0, maximum=65_535)
    mode: Literal["channel", "list", "stream"] = option(
        "channel",
        "Mode",
        choices={"channel": "Channel", "list": "List", "stream": "Stream"},
        help="A channel keeps nothing: what is published while the device is away is lost.",
    )


class SubscriberActivemq(Subscriber):
    """ActiveMQ, by STOMP."""

    about: ClassVar[About] = About(
        name="subscriber_activemq", title="ActiveMQ subscriber", reset="RESET_SUBSCRIBER_ACTIVEMQ"
    )

    port: Port = option(61613, "Port")
    client_id: ClientId = option(
        "", "Client id", help="Names the durable subscription. Empty: made from the device's own number."
    )
    destination: Literal["queue", "topic"] = option(
        "queue", "Queue or topic", choices={"queue": "Queue", "topic": "Topic (durable subscription)"}
    )
    time_to_live: int = option(
        300,
        "Time to leave",
        unit="s",
        minimum=0,
        maximum=86_400,
        help="How long an answer is kept; 0: for ever.",
    )


class SubscriberStomp(Subscriber):
    """Any server that speaks STOMP 1.0 to 1.2."""

    about: ClassVar[About] = About(
        name="subscriber_stomp", title="STOMP subscriber", reset="RESET_SUBSCRIBER_STOMP"
    )

    port: Port = option(61613, "Port")
    virtual_host: str = option("", "Virtual host", help="For the header host. Empty: the host's name.")
    topic: Topic = option("sms", "Topic", help="The destination, such as /queue/sms; a bare name is a queue.")


#: In the order of the pages.
SUBSCRIBERS: tuple[type[Subscriber], ...] = (
    SubscriberAmqp,
    SubscriberRedis,
    SubscriberMqtt,
    SubscriberActivemq,
    SubscriberStomp,
    SubscriberWs,
)
