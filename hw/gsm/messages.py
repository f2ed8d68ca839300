"""What a PDU says, read: SMS-DELIVER, SMS-STATUS-REPORT, SMS-SUBMIT and the user data they carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from hw.gsm.address import Address
from hw.gsm.charset import Alphabet, Tables
from hw.gsm.dcs import MessageWaiting
from hw.gsm.timestamp import Validity
from hw.gsm.udh import Concat, Elements, Ports

Outcome = Literal["delivered", "pending", "failed"]


@dataclass(frozen=True, slots=True)
class Content:
    """The user data of one part, as far as it could be read; its repr leaves the text out, for logs."""

    alphabet: Alphabet
    message_class: int | None
    mwi: MessageWaiting | None
    udl: int
    """TP-UDL as received: septets or octets, header included."""
    elements: Elements = field(repr=False)
    """The elements of the header, unknown ones too."""
    concat: Concat | None
    """As received; look at ``concat.valid`` or use ``Content.part_of``."""
    ports: Ports | None
    tables: Tables
    """National locking and single shift table in force."""
    units: bytes = field(repr=False)
    """What the text is made of: septets one a byte (gsm7), else octets. Parts are joined at this level."""
    text: str | None = field(repr=False)
    """None for 8-bit data and for what cannot be read (compressed, header beyond the data)."""
    truncated: bool
    """There is less data than TP-UDL announces."""
    extra: int
    """Octets behind the user data."""

    @property
    def data(self) -> bytes | None:
        """The octets of 8-bit data; None for text."""
        return self.units if self.alphabet == "8bit" else None

    @property
    def part_of(self) -> Concat | None:
        """The concatenation element where it is meaningful; otherwise the part is a message of its own."""
        return self.concat if self.concat is not None and self.concat.valid else None


@dataclass(frozen=True, slots=True)
class _Read:
    """Common to all: where it came from and what could not be understood."""

    raw: str = field(repr=False)
    """The PDU as received, in upper case."""
    smsc: str | None
    """The service centre's number; None when the PDU names none."""
    tpdu_length: int
    """Octets without the SMSC field, as in ``+CMT: ,n``."""
    first_octet: int
    problems: tuple[str, ...]
    """What was not understood, in sentences free of contents; keep ``raw`` beside a message that has any."""
    address: Address
    """TP-OA, TP-RA or TP-DA."""


@dataclass(frozen=True, slots=True)
class Deliver(_Read):
    """A message that came in."""

    more_to_send: bool
    pid: int
    dcs: int
    scts: datetime | None
    """When the service centre took it, in the centre's zone; None when the network wrote nonsense."""
    content: Content

    @property
    def text(self) -> str | None:
        """The text of this part; None for data."""
        return self.content.text


@dataclass(frozen=True, slots=True)
class StatusReport(_Read):
    """What became of a message that was sent."""

    more_to_send: bool
    message_reference: int
    """TP-MR of the message in question, as ``+CMGS`` returned it."""
    scts: datetime | None
    discharge: datetime | None
    """When the outcome was known; for a pending message when it was last tried."""
    status: int
    pid: int | None
    dcs: int | None
    content: Content | None

    @property
    def outcome(self) -> Outcome:
        """TP-ST by its ranges (3GPP TS 23.040 §9.2.3.15); reserved values count as failed."""
        if self.status < 0x20:
            return "delivered"
        return "pending" if self.status < 0x40 else "failed"


@dataclass(frozen=True, slots=True)
class Submit(_Read):
    """A message as a modem is asked to send it, or as it stores it."""

    message_reference: int
    report_requested: bool
    reject_duplicates: bool
    pid: int
    dcs: int
    validity: Validity | None
    content: Content

    @property
    def text(self) -> str | None:
        """The text of this part; None for data."""
        return self.content.text


Message: TypeAlias = Deliver | StatusReport | Submit
