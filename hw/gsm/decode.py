"""Reads a PDU, tolerantly: what networks and modems really write (3GPP TS 23.040 §9.2.2)."""

from __future__ import annotations

from binascii import unhexlify
from typing import Final, Literal

from hw.gsm.address import Address, decode_address, decode_smsc
from hw.gsm.charset import Tables, decode_septets, decode_ucs2
from hw.gsm.dcs import Coding, read_dcs
from hw.gsm.errors import PduError
from hw.gsm.messages import Content, Deliver, Message, StatusReport, Submit
from hw.gsm.packing import unpack
from hw.gsm.timestamp import decode_time, read_validity
from hw.gsm.udh import Elements, concat_of, parse_elements, ports_of, tables_of, waiting_of

Direction = Literal["MT", "MO"]

_MOST_OCTETS: Final = 512  # a TPDU has 175 at most; storage records are padded to 176
_UDHI: Final = 0x40
_VALIDITY_OCTETS: Final = (0, 7, 1, 7)  # none, enhanced, relative, absolute


class _Reader:
    """A place in the octets of a PDU, and the problems met so far."""

    def __init__(self, octets: bytes, at: int) -> None:
        self.octets = octets
        self.at = at
        self.problems: list[str] = []

    def take(self, count: int, what: str) -> bytes:
        """The next octets; a PduError when the PDU ends before them."""
        taken = self.octets[self.at : self.at + count]
        if len(taken) < count:
            raise PduError(f"the PDU ends in its {what}, after {len(self.octets)} octets")
        self.at += count
        return taken

    def octet(self, what: str) -> int:
        return self.take(1, what)[0]

    def address(self) -> Address:
        address, self.at = decode_address(self.octets, self.at)
        return address


def decode(
    pdu_hex: str, *, direction: Direction = "MT", has_smsc: bool = True, tables: Tables | None = None
) -> Message:
    """Read one PDU as ``+CMT``, ``+CDS``, ``+CMGR`` and ``+CMGL`` give it.

    direction: MT for what came in (DELIVER, STATUS-REPORT), MO for stored outgoing messages (SUBMIT); the
    type octet alone does not tell.
    has_smsc: whether the PDU begins with the SMSC field.
    tables: read the septets by these national tables, whatever the header says.

    Raises PduError, and nothing else, when there is no message to be had. What is readable is returned, and
    what is not is listed in ``problems``.
    """
    stripped = pdu_hex.strip()
    try:
        octets = unhexlify(stripped)
    except ValueError:
        octets = b""
    if not 2 <= len(octets) <= _MOST_OCTETS:
        raise PduError(f"{len(stripped)} characters are no PDU: it is hex, of 2 to {_MOST_OCTETS} octets")
    smsc, start = decode_smsc(octets) if has_smsc else (None, 0)
    reader = _Reader(octets, start)
    first_octet = reader.octet("type")
    kind = (direction, first_octet & 3)
    common = (stripped.upper(), smsc, len(octets) - start, first_octet)
    if kind == ("MT", 0):
        return _deliver(reader, common, tables)
    if kind == ("MT", 2):
        return _status_report(reader, common, tables)
    if kind == ("MO", 1):
        return _submit(reader, common, tables)
    raise PduError(f"message type {first_octet & 3} in direction {direction} is no message to read")


_Common = tuple[str, str | None, int, int]


def _deliver(reader: _Reader, common: _Common, tables: Tables | None) -> Deliver:
    first_octet = common[3]
    address = reader.address()
    pid, dcs = reader.take(2, "protocol and coding")
    scts = decode_time(reader.take(7, "timestamp"))
    if scts is None:
        reader.problems.append("the service centre's timestamp is not a time")
    content = _content(reader, dcs, bool(first_octet & _UDHI), tables)
    return Deliver(*common, tuple(reader.problems), address, not first_octet & 4, pid, dcs, scts, content)


def _status_report(reader: _Reader, common: _Common, tables: Tables | None) -> StatusReport:
    first_octet = common[3]
    message_reference = reader.octet("reference")
    address = reader.address()
    scts = decode_time(reader.take(7, "timestamp"))
    discharge = decode_time(reader.take(7, "discharge time"))
    if scts is None or discharge is None:
        reader.problems.append("a timestamp of the report is not a time")
    status = reader.octet("status")
    # All that follows is optional: TP-PI says which fields there are, and may itself be missing.
    pid = dcs = content = None
    rest = len(reader.octets) - reader.at
    indicator = reader.octet("indicator") if rest else 0
    if indicator & 1 and reader.at < len(reader.octets):
        pid = reader.octet("protocol")
    if indicator & 2 and reader.at < len(reader.octets):
        dcs = reader.octet("coding")
    if indicator & 4 and reader.at < len(reader.octets):
        content = _content(reader, dcs or 0, bool(first_octet & _UDHI), tables)
    return StatusReport(
        *common, tuple(reader.problems), address,
        not first_octet & 4, message_reference, scts, discharge, status, pid, dcs, content,
    )  # fmt: skip


def _submit(reader: _Reader, common: _Common, tables: Tables | None) -> Submit:
    first_octet = common[3]
    message_reference = reader.octet("reference")
    address = reader.address()
    pid, dcs = reader.take(2, "protocol and coding")
    validity_format = first_octet >> 3 & 3
    validity = read_validity(validity_format, reader.take(_VALIDITY_OCTETS[validity_format], "validity"))
    if validity is not None and validity.format == "absolute" and validity.time is None:
        reader.problems.append("the validity is not a time")
    content = _content(reader, dcs, bool(first_octet & _UDHI), tables)
    return Submit(
        *common, tuple(reader.problems), address,
        message_reference, bool(first_octet & 0x20), bool(first_octet & 4), pid, dcs, validity, content,
    )  # fmt: skip


def _content(reader: _Reader, dcs: int, has_header: bool, tables: Tables | None) -> Content:
    """TP-UDL and TP-UD, the last fields of every PDU."""
    coding = read_dcs(dcs)
    if coding.reserved:
        reader.problems.append(f"reserved data coding {dcs:#04x}, read as GSM 7-bit")
    udl = reader.octet("length of user data")
    octets = reader.octets[reader.at :]
    in_septets = coding.alphabet == "gsm7" and not coding.compressed
    announced = (7 * udl + 7) // 8 if in_septets else udl
    truncated, extra = len(octets) < announced, max(0, len(octets) - announced)
    if truncated:
        reader.problems.append(f"{len(octets)} octets of user data where {announced} are announced")
    elif extra:
        reader.problems.append(f"{extra} octets behind the user data")
    octets = octets[:announced]
    header_octets, elements, readable = _header(reader, octets) if has_header else (0, (), True)
    tables = tables or tables_of(elements)
    if in_septets:
        header_septets = (8 * header_octets + 6) // 7
        fill = 7 * header_septets - 8 * header_octets
        units = unpack(octets[header_octets:], udl - header_septets, fill) if readable else b""
    else:
        units = octets[header_octets:]
    return Content(
        coding.alphabet,
        coding.message_class,
        coding.mwi or waiting_of(elements),
        udl,
        elements,
        concat_of(elements),
        ports_of(elements),
        tables,
        units,
        _text(reader, coding, units, tables) if readable else None,
        truncated,
        extra,
    )


def _header(reader: _Reader, octets: bytes) -> tuple[int, Elements, bool]:
    """The octets of the header with its length, its elements, and whether what is behind it can be found."""
    if not octets:
        reader.problems.append("a user data header is announced, and there is no user data")
        return 0, (), True
    length = 1 + octets[0]
    if length > len(octets):
        reader.problems.append("the user data header is longer than the user data")
        return 0, (), False
    elements = parse_elements(octets[1:length])
    if elements is None:
        reader.problems.append("the elements of the user data header do not fill it and are ignored")
        return length, (), True
    concat = concat_of(elements)
    if concat is not None and not concat.valid:
        reader.problems.append(f"part {concat.seq} of {concat.total} is read as a message of its own")
    return length, elements, True


def _text(reader: _Reader, coding: Coding, units: bytes, tables: Tables) -> str | None:
    if coding.compressed:
        reader.problems.append("the user data is compressed (TS 23.042), which is not read")
        return None
    if coding.alphabet == "gsm7":
        return decode_septets(units, tables)
    if coding.alphabet == "8bit":
        return None
    if len(units) % 2:
        reader.problems.append("UCS-2 with an odd number of octets, of which the last is left out")
    return decode_ucs2(units)
