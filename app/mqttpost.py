"""One message to an MQTT topic, on the broker that the MQTT subscriber of the settings uses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.brokers.dial import Fault, context
from app.modems.forwarding import NotTaken
from app.settings.subscribers import SubscriberMqtt

PATIENCE = 10.0  # seconds for the broker to let us in, and again to take the message
_LOOP = 0.5


def publish(options: SubscriberMqtt | None, topic: str, body: bytes) -> None:
    """Connect, publish, leave: incoming messages are few. Raises NotTaken."""
    if options is None or not options.enable:
        raise NotTaken("the MQTT subscriber is off, so there is no broker")
    # Only a device that passes messages on by MQTT loads the library.
    import paho.mqtt.client as paho

    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        protocol=paho.MQTTv5 if str(options.protocol) == "5" else paho.MQTTv311,
    )
    client.connect_timeout = PATIENCE
    if options.username:
        client.username_pw_set(options.username, options.password)
    try:
        tls = context(options)
        if tls is not None:
            client.tls_set_context(tls)
        client.connect(options.host, options.port, keepalive=int(PATIENCE))  # which bounds the TLS handshake
        _until(client, client.is_connected)
        sent = client.publish(topic, body, qos=options.qos)
        _until(client, sent.is_published)
    except (OSError, ValueError, RuntimeError, Fault) as error:
        raise NotTaken(f"the MQTT broker did not take it ({type(error).__name__})") from error
    finally:
        client.disconnect()


def _until(client: Any, done: Callable[[], bool]) -> None:
    """Serve this one connection until something is done. Raises OSError when it is lost or takes too long.

    Not the library's own loop: that one connects again for ever.
    """
    deadline = time.monotonic() + PATIENCE
    while not done():
        if client.loop(_LOOP) != 0:
            raise ConnectionError
        if time.monotonic() > deadline:
            raise TimeoutError
