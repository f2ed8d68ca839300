"""What a reset stick asks for, and doing it: sections go back to what the device came with."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from app.settings.files import locked, parse_json, read_limited, write_whole
from app.settings.problems import SettingsError, Wrong
from app.settings.sections import by_flags
from app.settings.store import SettingsStore
from app.system import trial
from hw.usbstick import Request

#: {"deviceType":"RPi", "baseName":"reset-config.ini"} in base64: the file is meant for this kind of device.
VERIFY = "eyJkZXZpY2VUeXBlIjoiUlBpIiwgImJhc2VOYW1lIjoicmVzZXQtY29uZmlnLmluaSJ9"

FLAGS = frozenset(
    {
        "RESET_DHCP",
        "RESET_WLAN",
        "RESET_ETHERNET",
        "RESET_USER",
        "RESET_API",
        "RESET_API_USER",
        "RESET_BLOCKING",
        "RESET_DDNS",
        "RESET_EMAIL",
        "RESET_SUBSCRIBER_AMQP",
        "RESET_SUBSCRIBER_MQTT",
        "RESET_SUBSCRIBER_REDIS",
        "RESET_SUBSCRIBER_ACTIVEMQ",
        "RESET_SUBSCRIBER_STOMP",
        "RESET_SUBSCRIBER_WS",
        "RESET_FIREWALL",
        "RESET_KEYSTORE",
        "RESET_MODEM",
        "RESET_SMS",
        "RESET_SMTP",
        "RESET_VENDOR_AFRAID",
        "RESET_VENDOR_CLOUDFLARE",
        "RESET_VENDOR_DYNU",
        "RESET_VENDOR_NOIP",
    }
)
#: What the oldest form stands for: the file itself is the whole request.
OLD_FORM = frozenset({"RESET_DHCP", "RESET_WLAN", "RESET_ETHERNET", "RESET_USER"})

HISTORY = "resets.json"
LOCK = ".resets.lock"
KEPT = 50
LINES = 200  # lines of a request that are looked at


@dataclass(frozen=True)
class Order:
    """What a request says. `refused` is a sentence when nothing of it counts; `remarks` tell what was odd."""

    flags: frozenset[str] = frozenset()
    refused: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What came of a request. outcome: done, refused, nothing or known (it had been done before)."""

    outcome: str
    lines: tuple[str, ...]
    sections: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """The report for a person with a Windows computer, who finds it on the stick."""
        return "\r\n".join(["OTP-Pi reset", "", *self.lines]) + "\r\n"


def understand(request: Request, setup_code: str) -> Order:
    """The order in a request of either form; never raises, whatever stands in it."""
    try:
        text = request.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Order(refused="the file is not a text")
    if "\0" in text:
        return Order(refused="the file is not a text")
    if request.place.endswith(".txt"):
        given, wanted = _digits(text), _digits(setup_code)
        if wanted and hmac.compare_digest(given.encode(), wanted.encode()):
            return Order(OLD_FORM)
        return Order(refused="reset.txt does not hold the set-up code that stands on the device's card")
    return parse(text)


def parse(text: str) -> Order:
    """The flags of a reset-config.ini: lines `KEY = true|false`, and VERIFY that must be right."""
    values: dict[str, str] = {}
    remarks: list[str] = []
    lines = text.splitlines()
    for line in lines[:LINES]:
        stripped = line.strip()
        if not stripped or stripped[0] in "#;[":
            continue
        key, equals, value = stripped.partition("=")
        name = key.strip().upper()
        if not equals or not re.fullmatch(r"[A-Z_]{1,40}", name):
            remarks.append("a line that is no KEY = true|false was left out")
        elif name in values and values[name] != value.strip():
            return Order(refused=f"{name} stands twice and says different things")
        else:
            values[name] = value.strip()
    if len(lines) > LINES:
        return Order(refused=f"the file has more than {LINES} lines")
    verify = values.pop("VERIFY", "").strip("\"'")
    if not hmac.compare_digest(verify.encode(), VERIFY.encode()):
        return Order(refused="VERIFY is wrong or missing")
    flags = set()
    for name, value in values.items():
        word = value.strip("\"'").lower()
        if name not in FLAGS:
            remarks.append(f"{name} is not known and was left out")
        elif word == "true":
            flags.add(name)
        elif word != "false":
            remarks.append(f"{name} is neither true nor false and was left alone")
    return Order(frozenset(flags), remarks=tuple(dict.fromkeys(remarks)))


def carry_out(order: Order, store: SettingsStore, home: Path) -> Report:
    """Do what an order says. What cannot be reset is told; the rest is reset all the same."""
    if order.refused:
        return Report("refused", (f"Refused: {order.refused}. Nothing was changed.", *order.remarks))
    if not order.flags:
        return Report("nothing", ("Nothing to do: no flag is true.", *order.remarks))
    sections = by_flags(set(order.flags))
    lines, done = [], []
    for section in sections:
        try:
            changed = store.reset([section])
        except SettingsError as error:
            lines.append(f"{section.about.title}: could not be reset: {error}")
            continue
        done.append(section.about.name)
        lines.append(f"{section.about.title}: " + ("reset" if changed else "was as new already"))
    trial.forget(home, done)
    failed = len(done) < len(sections)
    if done:
        outcome, head = "done", "Done, but not everything:" if failed else "Done:"
    elif failed:
        outcome, head = "refused", "Refused: nothing could be reset."
    else:
        outcome, head = "nothing", "Nothing to do: this version has no such section."
    return Report(outcome, (head, *lines, *order.remarks), tuple(done))


def done_before(request: Request, home: Path) -> bool:
    """Whether this very file was done already: the same place, content and time of its last change."""
    mark = _mark(request)
    return any(entry.get("mark") == mark and entry.get("outcome") == "done" for entry in history(home))


def answer(request: Request, store: SettingsStore, home: Path, setup_code: str, now: float) -> Report:
    """The report on a request, done unless this very file was done before; kept in the history."""
    if done_before(request, home):
        return Report("known", ("Done before: the file has not changed since, so nothing was done now.",))
    report = carry_out(understand(request, setup_code), store, home)
    _remember(home, _mark(request), report, now)
    return report


def refuse(why: str, home: Path, now: float) -> Report:
    """The report on what could not even be read; kept in the history as well."""
    report = Report("refused", (f"Refused: {why}. Nothing was changed.",))
    _remember(home, hashlib.sha256(why.encode()).hexdigest(), report, now)
    return report


def history(home: Path) -> list[dict[str, object]]:
    """What sticks did so far, oldest first: at (Unix seconds), outcome, sections, said. For the audit."""
    try:
        found, _ = parse_json(read_limited(home / HISTORY))
    except (OSError, Wrong):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def untold(home: Path) -> list[dict[str, object]]:
    """What sticks did that nobody was told yet, for the audit; raises OSError, SettingsError."""
    if all("told" in entry for entry in history(home)):
        return []
    with locked(home / LOCK):
        entries = history(home)
        fresh = [entry for entry in entries if "told" not in entry]
        _keep(home, [{**entry, "told": True} for entry in entries])
    return fresh


def _mark(request: Request) -> str:
    return hashlib.sha256(f"{request.place}\n{request.changed}\n".encode() + request.content).hexdigest()


def _remember(home: Path, mark: str, report: Report, now: float) -> None:
    entry = {"at": int(now), "mark": mark, "outcome": report.outcome, "sections": list(report.sections)}
    entry["said"] = list(report.lines)
    # A disk that cannot be written keeps no history, and the report says why nothing was reset.
    with contextlib.suppress(OSError, SettingsError), locked(home / LOCK):
        # One that is refused at every start must not push out what was done by others.
        _keep(home, [*(one for one in history(home) if one.get("mark") != mark), entry])


def _keep(home: Path, entries: list[dict[str, object]]) -> None:
    write_whole(home / HISTORY, json.dumps(entries[-KEPT:], indent=1).encode())


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text, flags=re.ASCII) if len(text) < 100 else ""
