"""Every option of every method, declared once, and the check of `config.ini` and of keyword arguments."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

from .errors import ConfigError
from .ini import Entry, Ini, Problem
from .tls import Tls


def _choice(*allowed: str) -> Any:
    return field(default=allowed[0], metadata={"allowed": allowed})


def _port(plain: int, secure: int) -> Any:
    """0 means the usual port: `plain`, or `secure` with TLS."""
    return field(default=0, metadata={"usual": (plain, secure), "range": (0, 65535)})


@dataclass(frozen=True)
class Section:
    """What every method has."""

    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    verify: bool = True
    cert_file: str = ""
    key_file: str = ""

    @property
    def trust(self) -> Tls:
        return Tls(self.ca_file, self.verify, self.cert_file, self.key_file)


@dataclass(frozen=True)
class Rest(Section):
    """One URL takes every command, because the command in the body decides."""

    url: str = "http://127.0.0.1:8899/api/otp"

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            # Anything else in a path is found out only when the message is on its way.
            valid = valid and re.fullmatch(r"[!-~]*", parts.path + parts.query) is not None
        except ValueError:
            valid = False
        if not valid:
            raise ConfigError(f"url {self.url!r} is not an http:// or https:// address")


@dataclass(frozen=True)
class BrokerSection(Section):
    """What every broker has. `callback_delay` is in milliseconds."""

    host: str = "127.0.0.1"
    port: int = _port(0, 0)
    ssl: bool = False
    topic: str = "sms"
    callback_delay: int = field(default=10, metadata={"range": (0, 60000)})
    client_id: str = "otp-publisher"

    def __post_init__(self) -> None:
        if not self.topic:
            raise ConfigError("topic must not be empty")
        if not self.host:
            raise ConfigError("host must not be empty")

    def address(self) -> tuple[str, int]:
        port = next(f for f in fields(self) if f.name == "port")
        usual: tuple[int, int] = port.metadata["usual"]
        return self.host, self.port or usual[self.ssl]


@dataclass(frozen=True)
class Redis(BrokerSection):
    """`channel` publishes, `list` pushes, `stream` adds; it must be the device's mode."""

    port: int = _port(6379, 6379)
    mode: str = _choice("channel", "list", "stream")
    database: int = field(default=0, metadata={"range": (0, 1_000_000)})


@dataclass(frozen=True)
class Amqp(BrokerSection):
    """`confirm` waits until the broker has the message, `persistent` lets it survive the broker's restart."""

    port: int = _port(5672, 5671)
    vhost: str = "/"
    persistent: bool = False
    confirm: bool = True


@dataclass(frozen=True)
class Mqtt(BrokerSection):
    """`client_id` is the beginning of the id: two connections with one id throw each other out."""

    port: int = _port(1883, 8883)
    protocol: str = _choice("3.1.1", "3.1", "5")
    qos: int = field(default=1, metadata={"range": (0, 2)})


@dataclass(frozen=True)
class Stomp(BrokerSection):
    """`topic` is the destination, with the prefix the broker wants: `/queue/sms`, `/topic/sms`."""

    port: int = _port(61613, 61614)
    vhost: str = "/"
    persistent: bool = False


@dataclass(frozen=True)
class Ws(BrokerSection):
    """A query in `path` is kept; `topic_parameter` is `topic` or `channel`."""

    port: int = _port(8000, 8000)
    path: str = "/ws"
    topic_parameter: str = _choice("topic", "channel")


@dataclass(frozen=True)
class General:
    """`manage_otp` and what belongs to it. `cache_max_age` is in seconds."""

    method: str = "REST"
    username: str = ""
    password: str = field(default="", repr=False)
    manage_otp: bool = False
    cache_max_age: int = field(default=300, metadata={"range": (1, 31_536_000)})
    cache_dir: str = ""
    secret_file: str = ""
    country_code: str = "62"
    otp_digits: int = field(default=6, metadata={"range": (4, 10)})
    otp_tries: int = field(default=5, metadata={"range": (1, 100)})


METHODS: dict[str, type[Section]] = {
    "REST": Rest,
    "REDIS": Redis,
    "AMQP": Amqp,
    "MQTT": Mqtt,
    "STOMP": Stomp,
    "WS": Ws,
}

Options = TypeVar("Options", bound=Section | General)


def from_keywords(kind: type[Options], values: Mapping[str, object]) -> Options:
    """Options of one section from keyword arguments; anything wrong raises ConfigError."""
    known = {f.name for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ConfigError(
                f"{kind.__name__.upper()} has no option {name!r}; it has {', '.join(sorted(known))}"
            )
    checked: dict[str, Any] = {name: _read(kind, name, value) for name, value in values.items()}
    return kind(**checked)


def changed(options: Options, values: Mapping[str, object]) -> Options:
    """The same options but for these; anything wrong raises ConfigError."""
    present = {f.name: getattr(options, f.name) for f in fields(options)}
    return from_keywords(type(options), {**present, **values})


def from_ini(ini: Ini) -> tuple[General, Section, tuple[Problem, ...]]:
    """General part, section of the method in use, and every bad line: each leaves its default in place."""
    problems = list(ini.problems)
    general = _section(General, "GENERAL", ini, problems)
    method = general.method.upper()
    if method not in METHODS:
        line = ini.sections["GENERAL"]["method"].line
        raise ConfigError(f"line {line}: method {general.method!r} is none of {', '.join(METHODS)}")
    given = {
        key: entry for key, entry in ini.sections.get(method, {}).items() if key in ("username", "password")
    }
    section = _section(METHODS[method], method, ini, problems)
    if method in ("REST", "WS") and not given:
        # Only these two need a login always; the other brokers may be anonymous on purpose.
        section = changed(section, {"username": general.username, "password": general.password})
    return general, section, tuple(sorted(problems, key=lambda problem: problem.line))


def _section(kind: type[Options], name: str, ini: Ini, problems: list[Problem]) -> Options:
    entries: Mapping[str, Entry] = ini.sections.get(name, {})
    known = {f.name for f in fields(kind)}
    values: dict[str, Any] = {}
    for key, entry in entries.items():
        if key not in known:
            problems.append(Problem(entry.line, f"[{name}] has no option {key!r}"))
            continue
        try:
            values[key] = _read(kind, key, entry.value)
        except ConfigError as error:
            problems.append(Problem(entry.line, f"[{name}] {error}"))
    return kind(**values)


def _read(kind: type[Options], name: str, value: object) -> object:
    option = next(f for f in fields(kind) if f.name == name)
    wanted = get_type_hints(kind)[name]
    if wanted is bool:
        return _bool(name, value)
    if wanted is int:
        low, high = option.metadata.get("range", (0, 2**31))
        return _int(name, value, low, high, option.default)
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be text, not {type(value).__name__}")
    # A password keeps its blanks where it was quoted; everything else is trimmed like the wire.
    text = value if name == "password" else value.strip()
    allowed = option.metadata.get("allowed")
    if allowed and text not in allowed:
        raise ConfigError(f"{name} is one of {', '.join(allowed)}, not {text!r}")
    return text


def _bool(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "on": True, "yes": True, "": False, "0": False, "false": False}
    words |= {"off": False, "no": False, "none": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise ConfigError(f"{name} is true or false, not {value!r}") from None


def _int(name: str, value: object, low: int, high: int, default: object) -> int:
    if value == "" and default is not MISSING:
        assert isinstance(default, int)
        return default
    try:
        number = int(str(value).strip()) if not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise ConfigError(f"{name} is a whole number from {low} to {high}, not {value!r}")
    return number
