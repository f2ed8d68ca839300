"""Starting the units that may do what the service may not, and waiting for what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.system.dbus import Bus, Place, SystemRefused

MANAGER = Place("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
UNIT = "org.freedesktop.systemd1.Unit"
SERVICE = "org.freedesktop.systemd1.Service"
PATIENCE = 60.0  # seconds; a unit that may take longer says so to its caller
UNSETTLED = ("activating", "reloading", "deactivating")


def start(
    bus: Bus,
    unit: str,
    pause: Callable[[float], None] = time.sleep,
    again: bool = False,
    patience: float = PATIENCE,
) -> None:
    """Run a unit and wait until it is up, or has ended if it is a oneshot; SystemRefused when it failed.

    again: from the beginning, where it runs already. patience: seconds; for a oneshot what its unit allows.
    """
    bus.call(MANAGER, "RestartUnit" if again else "StartUnit", "ss", unit, "replace")
    (path,) = bus.call(MANAGER, "LoadUnit", "s", unit)
    if _settled(bus, Place(MANAGER.name, path, UNIT), unit, pause, patience) == "failed":
        raise SystemRefused(f"{unit} failed; its log tells why")


def stop(bus: Bus, unit: str, pause: Callable[[float], None] = time.sleep) -> None:
    """End a unit and wait until it has ended; raises SystemRefused."""
    bus.call(MANAGER, "StopUnit", "ss", unit, "replace")
    (path,) = bus.call(MANAGER, "LoadUnit", "s", unit)
    _settled(bus, Place(MANAGER.name, path, UNIT), unit, pause, PATIENCE)


def _settled(bus: Bus, place: Place, unit: str, pause: Callable[[float], None], patience: float) -> str:
    waited = 0.0
    # What was asked for is a job at first; until it runs, the unit is as it was.
    while (state := bus.get(place, "ActiveState")) in UNSETTLED or bus.get(place, "Job")[0]:
        if waited > patience:
            raise SystemRefused(f"{unit} has not settled within {patience:.0f} s")
        pause(0.2)
        waited += 0.2
    return str(state)


def restart(bus: Bus, unit: str) -> None:
    """Restart a unit without waiting: it may be the one that asks."""
    bus.call(MANAGER, "RestartUnit", "ss", unit, "replace")


def restarts(bus: Bus, unit: str) -> tuple[bool, int]:
    """Whether a service is down, for good or for a while, and how often systemd has started it anew.

    Raises SystemRefused.
    """
    (path,) = bus.call(MANAGER, "LoadUnit", "s", unit)
    state = str(bus.get(Place(MANAGER.name, path, UNIT), "SubState"))
    again = int(bus.get(Place(MANAGER.name, path, SERVICE), "NRestarts"))
    return state == "failed" or state.startswith("auto-restart"), again
