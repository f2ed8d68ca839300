"""The image's files: nothing secret, nothing shared by two devices, nothing others may write, no leftovers."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

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


def walk(files: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder with its path from the root and its inode, links not followed."""
    for folder, folders, names in os.walk(files):
        for name in folders + names:
            path = Path(folder, name)
            yield str(path.relative_to(files)), path.lstat()


def test_nobody_has_a_password(files: Path) -> None:
    for line in (files / "etc/shadow").read_text().splitlines():
        name, password = line.split(":")[:2]
        assert password.startswith(("*", "!")), f"{name} has a password"


def test_nobodys_keys_are_in_it(files: Path) -> None:
    assert not list((files / "etc/ssh").glob("ssh_host_*"))
    assert not [path for path, _ in walk(files) if path.endswith("/authorized_keys")]
    for place in ("etc", "root", "home", "var", "usr/lib/otppi", "usr/local"):
        for path, status in walk(files / place):
            if stat.S_ISREG(status.st_mode) and status.st_size < 1_000_000:
                content = (files / place / path).read_bytes()
                assert not re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", content), f"{place}/{path}"


def test_two_devices_have_no_identity_in_common(files: Path) -> None:
    assert (files / "etc/machine-id").read_text() in ("", "uninitialized\n")
    assert not (files / "var/lib/dbus/machine-id").exists()
    assert not (files / "var/lib/systemd/random-seed").exists()
    assert not list((files / "var/lib/otppi").glob("*")) if (files / "var/lib/otppi").exists() else True


def test_only_known_programs_run_with_more_rights_than_their_caller(files: Path) -> None:
    found = {
        path for path, status in walk(files) if stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_ISUID
    }
    assert found <= set(PRIVILEGED)


def test_others_may_write_only_where_anybody_may(files: Path) -> None:
    for path, status in walk(files):
        if not stat.S_ISLNK(status.st_mode) and not path.startswith("dev/") and status.st_mode & stat.S_IWOTH:
            assert status.st_mode & stat.S_ISVTX, f"anybody may write to {path}"


def test_the_overlay_is_in_it_as_it_is_and_belongs_to_root(files: Path) -> None:
    overlay = TREE / "rootfs-overlay"
    for original in overlay.rglob("*"):
        path = original.relative_to(overlay)
        if path.parts[:2] == ("boot", "firmware") or (original.is_dir() and not original.is_symlink()):
            continue
        copy = files / path
        assert (copy.lstat().st_uid, copy.lstat().st_gid) == (0, 0), path
        if original.is_symlink():
            assert copy.readlink() == original.readlink(), path
        else:
            assert copy.read_bytes() == original.read_bytes(), path


def test_the_preset_is_what_is_enabled(files: Path) -> None:
    preset = (files / "usr/lib/systemd/system-preset/10-otppi.preset").read_text()
    wanted = {link.name for link in (files / "etc/systemd/system").glob("*.wants/*")}
    for verb, unit in re.findall(r"^(enable|disable) (\S+)$", preset, re.MULTILINE):
        if (files / "usr/lib/systemd/system" / unit).exists():
            assert (unit in wanted) == (verb == "enable"), f"{unit} should be {verb}d"


def test_the_gateway_is_in_it_and_cannot_change_itself(files: Path) -> None:
    for path, status in walk(files / "usr/lib/otppi"):
        assert (status.st_uid, status.st_mode & 0o022) == (0, 0), path
    assert (files / "usr/lib/otppi/app").is_dir() and (files / "usr/lib/otppi/hw").is_dir()


def test_nothing_is_left_over_from_the_making(files: Path) -> None:
    leftovers = [
        *(files / "var/lib/apt/lists").glob("*Packages*"),
        *(files / "var/cache/apt/archives").glob("*.deb"),
        *(
            path
            for path, _ in ((files / p, s) for p, s in walk(files))
            if path.name.endswith((".dpkg-new", ".real"))
        ),
        *(files / "tmp").glob("*"),
    ]
    assert leftovers == []
    assert not (files / "usr/sbin/policy-rc.d").exists()


def test_python_comes_from_the_distribution_alone(files: Path) -> None:
    assert not list((files / "usr/bin").glob("pip*"))
    assert not list((files / "usr/local/lib").glob("python3*/dist-packages/*"))
