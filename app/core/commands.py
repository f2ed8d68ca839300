"""What a caller may ask of the gateway: one frozen record a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Params = tuple[str, str, str, str]  # param1..4, empty where absent


@dataclass(frozen=True, slots=True)
class Source:
    """Through which door a command came, and on whose account.

    door: ``"rest"``, ``"amqp"``, …, ``"admin"``; user: the API user, or empty where the door knows none.
    redelivered: a broker says it may have given us this message before.
    delivery: the broker's own name of the message, where it has one that it keeps when it gives it again.
    callback: the topic, on the same broker, where answers and later delivery reports go; empty for nowhere.
    """

    door: str
    user: str = ""
    redelivered: bool = False
    delivery: str = ""
    callback: str = ""

    @property
    def owner(self) -> str:
        """Whose messages these are when somebody asks for their status."""
        return f"{self.door}:{self.user}"


@dataclass(frozen=True, slots=True)
class RequestOtp:
    name: str
    reference: str
    receiver: str
    message: str = field(repr=False)
    subject: str = ""
    expiration: float | None = None
    date_time: float | None = None
    params: Params = field(default=("", "", "", ""), repr=False)
    id: str = ""
    report: bool = False
    echo: Mapping[str, Any] = field(default_factory=dict, repr=False)  # fields given back as they came


@dataclass(frozen=True, slots=True)
class VerifyOtp:
    name: str
    reference: str
    receiver: str
    otp: str = field(repr=False)
    params: Params = field(default=("", "", "", ""), repr=False)
    date_time: float | None = None
    echo: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SendSms:
    """via: the one modem that may carry it, by its id; empty leaves the choice to the routes."""

    name: str
    receiver: str
    message: str = field(repr=False)
    id: str = ""
    expiration: float | None = None
    date_time: float | None = None
    report: bool = False
    via: str = ""


@dataclass(frozen=True, slots=True)
class SendEmail:
    name: str
    receiver: str
    message: str = field(repr=False)
    subject: str = ""
    id: str = ""
    expiration: float | None = None
    date_time: float | None = None


@dataclass(frozen=True, slots=True)
class BlockMsisdn:
    name: str
    receiver: str


@dataclass(frozen=True, slots=True)
class UnblockMsisdn:
    name: str
    receiver: str


@dataclass(frozen=True, slots=True)
class GetModemList:
    name: str
    date_time: float | None = None


@dataclass(frozen=True, slots=True)
class RequestUssd:
    name: str
    modem_id: str
    ussd_code: str


@dataclass(frozen=True, slots=True)
class AnswerUssd:
    """An answer to a menu: only while the last answer of that modem was replyable."""

    name: str
    modem_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CancelUssd:
    """End a modem's USSD session; fine if there is none."""

    name: str
    modem_id: str


@dataclass(frozen=True, slots=True)
class Echo:
    name: str
    request: Mapping[str, Any] = field(repr=False)


Command = (
    RequestOtp
    | VerifyOtp
    | SendSms
    | SendEmail
    | BlockMsisdn
    | UnblockMsisdn
    | GetModemList
    | RequestUssd
    | AnswerUssd
    | CancelUssd
    | Echo
)
