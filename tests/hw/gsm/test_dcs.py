"""TP-DCS, group by group: TS 23.038 §4."""

from __future__ import annotations

import pytest

from hw.gsm.dcs import Coding, MessageWaiting, read_dcs


@pytest.mark.parametrize(
    ("octet", "coding"),
    [
        (0x00, Coding("gsm7")),
        (0x03, Coding("gsm7")),  # class bits without bit 4 mean nothing
        (0x04, Coding("8bit")),
        (0x08, Coding("ucs2")),
        (0x0C, Coding("gsm7", reserved=True)),
        (0x10, Coding("gsm7", 0)),
        (0x18, Coding("ucs2", 0)),
        (0x1B, Coding("ucs2", 3)),
        (0x22, Coding("gsm7", compressed=True)),
        (0x48, Coding("ucs2")),  # marked for automatic deletion
        (0x56, Coding("8bit", 2)),
        (0x80, Coding("gsm7", reserved=True)),
        (0xBF, Coding("gsm7", reserved=True)),
        (0xC0, Coding("gsm7", mwi=MessageWaiting("voicemail", active=False, store=False))),
        (0xC9, Coding("gsm7", mwi=MessageWaiting("fax", active=True, store=False))),
        (0xDA, Coding("gsm7", mwi=MessageWaiting("email", active=True, store=True))),
        (0xEB, Coding("ucs2", mwi=MessageWaiting("other", active=True, store=True))),
        (0xF0, Coding("gsm7", 0)),
        (0xF6, Coding("8bit", 2)),
    ],
    ids=lambda value: f"{value:02X}" if isinstance(value, int) else "",
)
def test_every_group(octet: int, coding: Coding) -> None:
    assert read_dcs(octet) == coding


def test_bit_3_of_the_last_group_is_ignored() -> None:
    assert read_dcs(0xF9) == read_dcs(0xF1)
