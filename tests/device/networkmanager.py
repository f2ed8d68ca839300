"""NetworkManager's interface on a real D-Bus daemon: a mock that notes what it is told.

The fixture is for conftest.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.system.dbus import Place, SystemBus, SystemRefused, Typed
from app.system.network import PROFILE
from tests.wanting import need

MOCK = "org.freedesktop.DBus.Mock"
NM = "org.freedesktop.NetworkManager"
PYTHON = "/usr/bin/python3"  # the distribution's: dbusmock comes as a package of its own

#: What NetworkManager's method of this name does, as far as the caller sees it.
ADD_AND_ACTIVATE = """
import json, dbus
with open(NOTES, "a") as notes:
    notes.write(json.dumps([args[0], args[1], args[3]]) + chr(10))
objects[args[1]].Set("org.freedesktop.NetworkManager.Device", "State", dbus.UInt32(70))
ret = (dbus.ObjectPath("/connection/1"), dbus.ObjectPath("/active/1"), {})
"""
ACTIVATE = """
import json, dbus
with open(NOTES, "a") as notes:
    notes.write(json.dumps([args[0], args[1]]) + chr(10))
if "/active/1" not in objects:
    uuid = {"Uuid": UUID}
    self.AddObject("/active/1", "org.freedesktop.NetworkManager.Connection.Active", uuid, [])
ret = dbus.ObjectPath("/active/1")
objects[args[1]].props["org.freedesktop.NetworkManager.Device"]["ActiveConnection"] = ret
"""


def missing() -> str:
    if shutil.which("dbus-daemon") is None:
        return "the package dbus is not installed"
    found = subprocess.run([PYTHON, "-c", "import dbusmock"], capture_output=True, check=False)
    return "" if found.returncode == 0 else "the package python3-dbusmock is not installed"


@dataclass
class NetworkManager:
    """The mock, steered over the same bus."""

    bus: SystemBus
    notes: Path

    def order(self, member: str, signature: str, *arguments: Any) -> list[Any]:
        return self.bus.call(
            Place(NM, "/org/freedesktop/NetworkManager", MOCK), member, signature, *arguments
        )

    def card(self, name: str, kind: int, driver: str = "") -> str:
        """Plug in a network card, disconnected."""
        (path,) = self.order("AddEthernetDevice", "ssi", name.replace("-", "_"), name, 30)
        self.turn(path, "DeviceType", kind)
        if driver:
            self.turn(path, "Driver", driver)
        place = Place(NM, path, MOCK)
        code = f'self.Set("{NM}.Device", "State", dbus.UInt32(30))'
        self.bus.call(place, "AddMethod", "sssss", f"{NM}.Device", "Disconnect", "", "", code)
        return str(path)

    def turn(self, path: str, name: str, value: int | str) -> None:
        """Change a property of a device."""
        place = Place(NM, path, "org.freedesktop.DBus.Properties")
        self.bus.call(
            place, "Set", "ssv", f"{NM}.Device", name, Typed("s" if isinstance(value, str) else "u", value)
        )

    def keep(self, path: str) -> None:
        """A profile that is there already, and may be given a new content."""
        self.order("AddObject", "ssa{sv}a(ssss)", path, f"{NM}.Settings.Connection", {}, [])
        connection = Place(NM, path, MOCK)
        self.bus.call(
            connection, "AddMethod", "sssss", f"{NM}.Settings.Connection", "Update2", "a{sa{sv}}ua{sv}",
            "a{sv}", "self.content = args[0]\nret = {}",
        )  # fmt: skip
        known = 'import dbus\nret = getattr(self, "content", dbus.Dictionary({}, signature="sa{sv}"))'
        self.bus.call(
            connection, "AddMethod", "sssss", f"{NM}.Settings.Connection", "GetSettings", "", "a{sa{sv}}",
            known,
        )  # fmt: skip
        settings = Place(NM, "/org/freedesktop/NetworkManager/Settings", MOCK)
        found = f'import dbus\nret = dbus.ObjectPath("{path}")'
        self.bus.call(
            settings, "AddMethod", "sssss", f"{NM}.Settings", "GetConnectionByUuid", "s", "o", found
        )

    def told(self) -> list[Any]:
        return (
            [json.loads(line) for line in self.notes.read_text().splitlines()] if self.notes.exists() else []
        )


@pytest.fixture
def network_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NetworkManager]:
    need(missing())
    address = f"unix:path={tmp_path}/bus"
    (tmp_path / "bus.conf").write_text(
        f'<busconfig><listen>{address}</listen><policy context="default"><allow own="*"/>'
        '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>'
    )
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    daemon = subprocess.Popen(["dbus-daemon", "--nofork", f"--config-file={tmp_path}/bus.conf"])
    mock = None
    try:
        await_file(tmp_path / "bus")
        with (tmp_path / "log").open("wb") as log:
            words = [PYTHON, "-m", "dbusmock", "--system", "--template", "networkmanager"]
            mock = subprocess.Popen(words, stdout=log, stderr=log, env=dict(os.environ))
        manager = NetworkManager(SystemBus(), tmp_path / "notes")
        await_manager(manager, mock)
        notes = f"NOTES = {str(manager.notes)!r}\n"
        signature, answer, code = "a{sa{sv}}ooa{sv}", "ooa{sv}", notes + ADD_AND_ACTIVATE
        manager.order("AddMethod", "sssss", NM, "AddAndActivateConnection2", signature, answer, code)
        activate = f"{notes}UUID = {PROFILE!r}\n{ACTIVATE}"
        manager.order("AddMethod", "sssss", NM, "ActivateConnection", "ooo", "o", activate)
        yield manager
    finally:
        for process in (mock, daemon):
            if process is not None:
                process.terminate()
                process.wait(10)


def await_file(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"{path} does not come"
        time.sleep(0.02)


def await_manager(manager: NetworkManager, mock: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            manager.bus.call(Place(NM, "/org/freedesktop/NetworkManager", NM), "GetDevices")
            return
        except SystemRefused:
            assert mock.poll() is None and time.monotonic() < until, "the mock does not come"
            time.sleep(0.05)
