"""Takes over the configuration of the earlier Java system: its JSON files become sections."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import files
from app.settings import javafields as java
from app.settings.problems import Problem, Wrong
from app.settings.section import Section, check, item_id
from app.settings.sections import by_name
from app.settings.snapshot import Value

Raw = Mapping[str, Any]


@dataclass
class Import:
    """What would be taken over. remarks: sentences about what is not, or needs a hand."""

    values: dict[type[Section], Value] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def read(folder: Path) -> Import:
    """Everything that is found below a folder of the earlier system, wherever in it the files lie.

    Only reads; nothing is in force before `values` are given to the store. Raises OSError when the folder
    cannot be read.
    """
    found = Import()
    known = {name: path for path in sorted(folder.rglob("*.json")) for name in [_key(path)]}
    for name, take in FILES.items():
        if name in known:
            raw = _parsed(known[name], found)
            if raw is not None:
                take(raw, found, known[name])
    if not known:
        raise FileNotFoundError(2, "there is no configuration of the Java system", str(folder))
    return found


def _key(path: Path) -> str:
    """API users and administrators have files of one name in two folders."""
    return f"{path.parent.name}/{path.name}" if path.name == "urses.json" else path.name


def _parsed(path: Path, found: Import) -> Any:
    try:
        return files.parse_json(files.read_limited(path))[0]
    except (OSError, Wrong) as error:
        found.remarks.append(f"{path.name} was left out: it {error}")
        return None


# -- file by file -----------------------------------------------------------------------------------------

Take = Callable[[Any, Import, Path], None]


def _fields(raw: Raw, fields: java.Fields, found: Import, place: str) -> dict[str, Any]:
    made = {}
    for theirs, (ours, convert) in fields.items():
        if theirs not in raw:
            continue
        try:
            value = convert(raw[theirs])
        except (TypeError, ValueError, KeyError, OverflowError):
            found.remarks.append(f"{place}: {theirs} cannot be understood and was left out")
            continue
        if value is not None:
            made[ours] = value
    return made


def _put(found: Import, section: str, raw: dict[str, Any]) -> None:
    """One section, without the fields that are wrong; each of those is told."""
    kind = by_name(section)
    if kind is None:
        found.remarks.append(f"{section} is not taken over: this version has no such section")
        return
    value = _sound(kind, raw, "", found)
    if value is not None:
        found.values[kind] = value


def _put_items(found: Import, section: str, items: Iterable[tuple[str, dict[str, Any]]]) -> None:
    kind = by_name(section)
    if kind is None:
        found.remarks.append(f"{section} is not taken over: this version has no such section")
        return
    made: dict[str, Section] = {}
    for name, raw in items:
        item = item_id(name, made)
        value = _sound(kind, raw, item, found)
        if value is not None:
            made[item] = value
    if made:
        found.values[kind] = made


def _sound(kind: type[Section], raw: dict[str, Any], item: str, found: Import) -> Section | None:
    """The checked value; wrong fields are dropped until the rest stands, or nothing does."""
    while True:
        checked = check(kind, raw, item)
        if checked.value is not None:
            return checked.value
        bad: list[Problem] = [problem for problem in checked.problems if problem.field in raw]
        found.remarks += [f"{problem}; it was left out" for problem in bad or checked.problems]
        if not bad:
            return None
        for problem in bad:
            raw.pop(problem.field, None)


def _single(section: str, fields: java.Fields) -> Take:
    def take(raw: Any, found: Import, path: Path) -> None:
        if isinstance(raw, dict):
            _put(found, section, _fields(raw, fields, found, path.name))

    return take


def _take_general(raw: Any, found: Import, path: Path) -> None:
    if isinstance(raw, dict):
        made = _fields(raw, java.GENERAL, found, path.name)
        made |= java.timetable("restart_service")(raw.get("restartService", ""))
        made |= java.timetable("restart_device")(raw.get("restartDevice", ""))
        if made.get("inspect_modem_connection") not in (None, 2, 5, 10, 30):
            made["inspect_modem_connection"] = 5
        _put(found, "general", made)


def _take_users(section: str) -> Take:
    def take(raw: Any, found: Import, path: Path) -> None:
        users = [user for user in raw.values() if isinstance(user, dict)] if isinstance(raw, dict) else []
        made = []
        for user in users:
            fields = _fields(user, java.USER, found, path.name)
            if section == "users":
                fields["name"] = user.get("name") or user.get("username", "")
            made.append((str(user.get("username", "user")), fields))
        _put_items(found, section, made)
        if users:
            found.remarks.append(
                f"{section}: the old passwords cannot be carried over (their hashes are not salted); each of "
                f"the {len(users)} must be given a new one"
            )

    return take


def _items(section: str, fields: java.Fields, name: str) -> Take:
    """A list of items, or an object of them; `name` is their field that names one."""

    def take(raw: Any, found: Import, path: Path) -> None:
        entries = list(raw.values()) if isinstance(raw, dict) else raw if isinstance(raw, list) else []
        made = []
        for entry in entries:
            if isinstance(entry, dict):
                one = _fields(entry, fields, found, path.name)
                label = str(entry.get(name) or "item")
                one.setdefault("name", label[:63])
                made.append((label, one))
        _put_items(found, section, _told_apart(made))

    return take


def _told_apart(items: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Two items of one name there need two names here."""
    seen: dict[str, int] = {}
    for _, one in items:
        name = str(one["name"])
        seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
        if seen[name.casefold()] > 1:
            one["name"] = f"{name[:58]} {seen[name.casefold()]}"
    return items


def _take_blocking(raw: Any, found: Import, path: Path) -> None:
    numbers = raw if isinstance(raw, dict) else {}
    _put_items(
        found,
        "blocking",
        (
            (str(number), {"number": str(number), "state": "blocked" if blocked else "whitened"})
            for number, blocked in numbers.items()
        ),
    )


def _take_ethernet(raw: Any, found: Import, path: Path) -> None:
    if isinstance(raw, dict):
        made = _fields(raw, java.ETHERNET, found, path.name)
        made["method"] = "fixed" if made.get("ip_address") else "automatic"
        _put(found, "ethernet", made)


def _take_firewall(raw: Any, found: Import, path: Path) -> None:
    made = []
    for entry in raw if isinstance(raw, list) else []:
        if isinstance(entry, dict):
            one = _fields(entry, java.FIREWALL, found, path.name)
            one["name"] = f"{one.get('port', '?')}-{one.get('protocol', 'tcp')}"
            one["state"] = "open" if entry.get("active", True) else "closed"
            made.append((one["name"], one))
    _put_items(found, "firewall", made)


def _take_keystores(raw: Any, found: Import, path: Path) -> None:
    """Their list names files that lie beside it."""
    made = []
    for entry in raw.values() if isinstance(raw, dict) else []:
        if not isinstance(entry, dict):
            continue
        name = Path(str(entry.get("fileName") or "keystore")).name
        places = [path.parent / f"{entry.get('id')}.{entry.get('fileExtension')}", path.parent / name]
        place = next((one for one in places if one.is_file()), None)
        if place is None:
            found.remarks.append(f"the certificate file {name} is missing and was left out")
            continue
        content = base64.b64encode(files.read_limited(place)).decode()
        made.append(
            (
                name,
                {
                    "name": name,
                    "certificate": content,
                    "password": str(entry.get("filePassword") or ""),
                    "active": bool(entry.get("active")),
                },
            )
        )
    _put_items(found, "keystore", made)


FILES: Mapping[str, Take] = {
    "general-config.json": _take_general,
    "services.json": _single("api", java.API),
    "api/urses.json": _take_users("api_users"),
    "user/urses.json": _take_users("users"),
    "blocking.json": _take_blocking,
    "sms.json": _single("sms", java.SMS),
    "devices.json": _items("modems", java.MODEM, "name"),
    "sender-account.json": _items("email", java.EMAIL, "name"),
    "smtp.json": _single("smtp", java.SMTP),
    "bell-config.json": _single("bell", java.BELL),
    "dhcpd.json": _single("dhcp", java.DHCP),
    "wlan.json": _single("wlan", java.WLAN),
    "ethernet.json": _take_ethernet,
    "firewall.json": _take_firewall,
    "keystores.json": _take_keystores,
    "ddns.json": _items("ddns", java.DDNS, "recordName"),
    "cloudflare.json": _single("vendor_cloudflare", java.CLOUDFLARE),
    "noip.json": _single("vendor_noip", java.NIC),
    "dynu.json": _single("vendor_dynu", java.DYNU),
    "afraid.json": _single("vendor_afraid", java.NIC),
    "subscriber-ws.json": _single("subscriber_ws", java.subscriber("Ws", Path=("path", java.same))),
    "subscriber-amqp.json": _single(
        "subscriber_amqp",
        java.subscriber(
            "Amqp",
            Path=("virtual_host", java.same),
            Version=("version", lambda value: "1.0" if value == 1 else "0.9.1"),
        ),
    ),
    "subscriber-mqtt.json": _single(
        "subscriber_mqtt", java.subscriber("Mqtt", ClientID=("client_id", java.same), Qos=("qos", java.same))
    ),
    "subscriber-redis.json": _single(
        "subscriber_redis", java.subscriber("Redis", Database=("database", java.same))
    ),
    "subscriber-activemq.json": _single(
        "subscriber_activemq",
        java.subscriber(
            "ActiveMQ", ClientID=("client_id", java.same), TimeToLeave=("time_to_live", java.seconds)
        ),
    ),
    "subscriber-stomp.json": _single(
        "subscriber_stomp", java.subscriber("Stomp", Path=("virtual_host", java.same))
    ),
}
