"""What the pages may ask of the modems' side: inbox, forwarding, arrivals, tools, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from app.core.replies import Reply
from app.store.forward import SqliteForward
from app.store.inbox import SqliteInbox


class Offer(Protocol):
    """A modem that no settings know; fields as the form of a modem has them."""

    @property
    def port(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, str | int]: ...


class Notice(Protocol):
    """A stick that can carry nothing as it is: what it is, and what to do."""

    @property
    def socket(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def advice(self) -> str: ...


class Inspector(Protocol):
    def offers(self) -> Sequence[Offer]: ...
    def notices(self) -> Sequence[Notice]: ...


class Forwarder(Protocol):
    """Both give how many ways a message, or all that was given up, goes again."""

    def replay(self, message: int) -> int: ...
    def replay_failed(self) -> int: ...


class Flight(Protocol):
    """A canary's message. seconds: how long it took, None while it is on its way."""

    @property
    def sender(self) -> str: ...
    @property
    def receiver(self) -> str: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def lost(self) -> bool: ...


class Canary(Protocol):
    @property
    def plan(self) -> Any:
        """active: whether it flies at all."""
        ...

    @property
    def left_today(self) -> int: ...
    def state(self) -> Sequence[Flight]: ...


class Balances(Protocol):
    def state(self) -> Sequence[Any]:
        """Checks with what the network last said: check, amount, said, at, up, low."""
        ...

    def ask(self, modem: str, code: str) -> None: ...


class Lock(Protocol):
    """How a SIM card is locked. asks_pin: at power-up; tries: left, where the modem tells."""

    @property
    def state(self) -> str: ...
    @property
    def asks_pin(self) -> bool | None: ...
    @property
    def tries(self) -> int | None: ...


Note = Callable[[str, str], None]


class Tools(Protocol):
    """Each waits for the modem and raises GatewayError; what was done goes to ``note(what, detail)``."""

    warning: str

    def sim(self, modem: str) -> Lock: ...
    def lock_sim(self, modem: str, on: bool, pin: str, note: Note) -> None: ...
    def change_pin(self, modem: str, old: str, new: str, note: Note) -> None: ...
    def write_imei(
        self, modem: str, number: str, typed: str, password_is_right: bool, note: Note
    ) -> None: ...


class Metrics(Protocol):
    def render(self) -> bytes: ...


class Exchange(Protocol):
    """The modems' side of the house."""

    @property
    def messages(self) -> SqliteInbox: ...
    @property
    def outbox(self) -> SqliteForward: ...
    @property
    def forwarder(self) -> Forwarder: ...
    @property
    def inspector(self) -> Inspector: ...
    @property
    def canary(self) -> Canary: ...
    @property
    def balances(self) -> Balances: ...
    @property
    def tools(self) -> Tools: ...
    @property
    def metrics(self) -> Metrics: ...

    def reply(self, number: int, text: str, user: str, via: str | None = None) -> Reply: ...
