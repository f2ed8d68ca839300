"""The image's files: nothing secret, nothing shared by two devices, nothing others may write, no rest."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.conftest import Inode

TREE = Path(__file__).parents[2]

# Programs that run with their owner's rights, each with its reason to.
PRIVILEGED = {
    "usr/bin/chfn": "password files",
    "usr/bin/chsh": "password files",
    "usr/bin/gpasswd": "password files",
    "usr/bin/mount": "user mounts",
    "usr/bin/newgrp": "groups",
    "usr/bin/passwd": "password files",
    "usr/bin/su": "another user",
    "usr/bin/sudo": "another user",
    "usr/bin/umount": "user mounts",
    "usr/lib/dbus-1.0/dbus-daemon-launch-helper": "D-Bus activation",
    "usr/lib/openssh/ssh-keysign": "host-based SSH",
    "usr/lib/polkit-1/polkit-agent-helper-1": "polkit",
    "usr/sbin/pppd": "dial-up by a group",
}

# Those that Raspberry Pi OS Lite may have besides.
PRIVILEGED_PI = {
    "usr/bin/fusermount3": "user mounts",
    "usr/bin/ntfs-3g": "user mounts",
    "usr/sbin/mount.cifs": "user mounts",
}

# A key, and not a sentence that speaks of one: its first line, and base64 below it.
PEM_KEY = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[A-Za-z0-9+/=:-]", re.MULTILINE)


def regular(inodes: dict[str, Inode], below: str) -> Iterator[str]:
    """The plain files below a folder."""
    return (path for path, inode in inodes.items() if path.startswith(below) and stat.S_ISREG(inode.mode))


def test_nobody_has_a_password(files: Path) -> None:
    for line in (files / "etc/shadow").read_text().splitlines():
        name, password = line.split(":")[:2]
        assert password.startswith(("*", "!")), f"{name} has a password"


@pytest.mark.parametrize("place", ["etc/", "root/", "home/", "var/", "usr/lib/otppi/", "usr/local/"])
def test_nobodys_keys_are_in_it(files: Path, inodes: dict[str, Inode], place: str) -> None:
    for path in regular(inodes, place):
        assert not path.endswith("/authorized_keys")
        assert not re.search(r"/ssh_host_\w+_key", path)
        assert not PEM_KEY.search((files / path).read_bytes()), path


def test_two_devices_have_no_identity_in_common(files: Path) -> None:
    assert (files / "etc/machine-id").read_text() in ("", "uninitialized\n")
    assert not (files / "var/lib/dbus/machine-id").exists()
    assert not (files / "var/lib/systemd/random-seed").exists()
    assert not list(files.glob("var/lib/otppi/*"))


def test_only_known_programs_run_with_more_rights_than_their_caller(
    inodes: dict[str, Inode], pi_os: bool
) -> None:
    found = {path for path in regular(inodes, "") if inodes[path].mode & stat.S_ISUID}
    assert (found - set(PRIVILEGED_PI) if pi_os else found) == set(PRIVILEGED)


def test_others_may_write_only_where_anybody_may(inodes: dict[str, Inode]) -> None:
    for path, inode in inodes.items():
        if inode.mode & stat.S_IWOTH and not stat.S_ISLNK(inode.mode) and not stat.S_ISCHR(inode.mode):
            assert inode.mode & stat.S_ISVTX, f"anybody may write to {path}"


def test_passwords_are_for_root_alone(inodes: dict[str, Inode]) -> None:
    assert stat.S_IMODE(inodes["etc/shadow"].mode) == 0o640
    assert stat.S_IMODE(inodes["root"].mode) == 0o700


def test_the_overlay_is_in_it_as_it_is_and_belongs_to_root(files: Path, inodes: dict[str, Inode]) -> None:
    overlay = TREE / "rootfs-overlay"
    for original in overlay.rglob("*"):
        path = original.relative_to(overlay)
        if path.parts[:2] == ("boot", "firmware") or (original.is_dir() and not original.is_symlink()):
            continue
        copy = files / path
        inode = inodes[str(path)]
        assert (inode.owner, inode.group) == (0, 0), path
        if original.is_symlink():
            assert copy.readlink() == original.readlink(), path
        else:
            assert copy.read_bytes() == original.read_bytes(), path
            # Made for all or for nobody: the overlay's own bits depend on the umask of whoever cloned it.
            assert inode.mode & 0o111 == (0o111 if original.stat().st_mode & 0o100 else 0), path


def test_the_preset_is_what_is_enabled(files: Path) -> None:
    preset = (files / "usr/lib/systemd/system-preset/10-otppi.preset").read_text()
    wanted = {link.name for link in (files / "etc/systemd/system").glob("*.wants/*")}
    for verb, unit in re.findall(r"^(enable|disable) (\S+)$", preset, re.MULTILINE):
        if (files / "usr/lib/systemd/system" / unit).exists():
            assert (unit in wanted) == (verb == "enable"), f"{unit} should be {verb}d"


def test_the_gateway_is_in_it_and_cannot_change_itself(inodes: dict[str, Inode]) -> None:
    its_own = {path: inode for path, inode in inodes.items() if path.startswith("usr/lib/otppi/")}
    assert {"usr/lib/otppi/app/__main__.py", "usr/lib/otppi/hw/errors.py"} <= set(its_own)
    for path, inode in its_own.items():
        assert (inode.owner, inode.mode & 0o022) == (0, 0), path


def test_nothing_is_left_over_from_the_making(inodes: dict[str, Inode], pi_os: bool) -> None:
    places = r".*\.deb|.*\.dpkg-new|.*\.real|tmp/.*|.*policy-rc\.d"
    if not pi_os:  # pi-gen's export fetches lists of packages after our stage
        places += r"|var/lib/apt/lists/.*Packages"
    assert [path for path in inodes if re.fullmatch(places, path)] == []


def test_python_comes_from_the_distribution_alone(inodes: dict[str, Inode]) -> None:
    assert [
        path for path in inodes if re.match(r"usr/bin/pip[0-9.]*$|usr/local/lib/python3.*/.*/", path)
    ] == []
