"""The ways to the device, one module each; a client library is imported only when its way is taken."""

from ..errors import ConfigError
from ..options import Amqp, Mqtt, Redis, Rest, Section, Stomp, Ws
from .base import Transport


def open_transport(section: Section) -> Transport:
    """The transport these options belong to. MissingLibrary names the extra to install."""
    match section:
        case Rest():
            from .rest import RestTransport

            return RestTransport(section)
        case Redis():
            from .redis import RedisTransport

            return RedisTransport(section)
        case Amqp():
            from .amqp import AmqpTransport

            return AmqpTransport(section)
        case Mqtt():
            from .mqtt import MqttTransport

            return MqttTransport(section)
        case Stomp():
            from .stomp import StompTransport

            return StompTransport(section)
        case Ws():
            from .ws import WsTransport

            return WsTransport(section)
    raise ConfigError(f"no transport for {type(section).__name__}")


__all__ = ["Transport", "open_transport"]
