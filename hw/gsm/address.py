"""Telephone numbers and sender names in a PDU (3GPP TS 23.040 §9.1.2.5; SMSC field: TS 24.011 §8.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hw.gsm.charset import decode_septets, encode_septets
from hw.gsm.errors import PduError
from hw.gsm.packing import pack, unpack

INTERNATIONAL: Final = 0x91
UNKNOWN: Final = 0x81
ALPHANUMERIC: Final = 0xD0

MOST_DIGITS: Final = 20
_MOST_SMSC_OCTETS: Final = 11  # type of address and 20 digits

_TONS: Final = (
    "unknown", "international", "national", "network",
    "subscriber", "alphanumeric", "abbreviated", "reserved",
)  # fmt: skip
_NPIS: Final = {
    0: "unknown", 1: "isdn", 3: "data", 4: "telex", 5: "sc-specific", 6: "sc-specific", 8: "national",
    9: "private", 10: "ermes",
}  # fmt: skip
_DIGITS: Final = "0123456789*#abc"  # F fills the last octet of an odd number
_RECIPIENT: Final = re.compile(r"\+?[0-9*#]{1,20}")
_SEMI_OCTETS: Final = {f"{low:x}": _DIGITS[low] for low in range(15)} | {"f": ""}
_TO_DIGITS: Final = str.maketrans(_SEMI_OCTETS)
_TO_SEMI_OCTETS: Final = str.maketrans({"*": "a", "#": "b", "a": "c", "b": "d", "c": "e", "+": ""})


@dataclass(frozen=True, slots=True)
class Address:
    """A number as dialled (with ``+`` when international) or a name, and its type-of-address octet."""

    number: str
    toa: int

    @property
    def ton(self) -> str:
        """Type of number in words."""
        return _TONS[self.toa >> 4 & 7]

    @property
    def npi(self) -> str:
        """Numbering plan in words."""
        return _NPIS.get(self.toa & 15, "reserved")

    @property
    def is_name(self) -> bool:
        """Whether this is a name, to which nothing can be sent."""
        return self.ton == "alphanumeric"


def recipient(number: str) -> Address:
    """``+62812…`` is international; short codes and others are left to the network (TON unknown)."""
    if not _RECIPIENT.fullmatch(number):
        raise PduError(
            f"{number[:40]!r} is not a telephone number: 1 to {MOST_DIGITS} of 0-9 * # after an optional +"
        )
    return Address(number, INTERNATIONAL if number[0] == "+" else UNKNOWN)


def _swap(octets: bytes) -> str:
    """Semi-octets in dialling order: the low one of each octet comes first."""
    digits = octets.hex()
    swapped = [""] * len(digits)
    swapped[::2], swapped[1::2] = digits[1::2], digits[::2]
    return "".join(swapped)


def _digits(address: Address) -> bytes:
    digits = address.number.translate(_TO_SEMI_OCTETS)
    if not 0 < len(digits) <= MOST_DIGITS:
        raise PduError(f"a number has 1 to {MOST_DIGITS} digits, not {len(digits)}")
    try:
        return bytes.fromhex(_swap(bytes.fromhex(digits + "f" * (len(digits) % 2))))
    except ValueError:
        raise PduError(f"{address.number!r} has a character that cannot be dialled") from None


def encode_address(address: Address) -> bytes:
    """TP-DA or TP-OA: length in semi-octets, type of address, digits or packed septets."""
    if not address.is_name:
        octets = _digits(address)
        length = 2 * len(octets) - (octets[-1] >= 0xF0)
    else:
        septets = encode_septets(address.number)
        octets, length = pack(septets), (7 * len(septets) + 3) // 4
        if length > MOST_DIGITS:
            raise PduError(f"{address.number!r} is longer than the 11 characters of a sender name")
    return bytes((length, address.toa)) + octets


def encode_smsc(address: Address | None) -> bytes:
    """The SMSC field before the TPDU: length in octets, type, digits; one zero octet leaves it to the SIM."""
    if address is None:
        return b"\0"
    octets = _digits(address)
    return bytes((1 + len(octets), address.toa)) + octets


def decode_address(octets: bytes, at: int) -> tuple[Address, int]:
    """Read TP-OA, TP-DA or TP-RA at a position; also returns the position behind it. Raises PduError."""
    if at + 2 > len(octets):
        raise PduError("the PDU ends before its address")
    length, toa = octets[at], octets[at + 1]
    end = at + 2 + (length + 1) // 2
    if length > MOST_DIGITS or end > len(octets):
        raise PduError(f"an address of {length} semi-octets: at most {MOST_DIGITS}, and within the PDU")
    value = octets[at + 2 : end]
    if _TONS[toa >> 4 & 7] == "alphanumeric":
        return Address(_name(value, length), toa), end
    return Address(_number(_swap(value)[:length], toa), toa), end


def decode_smsc(octets: bytes) -> tuple[str | None, int]:
    """Read the SMSC field at the start of a PDU: its number (None if there is no field) and its octets."""
    length = octets[0] if octets else 0
    if not octets or length >= len(octets) or length > _MOST_SMSC_OCTETS:
        raise PduError(f"an SMSC field of {length} octets in a PDU of {len(octets)}")
    if not length:
        return None, 1
    return _number(_swap(octets[2 : 1 + length]), octets[1]), 1 + length


def _number(semi_octets: str, toa: int) -> str:
    digits = semi_octets.translate(_TO_DIGITS)
    return "+" + digits if digits and toa & 0x70 == 0x10 else digits


def _name(value: bytes, length: int) -> str:
    septets = unpack(value, length * 4 // 7)
    # 7 characters take 49 bits. Networks that count whole octets announce 56 bits, so 8 characters, and the
    # eighth reads as @ (septet 0).
    if len(septets) % 8 == 0 and septets.endswith(b"\0"):
        septets = septets[:-1]
    return decode_septets(septets)
