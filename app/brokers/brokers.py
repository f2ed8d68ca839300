"""All subscribers of the device, one a section: builds them from the settings, starts, changes, stops."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from app.brokers.answers import Report
from app.brokers.base import GRACE, Subscriber
from app.brokers.dial import Fault
from app.brokers.link import Link
from app.brokers.status import BrokerStatus, Standing
from app.brokers.trial import try_out
from app.core.clock import Clock
from app.core.events import Announce, Event, MessageReported
from app.core.gateway import Gateway
from app.settings import subscribers as sections
from app.settings.snapshot import Settings
from app.wire import report_json

log = logging.getLogger(__name__)

Of = Callable[[Any], bool]  # what a section's options say: whether the broker keeps, whether devices share

# At their chattier levels these print whole messages, codes included, and connection parameters.
CHATTY = ("pika", "stomp.py", "stomp", "websocket", "paho", "proton", "redis")


class Brokers:
    """The subscribers by the name of their section.

    usable: how many modems may carry something now, asked once a second; None when no modem is set up.
    device: what tells this device from others that share a broker; the same after a restart.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: Settings,
        announce: Announce,
        clock: Clock,
        *,
        usable: Callable[[], int | None],
        device: str,
    ) -> None:
        self._settings = settings
        self._device = device
        self._clock = clock
        self._mqtt_topic = ""
        makers: dict[type[sections.Subscriber], tuple[Callable[[Any], Link], Of, Of]] = {
            sections.SubscriberAmqp: (self._amqp, _always, _always),
            sections.SubscriberRedis: (self._redis, _no_channel, _no_channel),
            sections.SubscriberMqtt: (
                self._mqtt,
                lambda options: bool(options.qos),
                lambda options: str(options.topic).startswith("$share/"),
            ),
            sections.SubscriberActivemq: (
                self._activemq,
                _always,
                lambda options: _is_queue(options.topic, options.destination),
            ),
            sections.SubscriberStomp: (self._stomp, _always, lambda options: _is_queue(options.topic)),
            sections.SubscriberWs: (self._websocket, _never, _never),
        }
        self._subscribers = {
            section: Subscriber(door(section), make, keeps, gateway, usable, announce, clock, shares)
            for section, (make, keeps, shares) in makers.items()
        }

    def start(self) -> None:
        """Begin with all brokers that are enabled; returns at once."""
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        for section, subscriber in self._subscribers.items():
            subscriber.start(self._settings.one(section))

    def hear(self, event: Event, told: Callable[[int], None]) -> None:
        """Publish a delivery report to the topic its message named; told(seq) once the broker has it."""
        if not isinstance(event, MessageReported) or not event.callback:
            return
        name = event.owner.partition(":")[0]
        for subscriber in self._subscribers.values():
            if subscriber.name == name:
                body = report_json(event)
                subscriber.report(Report(event.callback, body, partial(told, event.seq)))

    def apply(self, options: sections.Subscriber) -> None:
        """Take the new value of one section into use; returns at once."""
        self._subscribers[type(options)].apply(options)

    def stop(self, seconds: float = GRACE + 5.0) -> None:
        """Take nothing more, let what is under way end, sign off; not longer than so many seconds."""
        for subscriber in self._subscribers.values():
            subscriber.leave()
        until = time.monotonic() + seconds
        for subscriber in self._subscribers.values():
            if not subscriber.join(until - time.monotonic()):
                log.warning("%s: still busy when the service ended", subscriber.name)

    def subscriber(self, section: type[sections.Subscriber]) -> Subscriber[Any]:
        """The one of that section."""
        return self._subscribers[section]

    def statuses(self) -> tuple[BrokerStatus, ...]:
        """One for each broker, in the order of the pages."""
        return tuple(subscriber.status for subscriber in self._subscribers.values())

    def health(self) -> Mapping[str, Any]:
        """``brokers``: name → state, of those that are switched on; nothing when none is."""
        found = [one for one in self.statuses() if one.standing is not Standing.OFF]
        return {"brokers": {one.broker: one.as_dict() for one in found}} if found else {}

    def try_out(self, options: sections.Subscriber) -> str:
        """Connect once by these options, enabled or not; a sentence when it worked. Raises Fault.

        One that is connected by the same options is not disturbed: a second link might drive the first out.
        """
        subscriber = self._subscribers[type(options)]
        place = f"{options.host}:{options.port}"
        if subscriber.status.connected and subscriber.serves(options):
            return f"{place} is connected now"
        if isinstance(options, sections.SubscriberMqtt):
            # Of its session nothing may stay behind: a name of its own, and nothing that is kept for it.
            name = f"{options.client_id}-test" if options.client_id else ""
            from app.brokers.mqtt import MqttLink

            quiet = options.model_copy(update={"qos": 0, "client_id": name})
            try_out(lambda: MqttLink(quiet, f"{self._device}-test", self._clock))
        else:
            try_out(lambda: subscriber.make(options))
        return f"{place} took the connection, the account and the topic"

    # A broker's client library is loaded when that broker is switched on: all of them together would take
    # a third of the memory an idle device has.

    def _amqp(self, options: sections.SubscriberAmqp) -> Link:
        if options.version == "1.0":
            try:
                from app.brokers.amqp1 import Amqp1Link
            except ImportError as error:
                # The one library that is not there on every desk: it wants a compiler.
                raise Fault("AMQP 1.0 needs the package python3-qpid-proton") from error
            return Amqp1Link(options, self._device, self._clock)
        from app.brokers.amqp import AmqpLink

        return AmqpLink(options)

    def _redis(self, options: sections.SubscriberRedis) -> Link:
        from app.brokers.redis_modes import redis_link

        return redis_link(options, self._device, self._clock)

    def _activemq(self, options: sections.SubscriberActivemq) -> Link:
        from app.brokers.stomp import activemq_link

        return activemq_link(options, self._device, self._clock)

    def _stomp(self, options: sections.SubscriberStomp) -> Link:
        from app.brokers.stomp import stomp_link

        return stomp_link(options, self._clock)

    def _websocket(self, options: sections.SubscriberWs) -> Link:
        from app.brokers.websocket import WsLink

        return WsLink(options, self._clock)

    def _mqtt(self, options: sections.SubscriberMqtt) -> Link:
        from app.brokers.mqtt import MqttLink

        previous, self._mqtt_topic = self._mqtt_topic, options.topic
        return MqttLink(options, self._device, self._clock, previous)


def _always(options: object) -> bool:
    return True


def _never(options: object) -> bool:
    return False


def _no_channel(options: sections.SubscriberRedis) -> bool:
    return options.mode != "channel"


def _is_queue(topic: str, kind: str = "queue") -> bool:
    """Whether a STOMP destination is one that several devices take from, each message once."""
    return kind == "queue" if not topic.startswith("/") else topic.startswith(("/queue/", "/amq/queue/"))


def door(section: type[sections.Subscriber]) -> str:
    """The name by which a broker stands in logs, events and owners of messages: ``amqp``, ``ws``, …"""
    return section.about.name.removeprefix("subscriber_")
