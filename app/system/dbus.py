"""The system bus, and nothing else knows of it: a call goes out, its answer or a sentence comes back.

A call has a connection of its own: they are rare, and nothing is left over that a restart of the bus could
break. Not to be called from an event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from app.core.errors import GatewayError

TIMEOUT = 25.0  # as libdbus waits


class SystemRefused(GatewayError):
    """The system would not do it, or is not there; `name` is D-Bus's name of the error, or ""."""

    reason = "system_refused"

    def __init__(self, sentence: str, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


@dataclass(frozen=True)
class Place:
    """Whom to ask: bus name, object, interface."""

    name: str
    path: str
    interface: str


@dataclass(frozen=True)
class Typed:
    """A value whose D-Bus type must be told, where the method takes any."""

    signature: str
    value: Any


class Bus(Protocol):
    """What the services ask of the system. Raises SystemRefused."""

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        """Call a method; a list of what it gives back, variants unpacked."""
        ...

    def get(self, place: Place, name: str) -> Any:
        """Read a property."""
        ...


class SystemBus:
    """The machine's own bus."""

    def call(self, place: Place, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        try:
            return asyncio.run(asyncio.wait_for(_call(place, member, signature, arguments), TIMEOUT))
        except TimeoutError as error:
            raise SystemRefused(f"{place.name} did not answer {member} within {TIMEOUT:.0f} s") from error
        except ImportError as error:
            raise SystemRefused("the system cannot be asked: python3-dbus-next is not installed") from error
        except (OSError, EOFError) as error:
            raise SystemRefused(f"the system bus cannot be reached: {error}") from error

    def get(self, place: Place, name: str) -> Any:
        properties = Place(place.name, place.path, "org.freedesktop.DBus.Properties")
        return self.call(properties, "Get", "ss", place.interface, name)[0]


async def _call(place: Place, member: str, signature: str, arguments: tuple[Any, ...]) -> list[Any]:
    from dbus_next import BusType, Message, MessageType
    from dbus_next.aio import MessageBus

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        answer = await bus.call(
            Message(
                destination=place.name,
                path=place.path,
                interface=place.interface,
                member=member,
                signature=signature,
                body=[_packed(argument) for argument in arguments],
            )
        )
    finally:
        bus.disconnect()
    if answer is None:
        return []
    if answer.message_type is MessageType.ERROR:
        said = str(answer.body[0]) if answer.body else ""
        raise SystemRefused(f"the system refused {member}: {said or answer.error_name}", answer.error_name)
    return [_plain(value) for value in answer.body]


def _packed(value: Any) -> Any:
    from dbus_next import Variant

    if isinstance(value, Typed):
        return Variant(value.signature, _packed(value.value))
    if isinstance(value, dict):
        return {key: _packed(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(entry) for entry in value]
    return value


def _plain(value: Any) -> Any:
    from dbus_next import Variant

    if isinstance(value, Variant):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value
