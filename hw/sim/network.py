"""The network's side of a simulated modem: it writes SMS-DELIVER and SMS-STATUS-REPORT."""

from __future__ import annotations

from datetime import datetime

from hw.gsm.address import ALPHANUMERIC, INTERNATIONAL, UNKNOWN, Address, encode_address, encode_smsc
from hw.gsm.segment import header_of, lay_out
from hw.gsm.submit import user_data
from hw.gsm.timestamp import encode_time

_DELIVER, _STATUS_REPORT = 0x00, 0x02
_NO_MORE_MESSAGES, _HAS_HEADER = 0x04, 0x40


def address_of(sender: str) -> Address:
    """A sender as the network writes it: international, short code, or a name."""
    if sender.startswith("+"):
        return Address(sender, INTERNATIONAL)
    return Address(sender, UNKNOWN if sender.isdigit() else ALPHANUMERIC)


def deliver_pdus(sender: str, text: str, sent: datetime, *, smsc: str, reference: int = 0) -> list[str]:
    """A text as the PDUs a modem gets for it, hex with the SMSC field (23.040 §9.2.2.1).

    sent: the service centre's time, with its zone.
    """
    layout = lay_out(text)
    total = len(layout.parts)
    found = []
    for seq, part in enumerate(layout.parts, start=1):
        header = header_of(layout.tables, reference, total, seq, wide=False)
        first = _DELIVER | _NO_MORE_MESSAGES | (_HAS_HEADER if header else 0)
        dcs = 0x00 if layout.alphabet == "gsm7" else 0x08
        tpdu = bytes((first,)) + encode_address(address_of(sender)) + bytes((0, dcs)) + encode_time(sent)
        tpdu += user_data(layout, part, header)
        found.append((encode_smsc(address_of(smsc)) + tpdu).hex().upper())
    return found


def report_pdu(
    receiver: str, reference: int, sent: datetime, done: datetime, *, smsc: str, status: int
) -> str:
    """What became of a message, hex with the SMSC field (23.040 §9.2.2.3). status: TP-ST, 0 is delivered."""
    tpdu = bytes((_STATUS_REPORT | _NO_MORE_MESSAGES, reference)) + encode_address(address_of(receiver))
    tpdu += encode_time(sent) + encode_time(done) + bytes((status,))
    return (encode_smsc(address_of(smsc)) + tpdu).hex().upper()


def tpdu_octets(pdu: str) -> int:
    """The length that +CMT, +CDS and +CMGL announce: octets without the SMSC field."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)
