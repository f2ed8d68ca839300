"""Writes SMS-SUBMIT: the PDUs that ``AT+CMGS`` takes, one for each part (3GPP TS 23.040 §9.2.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from hw.gsm.address import encode_address, encode_smsc, recipient
from hw.gsm.charset import Tables
from hw.gsm.dcs import FLASH, GSM7, UCS2
from hw.gsm.packing import pack
from hw.gsm.segment import Layout, National, header_of, lay_out
from hw.gsm.timestamp import relative_octet

_MTI_SUBMIT: Final = 0x01
_VPF_RELATIVE: Final = 0x10
_SRR: Final = 0x20
UDHI: Final = 0x40


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """One part, ready for the modem."""

    hex: str = field(repr=False)  # it holds the text
    """Upper case, with the SMSC field: what is written after the prompt."""
    tpdu_length: int
    """Octets without the SMSC field: n of ``AT+CMGS=n``."""
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class PartCount:
    """How a text will be sent, for previews."""

    alphabet: Literal["gsm7", "ucs2"]
    parts: int
    units: int
    """Septets or UTF-16 code units of the whole text, without headers."""
    used: int
    """Of these, in the last part."""
    left: int
    """How many more fit into the last part."""
    tables: Tables
    """National locking and single shift table; (0, 0) is the default."""


def encode_submit(
    number: str,
    text: str,
    *,
    reference: int | Callable[[], int] = 0,
    wide_reference: bool = False,
    validity: float | None = None,
    report: bool = False,
    flash: bool = False,
    smsc: str | None = None,
    national: National = False,
    message_reference: int = 0,
) -> list[SubmitPdu]:
    """Write a text to a number as one or more parts, in order.

    reference: ties the parts together; from a counter per receiver, modulo 256 (65,536 when
    ``wide_reference``); a function is asked only for a text of more than one part.
    validity: seconds left, rounded up to the grid of TP-VP (5 minutes to 63 weeks); None leaves it to the
    network.
    report: ask for a status report of every part. flash: show at once, do not store (class 0).
    smsc: the service centre's number; None means the SIM's.
    national: False, True (the cheapest pair of national tables) or a (locking, single shift) pair.
    message_reference: TP-MR; most modems write their own.

    Raises PduError: not a number (names cannot be written to), half a surrogate pair, more than 255 parts.
    """
    destination = encode_address(recipient(number))
    centre = encode_smsc(recipient(smsc) if smsc else None)
    layout = lay_out(text, wide_reference=wide_reference, national=national)
    first_octet = _MTI_SUBMIT | (_SRR if report else 0) | (0 if validity is None else _VPF_RELATIVE)
    dcs = (GSM7 if layout.alphabet == "gsm7" else UCS2) | (FLASH if flash else 0)
    middle = destination + bytes((0, dcs)) + (b"" if validity is None else bytes((relative_octet(validity),)))
    total = len(layout.parts)
    if callable(reference):
        reference = reference() if total > 1 else 0
    pdus = []
    for seq, part in enumerate(layout.parts, start=1):
        header = header_of(layout.tables, reference, total, seq, wide=wide_reference)
        start = bytes((first_octet | (UDHI if header else 0), message_reference & 0xFF))
        tpdu = start + middle + user_data(layout, part, header)
        pdus.append(SubmitPdu((centre + tpdu).hex().upper(), len(tpdu), seq, total))
    return pdus


def user_data(layout: Layout, part: bytes, header: bytes) -> bytes:
    """TP-UDL and TP-UD of one part: the length counts septets, or octets, and includes the header."""
    if layout.alphabet == "ucs2":
        return bytes((len(header) + len(part),)) + header + part
    fill = -8 * len(header) % 7
    header_septets = (8 * len(header) + fill) // 7
    return bytes((header_septets + len(part),)) + header + pack(part, fill)


def measure(text: str, *, wide_reference: bool = False, national: National = False) -> PartCount:
    """What ``encode_submit`` would make of a text, without a recipient; raises PduError as it does."""
    layout = lay_out(text, wide_reference=wide_reference, national=national)
    units = [layout.units(part) for part in layout.parts]
    return PartCount(
        layout.alphabet, len(units), sum(units), units[-1], layout.capacity - units[-1], layout.tables
    )
