"""Septets, one a byte, to and from the packed octets of the air (3GPP TS 23.038 §6.1.2.1).

Septet k occupies bits 7k to 7k+6 of the octet string, least significant bit first. After a user data header
the first septet starts on the next septet boundary, so 0 to 6 fill bits come before it.

Both directions work on the whole string as one integer: eight 8-bit lanes are closed up to 7 bits in three
steps (pairs, fours, eights), which costs a handful of operations on one long integer instead of a loop.
"""

from __future__ import annotations

from typing import Final

MOST_SEPTETS: Final = 256  # TP-UDL is one octet, so no part ever has more

_LANES: Final = MOST_SEPTETS // 8  # lanes of 64 bits, eight septets each


def _mask(lane: int) -> int:
    """The given 64-bit pattern, repeated in every lane."""
    return int.from_bytes(lane.to_bytes(8, "little") * _LANES, "little")


# What each step keeps in place, and what it moves down by 1, 2 or 4 bits.
_KEEP_1, _MOVE_1 = _mask(0x007F007F007F007F), _mask(0x7F007F007F007F00)
_KEEP_2, _MOVE_2 = _mask(0x00003FFF00003FFF), _mask(0x3FFF00003FFF0000)
_KEEP_4, _MOVE_4 = _mask(0x000000000FFFFFFF), _mask(0x0FFFFFFF00000000)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Pack septets (values 0 to 127, at most 256) behind ``fill`` zero bits (0 to 6)."""
    if len(septets) > MOST_SEPTETS:
        raise ValueError(f"{len(septets)} septets do not fit one message part")
    lanes = int.from_bytes(septets, "little")
    lanes = (lanes & _KEEP_1) | ((lanes & _MOVE_1) >> 1)
    lanes = (lanes & _KEEP_2) | ((lanes & _MOVE_2) >> 2)
    lanes = (lanes & _KEEP_4) | ((lanes & _MOVE_4) >> 4)
    closed = bytearray(lanes.to_bytes((len(septets) + 7) // 8 * 8, "little"))
    del closed[7::8]  # each lane now holds 56 bits and an empty octet
    octets = (7 * len(septets) + fill + 7) // 8
    if not fill:
        return bytes(closed[:octets])
    return (int.from_bytes(closed, "little") << fill).to_bytes(len(closed) + 1, "little")[:octets]


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """The first ``count`` septets behind ``fill`` bits, one a byte; fewer when there are no more."""
    count = max(0, min(count, (8 * len(octets) - fill) // 7, MOST_SEPTETS))
    groups = (count + 7) // 8
    packed = (int.from_bytes(octets, "little") >> fill) & ((1 << 7 * count) - 1)
    closed = packed.to_bytes(7 * groups, "little")
    spread = bytearray(8 * groups)
    for place in range(7):
        spread[place::8] = closed[place::7]
    lanes = int.from_bytes(spread, "little")
    lanes = (lanes & _KEEP_4) | ((lanes << 4) & _MOVE_4)
    lanes = (lanes & _KEEP_2) | ((lanes << 2) & _MOVE_2)
    lanes = (lanes & _KEEP_1) | ((lanes << 1) & _MOVE_1)
    return lanes.to_bytes(8 * groups, "little")[:count]
