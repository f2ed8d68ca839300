"""Mosquitto by MQTT 3.1.1 or 5: a persistent session, acknowledged by hand after the outcome."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from app.brokers.dial import Fault, Place, context, handshake_in_words, in_words, watch
from app.brokers.link import Bell, Incoming, Unpublishable
from app.core.clock import Clock
from app.settings.subscribers import SubscriberMqtt

SESSION = 7 * 24 * 3600  # seconds for which an MQTT 5 broker keeps what came while we were away
AT_A_TIME = 64  # messages an MQTT 5 broker may have under way; 3.1.1 leaves that to the broker
WAITING = 1000  # answers that the broker may leave unconfirmed
RETAIN_NEVER = 2  # MQTT 5.0 §3.8.3.1: no retained messages when subscribing


class MqttLink:
    """One MQTT connection, driven by the subscriber's own thread.

    The QoS of the settings is that of the answers and, up to 1, of the subscription. With QoS 2 the library
    confirms receipt (PUBREC) before anybody saw the message, and a power cut would lose it; QoS 1 and the
    duplicate rule give *exactly once* without that gap.
    previous: a topic that the persistent session may still be subscribed to.
    """

    def __init__(self, options: SubscriberMqtt, device: str, clock: Clock, previous: str = "") -> None:
        self._options = options
        self._clock = clock
        self._previous = previous
        self._place = Place(options.host, options.port, options.timeout, context(options))
        self._bell = Bell()
        self._came: list[Incoming] = []
        self._fault = ""
        self._ready = False
        self._taking = True
        self._client = self._made(device)

    def _made(self, device: str) -> paho.Client:
        options = self._options
        five = options.protocol == "5"
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=options.client_id or f"otp-pi-{device}",
            clean_session=None if five else False,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if options.username:
            client.username_pw_set(options.username, options.password)
        if self._place.context is not None:
            client.tls_set_context(self._place.context)
        client.connect_timeout = options.timeout
        client.max_queued_messages_set(WAITING)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def open(self) -> None:
        options, place = self._options, self._place
        properties = None
        if options.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION
            properties.ReceiveMaximum = AT_A_TIME
        # The kernel watches over the line; this is for a broker that hangs, and must not be too eager.
        rhythm = max(5, options.timeout)
        fresh: Any = False if options.protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY
        try:
            self._client.connect(options.host, options.port, rhythm, clean_start=fresh, properties=properties)
        except (ConnectionRefusedError, socket.gaierror) as error:
            raise Fault(in_words(error, place)) from error
        except OSError as error:
            raise Fault((handshake_in_words if place.context else in_words)(error, place)) from error
        except paho.WebsocketConnectionError as error:
            raise Fault(f"{place} closed the connection") from error
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            watch(sock, place.timeout)
        self._until(lambda: self._ready)

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = self._clock.steady() + self._place.timeout
        while not reached():
            left = deadline - self._clock.steady()
            if left <= 0:
                raise Fault(f"{self._place} did not answer in MQTT within {self._place.timeout:g} s")
            self._pump(left, reading=True)

    def turn(self, seconds: float, room: int) -> Sequence[Incoming]:
        # QoS 0 is not held back by the broker: who does not read it loses it.
        self._pump(0.0 if self._came else seconds, reading=room > 0 or self._options.qos == 0)
        came, self._came = self._came, []
        return came

    def _pump(self, seconds: float, reading: bool) -> None:
        client = self._client
        sock = client.socket()
        if not isinstance(sock, socket.socket):
            raise Fault(self._fault or f"{self._place} closed the connection")
        held = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        waited = self._bell.wait(sock if reading else None, 0.0 if held else seconds, client.want_write())
        if reading and (held or waited):
            client.loop_read()
        if client.want_write():
            client.loop_write()
        client.loop_misc()
        if self._fault:
            raise Fault(self._fault)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._fault = _refusal(reason)
            return
        options = self._options
        if self._previous and self._previous != options.topic:
            client.unsubscribe(self._previous)
        if self._taking:
            self._subscribe()
        else:
            # The session may still be subscribed from before the connection was lost.
            client.unsubscribe(options.topic)
            self._ready = True

    def _subscribe(self) -> None:
        client, options = self._client, self._options
        qos = min(options.qos, 1)
        if options.protocol == "5":
            client.subscribe(options.topic, options=paho.SubscribeOptions(qos, retainHandling=RETAIN_NEVER))
        else:
            client.subscribe(options.topic, qos)

    def _on_subscribe(
        self, client: Any, data: Any, mid: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._fault = f"the broker does not let this user subscribe to {self._options.topic}"
        self._ready = True

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if not self._fault:
            if reason.getName() == "Keep alive timeout":
                self._fault = f"{self._place} fell silent for {self._place.timeout:g} s"
            elif _is_known(reason):
                self._fault = _refusal(reason)
            else:
                self._fault = f"{self._place} closed the connection"

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:
            # Not news: the broker would repeat it at each new subscription.
            client.ack(message.mid, message.qos)
            return
        token = (message.mid, message.qos) if message.qos else None
        self._came.append(Incoming(bytes(message.payload), token, bool(message.dup)))

    def limit(self, prefetch: int) -> None:
        """MQTT knows no such thing once it is connected: the house holds back what it does not take yet.

        None at all is the end of a shared subscription: the broker gives the rest to the other devices.
        """
        taking, before = prefetch > 0, self._taking
        self._taking = taking
        if taking == before or not self._client.is_connected():
            return
        if taking:
            self._subscribe()
        else:
            self._client.unsubscribe(self._options.topic)
        self._pump(0.0, reading=False)

    def settle(self, token: tuple[int, int]) -> None:
        mid, qos = token
        self._client.ack(mid, qos)
        self._pump(0.0, reading=False)

    def release(self, token: tuple[int, int]) -> bool:
        """What this session was given stays with it (MQTT 5.0 §4.8.2)."""
        return False

    def publish(self, topic: str, body: bytes) -> None:
        try:
            sent = self._client.publish(topic, body, self._options.qos)
        except ValueError as error:
            raise Unpublishable("its topic is not one to publish to") from error
        if sent.rc == paho.MQTT_ERR_NO_CONN:
            raise Fault(f"{self._place} closed the connection")
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise Unpublishable("too many answers wait for the broker")
        self._pump(0.0, reading=False)

    def wake(self) -> None:
        self._bell.ring()

    def close(self) -> None:
        client = self._client
        client.on_disconnect = None
        try:
            client.disconnect()
            for _ in range(100):
                if not client.want_write() or client.loop_write() != paho.MQTT_ERR_SUCCESS:
                    break
        except (OSError, ValueError):
            pass
        sock = client.socket()
        if isinstance(sock, socket.socket):
            sock.close()
        self._bell.close()


def _is_known(reason: ReasonCode) -> bool:
    """Whether the broker itself said why it ended the connection (MQTT 5 only)."""
    return reason.value >= 0x80 and reason.getName() != "Unspecified error"


def _refusal(reason: ReasonCode) -> str:
    match reason.getName():
        case "Bad user name or password" | "Not authorized":
            return "the broker refused the user name or the password"
        case "Client identifier not valid":
            return "the broker refused the client id"
        case "Session taken over":
            return "another client with the same client id took the connection over: give each device its own"
        case "Unsupported protocol version":
            return "the broker does not speak this version of MQTT"
        case name:
            return f"the broker ended the connection: {name}"
