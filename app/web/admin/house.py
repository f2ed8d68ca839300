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
from app.web.admin.logring import LogRing
from app.web.admin.setup import SetupCode


class Modems(Protocol):
    """The modems as pages see them; failures are GatewayErrors with a sentence."""

    def cards(self) -> Sequence[Mapping[str, Any]]: ...
    def ports(self) -> Sequence[tuple[str, str]]: ...
    def detect(self, port: str) -> Mapping[str, str]: ...
    def test(self, item: str) -> Mapping[str, str]: ...
    def measure(self, text: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Action:
    """A button on a section's page, such as a broker's *Test*.

    run(item, form) does it, in seconds rather than minutes, and gives the sentence to show; a GatewayError is
    shown as such. item: the collection's item, or "". asks: the label of one text it wants, which comes as
    ``form["asked"]``.
    """

    name: str
    label: str
    run: Callable[[str, Mapping[str, str]], str]
    asks: str = ""


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
    """actions: section name → its buttons; cards: what Home shows besides its own.

    services(): switch → how it is doing; figures(): the machine now; restart(): soon, after the answer.
    """

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
    actions: Mapping[str, Sequence[Action]] = field(default_factory=dict)
    cards: Sequence[Callable[[], Card]] = ()
