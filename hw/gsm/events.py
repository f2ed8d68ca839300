"""What a modem has to tell unasked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from hw.at.replies import Registration
from hw.gsm.ussd import UssdAnswer


@dataclass(frozen=True)
class MessageArrived:
    """A message lies in a store; index is None when the modem could not store it: look and tidy up."""

    store: str | None
    index: int | None


@dataclass(frozen=True)
class DirectMessage:
    """A message that the modem did not store; pdu: hex with the SMSC field."""

    pdu: str = field(repr=False)


@dataclass(frozen=True)
class ReportArrived:
    """A delivery report; pdu: hex with the SMSC field."""

    pdu: str = field(repr=False)


@dataclass(frozen=True)
class ReportStored:
    """A delivery report lies in a store, where the modem can be asked for it."""

    store: str | None
    index: int | None


@dataclass(frozen=True)
class StoreFull:
    """The message store is full: nothing more arrives until something is deleted."""


@dataclass(frozen=True)
class LateReference:
    """A message was accepted after its sender had given up waiting."""

    reference: int | None


@dataclass(frozen=True)
class RegistrationChanged:
    """The network took the modem in or lost it."""

    registration: Registration


@dataclass(frozen=True)
class UssdArrived:
    """The network said something that nobody waits for."""

    answer: UssdAnswer


@dataclass(frozen=True)
class SimChanged:
    """The SIM's state as in AT+CPIN?, ``NOT READY`` or ``REMOVED`` when it is gone."""

    state: str


@dataclass(frozen=True)
class ModemRestarted:
    """The modem forgot all settings: start() it again before anything else."""


@dataclass(frozen=True)
class PortGone:
    """The port failed; the modem object is of no more use. reason: a sentence."""

    reason: str


Event: TypeAlias = (
    MessageArrived
    | DirectMessage
    | ReportArrived
    | ReportStored
    | StoreFull
    | LateReference
    | RegistrationChanged
    | UssdArrived
    | SimChanged
    | ModemRestarted
    | PortGone
)
