"""Starting the units that may do what the service may not, and waiting for what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.system.dbus import Bus, Place, SystemRefused

MANAGER = Place("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
UNIT = "org.freedesktop.systemd1.Unit"
SERVICE = "org.freedesktop.systemd1.Service"
PATIENCE = 60.0


def start(bus: Bus, unit: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Run a oneshot unit and wait until it has ended; raises SystemRefused when it failed."""
    bus.call(MANAGER, "StartUnit", "ss", unit, "replace")
    (path,) = bus.call(MANAGER, "LoadUnit", "s", unit)
    place = Place(MANAGER.name, path, UNIT)
    waited = 0.0
    while (state := bus.get(place, "ActiveState")) in ("activating", "reloading"):
        if waited > PATIENCE:
            raise SystemRefused(f"{unit} has not ended within {PATIENCE:.0f} s")
        pause(0.2)
        waited += 0.2
    if state == "failed":
        raise SystemRefused(f"{unit} failed; its log tells why")


def restart(bus: Bus, unit: str) -> None:
    """Restart a unit without waiting: it may be the one that asks."""
    bus.call(MANAGER, "RestartUnit", "ss", unit, "replace")


def state(bus: Bus, unit: str) -> str:
    """The ActiveState of a unit: active, inactive, failed …; raises SystemRefused."""
    (path,) = bus.call(MANAGER, "LoadUnit", "s", unit)
    found: str = bus.get(Place(MANAGER.name, path, UNIT), "ActiveState")
    return found
