"""Writes what a network sends, for simulated modems: DELIVER and STATUS-REPORT (3GPP TS 23.040 §9.2.2)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hw.gsm.address import ALPHANUMERIC, Address, encode_address, encode_smsc, recipient
from hw.gsm.dcs import GSM7, UCS2
from hw.gsm.segment import National, header_of, lay_out
from hw.gsm.submit import UDHI, user_data
from hw.gsm.timestamp import encode_time

_MTI_DELIVER: Final = 0x00
_MTI_STATUS_REPORT: Final = 0x02
_NO_MORE: Final = 0x04  # TP-MMS: no more messages wait in the service centre


def sender(name: str) -> Address:
    """A number, or a name of up to 11 characters of the default alphabet."""
    return recipient(name) if name.lstrip("+").isdecimal() else Address(name, ALPHANUMERIC)


def encode_deliver(
    source: str,
    text: str,
    time: datetime,
    *,
    reference: int = 0,
    wide_reference: bool = False,
    smsc: str | None = None,
    national: National = False,
) -> list[str]:
    """The parts of a message from a number or a name, in hex with the SMSC field.

    time: when the service centre took it, with its zone. Raises PduError as ``encode_submit`` does.
    """
    layout = lay_out(text, wide_reference=wide_reference, national=national)
    centre = encode_smsc(recipient(smsc) if smsc else None)
    dcs = GSM7 if layout.alphabet == "gsm7" else UCS2
    middle = encode_address(sender(source)) + bytes((0, dcs)) + encode_time(time)
    pdus = []
    for seq, part in enumerate(layout.parts, start=1):
        header = header_of(layout.tables, reference, len(layout.parts), seq, wide=wide_reference)
        first_octet = _MTI_DELIVER | _NO_MORE | (UDHI if header else 0)
        pdus.append((centre + bytes((first_octet,)) + middle + user_data(layout, part, header)).hex().upper())
    return pdus


def encode_status_report(
    number: str,
    message_reference: int,
    taken: datetime,
    discharge: datetime,
    *,
    status: int = 0,
    smsc: str | None = None,
) -> str:
    """A report on one part: TP-ST 0 is delivered, 0x20 to 0x3F still trying, from 0x40 on failed."""
    return (
        (
            encode_smsc(recipient(smsc) if smsc else None)
            + bytes((_MTI_STATUS_REPORT | _NO_MORE, message_reference & 0xFF))
            + encode_address(recipient(number))
            + encode_time(taken)
            + encode_time(discharge)
            + bytes((status,))
        )
        .hex()
        .upper()
    )
