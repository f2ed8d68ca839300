"""What the pages may ask of the rest of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.clock import Clock
from app.core.events import Events
from app.core.gateway import Gateway
from app.core.routing import Lane
from app.settings.store import SettingsStore
from app.store.audit import Audit
from app.store.book import LedgerBook
from app.store.history import History
from app.web.admin.appliance import Machine, Names
from app.web.admin.exchange import Exchange
from app.web.admin.logring import LogRing
from app.web.admin.news import News
from app.web.admin.setup import SetupCode


class Modems(Protocol):
    """The modems as pages see them; failures are GatewayErrors with a sentence."""

    def cards(self) -> Sequence[Mapping[str, Any]]: ...
    def ports(self) -> Sequence[tuple[str, str]]: ...
    def detect(self, port: str) -> Mapping[str, str]: ...
    def test(self, item: str) -> Mapping[str, str]: ...
    def measure(self, text: str) -> Mapping[str, Any]: ...
    def connect(self, item: str) -> None: ...
    def disconnect(self, item: str) -> None: ...
    def services(self) -> Mapping[str, bool | None]: ...
    def switch(self, kind: str, on: bool) -> None: ...


@dataclass(frozen=True)
class Told:
    """What came of a button: whether it worked, a sentence, and the lines of a conversation, if any."""

    worked: bool
    sentence: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Action:
    """A button on a section's page, such as a broker's *Test*.

    run(item, form) does it, in seconds rather than minutes, and gives what to show; a GatewayError is
    shown as such. item: the collection's item, or "". asks: the label of one text it wants, which comes as
    ``form["asked"]``; choices: the texts it may be, each with its label.
    """

    name: str
    label: str
    run: Callable[[str, Mapping[str, str]], Told]
    asks: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """How a section is doing, told on its page. kind: good, calm, note or bad; about: an item, or a part."""

    kind: str
    sentence: str
    about: str = ""


@dataclass(frozen=True)
class Service:
    """How a service is doing, by the name of its switch (``api.enable_http``): state is a word."""

    state: str
    why: str = ""


@dataclass(frozen=True)
class Card:
    """A card on Home: a title, a word of state, a sentence, and where it leads."""

    title: str
    state: str
    text: str
    link: str


@dataclass(frozen=True)
class House:
    """actions: section name → its buttons; notes: section name → how it is doing now.

    cards: what Home shows besides its own; machine: the device around the gateway; names: its own in DNS.

    services(): switch → how it is doing; figures(): the machine now; restart(): soon, after the answer.
    """

    version: str
    store: SettingsStore
    gateway: Gateway
    modems: Modems
    lanes: Callable[[], Sequence[Lane]]
    clock: Clock
    events: Events
    audit: Audit
    history: History
    book: LedgerBook
    log: LogRing
    setup: SetupCode
    figures: Callable[[], Mapping[str, float]]
    services: Callable[[], Mapping[str, Service]]
    restart: Callable[[], None]
    machine: Machine
    names: Names
    exchange: Exchange
    news: News
    actions: Mapping[str, Sequence[Action]] = field(default_factory=dict)
    notes: Mapping[str, Callable[[], Sequence[Note]]] = field(default_factory=dict)
    cards: Sequence[Callable[[], Card]] = ()
