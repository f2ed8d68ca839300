"""Brings the system's files in line with the settings: rendered, checked by their readers, put in force.

Runs as root, from units that the service may start; takes nothing from the service but the settings, which
are checked again here.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

from app.settings.api import Api
from app.settings.general import General
from app.settings.mail import LocalSmtp
from app.settings.network import Dhcp, FirewallRule, Wlan, dhcp_elsewhere
from app.settings.snapshot import Settings
from app.system import accesspoint, checkers, firewall, timekeeping
from app.system.checkers import Check, Run

log = logging.getLogger(__name__)

T = TypeVar("T", dict[str, str], list[str])

FOLDER = Path("run/otppi-system")
OUTCOME = "outcome.json"
#: Units that run with files of before, because they could not be restarted when theirs were written.
OWED = "restarts.json"
ACCESS_POINT = "otppi-accesspoint.target"


@dataclass(frozen=True)
class File:
    """One file of the system: where, what stands in it ("" = there must be none), who reads it."""

    path: Path
    content: str
    check: Check
    unit: str
    mode: int = 0o600


@dataclass(frozen=True)
class Part:
    """What one name stands for: `trouble` is a sentence when the settings cannot be put in force."""

    files: tuple[File, ...]
    trouble: str = ""


def parts(settings: Settings) -> dict[str, Part]:
    """Every part with its files, from the settings alone."""
    wlan, dhcp, api = settings.one(Wlan), settings.one(Dhcp), settings.one(Api)
    names = File(FOLDER / "dnsmasq.conf", accesspoint.dnsmasq(wlan, dhcp), checkers.dnsmasq, "otppi-dns")
    lends = not dhcp_elsewhere(wlan, dhcp)
    leases = File(
        FOLDER / "dhcpd.conf", accesspoint.dhcpd(dhcp) if lends else "", checkers.dhcpd, "otppi-dhcpd"
    )
    doors = [
        port for port, on in ((api.http_port, api.enable_http), (api.https_port, api.enable_https)) if on
    ]
    smtp = settings.one(LocalSmtp)
    serves = smtp.active and not IPv4Address(smtp.address).is_loopback
    rules = firewall.ruleset(
        settings.items(FirewallRule).values(), doors, local=[smtp.port] if serves else []
    )
    return {
        "wlan": Part(
            (
                File(FOLDER / "wlan.env", accesspoint.environment(wlan), checkers.nobody, "otppi-wlan"),
                File(FOLDER / "hostapd.conf", accesspoint.hostapd(wlan), checkers.hostapd, "otppi-ap"),
                names,
                leases,
            ),
            "" if wlan.password else "the access point has no password: it stays off",
        ),
        "dhcp": Part((leases, names), dhcp_elsewhere(wlan, dhcp)),
        "firewall": Part(
            (
                File(
                    FOLDER / "firewall.nft",
                    rules,
                    checkers.nft,
                    "otppi-firewall",
                ),
            )
        ),
        "time": Part(
            (
                File(
                    Path("run/systemd/timesyncd.conf.d/50-otppi.conf"),
                    timekeeping.timesyncd(settings.one(General)),
                    checkers.nobody,
                    "systemd-timesyncd",
                    0o644,
                ),
            )
        ),
    }


def configure(
    settings: Settings, names: Iterable[str] = (), root: Path = Path("/"), run: Run | None = None
) -> dict[str, str]:
    """Put parts in force (all without names); gives name → "" or why not, also kept in `outcome.json`.

    A file that its reader refuses stays as it was, and so does what runs. Runs take turns.
    """
    run = run or run_command
    every = parts(settings)
    with _alone(root / FOLDER):
        owed = set(_json(root / FOLDER / OWED, list))
        found = {name: _put(every[name], root, run, owed) for name in (list(names) or every)}
        _write(root / FOLDER / OWED, json.dumps(sorted(owed)) + "\n", 0o644)
        outcome = {**read_outcome(root), **found}
        _write(root / FOLDER / OUTCOME, json.dumps(outcome, indent=2) + "\n", 0o644)
    for name, why in found.items():
        log.log(logging.WARNING if why else logging.INFO, "%s: %s", name, why or "in force")
    return found


def read_outcome(root: Path = Path("/")) -> Mapping[str, str]:
    """What the last run said of each part; empty where there was none."""
    return _json(root / FOLDER / OUTCOME, dict)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two saves follow each other closely, and each starts a unit of its own: the second one waits here."""
    _make(folder)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def _json(path: Path, kind: type[T]) -> T:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return kind()
    return found if isinstance(found, kind) else kind()


def _put(part: Part, root: Path, run: Run, owed: set[str]) -> str:
    """owed: units that are still to be restarted, kept up to date here."""
    changed = [file for file in part.files if _content(root / file.path) != file.content]
    for file in changed:
        if file.content and (why := _refusal(file, run)):
            return why
    for file in changed:
        if file.content:
            _write(root / file.path, file.content, file.mode)
        else:
            (root / file.path).unlink(missing_ok=True)
    units = [file.unit for file in part.files if file in changed or file.unit in owed]
    refused = _activate(list(dict.fromkeys(units)), run)
    owed.difference_update(units)
    owed.update(refused)
    return "; ".join(refused.values()) or part.trouble


def _refusal(file: File, run: Run) -> str:
    with tempfile.TemporaryDirectory(prefix="otppi-check-") as folder:
        copy = Path(folder) / file.path.name
        _write(copy, file.content, 0o600)
        return file.check(copy, run)


def _activate(units: Sequence[str], run: Run) -> dict[str, str]:
    """Restart what runs with the old files; during boot nothing does yet, and each starts in its turn.

    Units that could not be restarted, with a sentence each.
    """
    wanted = bool(units) and run(["systemctl", "is-active", "--quiet", ACCESS_POINT])[0] == 0
    refused = {}
    for unit in units:
        radio = unit in ("otppi-wlan", "otppi-ap", "otppi-dhcpd", "otppi-dns")
        verb = "restart" if radio and wanted else "try-reload-or-restart"
        # Nobody waits here: this may run inside a unit that the other one is ordered after.
        status, said = run(["systemctl", "--no-block", verb, f"{unit}.service"])
        if status:
            refused[unit] = f"{unit} could not be restarted: {said}"
    return refused


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    os.chmod(folder, 0o755)  # whatever the umask: another account reads what may be read


def _write(path: Path, content: str, mode: int) -> None:
    _make(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    os.replace(fresh, path)


def run_command(words: Sequence[str], until: str = "") -> tuple[int, str]:
    """Run a program (`checkers.Run`) for 20 s at most; 127 when it is not installed.

    With until, it is the program that must see to its end (timeout(1)).
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    try:
        if until:
            return _run_until(words, until, environment)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False, text=True,
            errors="replace", env=environment,
        )  # fmt: skip
    except FileNotFoundError:
        return 127, f"{words[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, f"{words[0]} did not end within 20 s"
    return done.returncode, (done.stdout + done.stderr).strip()


def _run_until(words: Sequence[str], until: str, environment: Mapping[str, str]) -> tuple[int, str]:
    said = ""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env=environment,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            said += line
            if until in line:
                process.terminate()
                return 0, said.strip()
    return process.returncode, said.strip()
