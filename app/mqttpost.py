"""One message to an MQTT topic, on the broker that the MQTT subscriber of the settings uses."""

from __future__ import annotations

from typing import Any

from app.brokers.dial import Fault, context
from app.modems.forwarding import NotTaken
from app.settings.subscribers import SubscriberMqtt


def publish(options: SubscriberMqtt | None, topic: str, body: bytes) -> None:
    """Connect, publish, leave: incoming messages are few. Raises NotTaken."""
    if options is None or not options.enable:
        raise NotTaken("the MQTT subscriber is off, so there is no broker")
    # Only a device that passes messages on by MQTT loads the library.
    from paho.mqtt import MQTTException
    from paho.mqtt import publish as paho
    from paho.mqtt.client import MQTTv5, MQTTv311

    more: dict[str, Any] = {}
    if options.username:
        more["auth"] = {"username": options.username, "password": options.password}
    try:
        more["tls"] = context(options)
        paho.single(
            topic,
            body,
            qos=options.qos,
            hostname=options.host,
            port=options.port,
            protocol=MQTTv5 if str(options.protocol) == "5" else MQTTv311,
            keepalive=30,
            **more,
        )
    except (OSError, ValueError, MQTTException, Fault) as error:
        raise NotTaken(f"the MQTT broker did not take it ({type(error).__name__})") from error
