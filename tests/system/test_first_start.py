"""The first start of the Pi's image: pi-gen's export has systemd preset every unit once more."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.system.machine import TREE, machine

PRESET = "usr/lib/systemd/system-preset/10-otppi.preset"
#: As userconf-pi brings it, which pi-gen installs after our stage: a dialog on a screen that is not there.
DIALOG = """[Unit]
Description=User configuration dialog
[Service]
Type=oneshot
ExecStart=/usr/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
#: As raspberrypi-sys-mods brings it: the root takes the whole card, if this is a first start.
RESIZE = """[Unit]
DefaultDependencies=no
ConditionFirstBoot=yes
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/true
[Install]
WantedBy=sysinit.target
"""


def as_the_export_leaves_it(root: Path) -> None:
    (root / PRESET).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(TREE / "rootfs-overlay" / PRESET, root / PRESET)
    for name in ("userconfig", "regenerate_ssh_host_keys", "what-nobody-has-named"):
        (root / f"usr/lib/systemd/system/{name}.service").write_text(DIALOG)
    (root / "usr/lib/systemd/system/rpi-resize.service").write_text(RESIZE)
    wanted = root / "etc/systemd/system/sysinit.target.wants/rpi-resize.service"
    wanted.parent.mkdir(exist_ok=True)
    wanted.symlink_to("/usr/lib/systemd/system/rpi-resize.service")
    (root / "etc/machine-id").write_text("uninitialized\n")


def enabled(root: Path) -> set[str]:
    folder = root / "etc/systemd/system"
    return {str(path.relative_to(folder)) for path in folder.glob("*.*/*") if path.is_symlink()}


def test_the_first_start_asks_nobody_and_enables_nothing() -> None:
    before: set[str] = set()

    def prepare(root: Path) -> None:
        as_the_export_leaves_it(root)
        before.update(enabled(root))

    with machine(prepare=prepare) as device:
        assert device.booted() == "running", device("systemctl --failed --no-legend; systemctl list-jobs")
        assert device.show("rpi-resize.service", "ActiveState") == "active"
        assert re.fullmatch("[0-9a-f]{32}", device("cat /etc/machine-id"))
        assert enabled(device.root) == before
        for unit in ("userconfig", "regenerate_ssh_host_keys", "systemd-firstboot", "what-nobody-has-named"):
            assert device.show(unit, "ActiveState") == "inactive", unit
        assert device.show("otppi.service", "ActiveState") == "active"
