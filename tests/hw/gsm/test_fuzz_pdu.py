"""Generated input: what is written reads back, and no octets of a stranger raise anything but PduError."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hw.gsm.charset import decode_septets, encode_septets
from hw.gsm.graphemes import is_boundary
from hw.gsm.national import BLANK, LOCKING, SINGLE
from hw.gsm.packing import pack, unpack
from hw.gsm.pdu import (
    Deliver,
    Joined,
    PduError,
    Shelf,
    Submit,
    decode,
    encode_deliver,
    encode_submit,
    measure,
)
from hw.gsm.segment import MOST_PARTS
from hw.gsm.timestamp import decode_time, encode_time, relative_octet, relative_seconds
from hw.gsm.udh import Element, build_header, parse_elements

pytestmark = pytest.mark.fuzz

NUMBERS = st.from_regex(r"\+?[0-9*#]{1,20}", fullmatch=True)
GSM7 = "".join(LOCKING[0].replace(BLANK, "")) + "".join(SINGLE[0].values())
NATIONAL = "".join(sorted({char for table in LOCKING for char in table if char != BLANK}))
JOINERS = "\u200d\ufe0f\u0301\u094d🏽👨👩🇮🇩🇲\r\n각\u11a8\u0915\u093f"
SENDABLE = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.text(SENDABLE, max_size=400),
    st.text(st.sampled_from(GSM7), max_size=700),
    st.text(st.sampled_from(NATIONAL), max_size=400),
    st.text(st.sampled_from(JOINERS + "a你"), max_size=400),
)
NATIONALS = st.one_of(st.booleans(), st.tuples(st.integers(0, 13), st.integers(0, 13)))
OPTIONAL_TABLES = st.one_of(st.none(), st.tuples(st.integers(-1, 300), st.integers(-1, 300)))
HEX = st.binary(max_size=200).map(bytes.hex)
DIRECTIONS = st.sampled_from(["MT", "MO"])


def _read(pdu: str, **options: object) -> None:
    """Only one kind of error may come out, and what does come out can be looked at."""
    try:
        message = decode(pdu, **options)  # type: ignore[arg-type]
    except PduError as error:
        assert str(error)
        return
    repr(message)
    content = message.content
    if content is not None:
        assert (content.text is None) or content.text.encode("utf-8") is not None
        assert content.data is None or content.text is None
    if isinstance(message, Deliver):
        for joined in Shelf().put(message, at=0):
            assert joined.parts == (message,)


@given(pdu=HEX, direction=DIRECTIONS, has_smsc=st.booleans(), tables=OPTIONAL_TABLES)
def test_any_octets(pdu: str, direction: str, has_smsc: bool, tables: object) -> None:
    _read(pdu, direction=direction, has_smsc=has_smsc, tables=tables)


@given(pdu=st.text(max_size=80), direction=DIRECTIONS)
def test_any_characters(pdu: str, direction: str) -> None:
    _read(pdu, direction=direction)


@given(
    first_octet=st.integers(0, 63).map(lambda bits: bits << 2),
    dcs=st.integers(0, 255),
    udl=st.integers(0, 255),
    user_data=st.binary(max_size=180),
    time=st.binary(min_size=7, max_size=7),
)
def test_any_user_data_in_a_whole_message(
    first_octet: int, dcs: int, udl: int, user_data: bytes, time: bytes
) -> None:
    fields = bytes((0, first_octet)) + bytes.fromhex("0C91261832547698") + bytes((0, dcs)) + time
    pdu = (fields + bytes((udl,)) + user_data).hex()
    message = decode(pdu)
    assert isinstance(message, Deliver)
    content = message.content
    assert not (content.truncated and content.extra)
    assert len(content.units) <= max(udl, len(user_data))
    assert message.problems or not (content.truncated or content.extra)
    _read(pdu)


@given(first_octet=st.integers(0, 63).map(lambda bits: bits << 2 | 2), rest=st.binary(max_size=180))
def test_any_end_of_a_status_report(first_octet: int, rest: bytes) -> None:
    _read((bytes((0, first_octet, 7)) + bytes.fromhex("0C91261832547698") + rest).hex())


@given(first_octet=st.integers(0, 63).map(lambda bits: bits << 2 | 1), rest=st.binary(max_size=180))
def test_any_end_of_a_stored_message(first_octet: int, rest: bytes) -> None:
    _read((bytes((0, first_octet, 7)) + bytes.fromhex("0C91261832547698") + rest).hex(), direction="MO")


@given(text=TEXTS, cut=st.integers(0, 400), put=st.binary(max_size=4), national=NATIONALS)
def test_a_real_message_damaged_on_its_way(
    text: str, cut: int, put: bytes, national: bool | tuple[int, int]
) -> None:
    for pdu in encode_deliver("+628123456789", text, datetime(2025, 11, 20, tzinfo=UTC), national=national):
        octets = bytes.fromhex(pdu)
        cut %= len(octets)
        _read((octets[:cut] + put + octets[cut + len(put) :]).hex())
        _read((octets[:cut] + put).hex())


@given(header=st.binary(max_size=140))
def test_any_header(header: bytes) -> None:
    elements = parse_elements(header)
    if elements is not None:
        assert build_header(elements) == (bytes((len(header),)) + header if header else b"")


@given(
    elements=st.lists(st.builds(Element, st.integers(0, 255), st.binary(max_size=12)), max_size=9),
    body=st.binary(max_size=60),
)
def test_any_elements_leave_the_text_alone(elements: list[Element], body: bytes) -> None:
    header = build_header(tuple(elements))
    assume(header)
    fields = bytes.fromhex("00440C91261832547698000452110290513482")
    message = decode((fields + bytes((len(header) + len(body),)) + header + body).hex())
    assert isinstance(message, Deliver)
    assert message.content.elements == tuple(elements)
    assert message.content.data == body


@given(
    number=NUMBERS,
    text=TEXTS,
    reference=st.integers(0, 1 << 20),
    wide=st.booleans(),
    validity=st.one_of(st.none(), st.floats(allow_nan=False)),
    report=st.booleans(),
    flash=st.booleans(),
    national=NATIONALS,
)
def test_what_is_written_reads_back(
    number: str,
    text: str,
    reference: int,
    wide: bool,
    validity: float | None,
    report: bool,
    flash: bool,
    national: bool | tuple[int, int],
) -> None:
    if number == "+" or not number.strip("+"):
        return
    pdus = encode_submit(
        number,
        text,
        reference=reference,
        wide_reference=wide,
        validity=validity,
        report=report,
        flash=flash,
        national=national,
    )
    messages = [decode(pdu.hex, direction="MO") for pdu in pdus]
    joined = ""
    for pdu, message in zip(pdus, messages, strict=True):
        assert isinstance(message, Submit)
        assert message.problems == ()
        assert message.address.number == number
        assert message.tpdu_length == pdu.tpdu_length <= 164
        assert message.report_requested is report
        assert message.content.message_class == (0 if flash else None)
        assert (message.validity is None) is (validity is None)
        if len(pdus) > 1:
            part = message.content.part_of
            assert part is not None
            assert (part.seq, part.total) == (pdu.part, pdu.parts)
            assert part.ref == reference % (65_536 if wide else 256)
        assert message.text is not None
        joined += message.text  # each part is whole in itself: nothing was torn
        assert is_boundary(text, len(joined)) or len(message.content.units) >= 120
    assert joined == text
    count = measure(text, wide_reference=wide, national=national)
    assert (count.parts, count.used) == (len(pdus), count.units - sum(_units(m) for m in messages[:-1]))


def _units(message: object) -> int:
    assert isinstance(message, Submit)
    units = len(message.content.units)
    return units if message.content.alphabet == "gsm7" else units // 2


@given(text=TEXTS, order=st.randoms(use_true_random=False), national=NATIONALS)
def test_parts_in_any_order_become_the_text(
    text: str, order: object, national: bool | tuple[int, int]
) -> None:
    pdus = encode_deliver("Bank", text, datetime(2025, 11, 20, tzinfo=UTC), reference=9, national=national)
    shuffle: Callable[[list[str]], None] = order.shuffle  # type: ignore[attr-defined]
    shuffle(pdus)
    shelf, ended = Shelf(), list[Joined]()
    for pdu in pdus:
        message = decode(pdu)
        assert isinstance(message, Deliver)
        ended += shelf.put(message, at=0)
    assert [joined.text for joined in ended] == [text]
    assert len(shelf) == 0


@given(text=st.text(max_size=100))
def test_any_python_string_is_measured_or_refused(text: str) -> None:
    try:
        count = measure(text, national=True)
    except PduError:
        assert any("\ud800" <= char <= "\udfff" for char in text)
    else:
        assert 1 <= count.parts <= MOST_PARTS
        assert count.left >= 0


@given(septets=st.lists(st.integers(0, 127), max_size=255).map(bytes), fill=st.integers(0, 6))
def test_packing_loses_nothing(septets: bytes, fill: int) -> None:
    packed = pack(septets, fill)
    assert len(packed) == -(-(7 * len(septets) + fill) // 8)
    assert unpack(packed, len(septets), fill) == septets


@given(
    septets=st.lists(st.integers(0, 127), max_size=200).map(bytes),
    tables=st.tuples(st.integers(0, 13), st.integers(0, 13)),
)
def test_any_septets_can_be_shown(septets: bytes, tables: tuple[int, int]) -> None:
    shown = decode_septets(septets, tables)
    assert BLANK not in shown
    assert len(septets) / 2 <= len(shown) <= len(septets)


@given(text=st.text(st.sampled_from(GSM7), max_size=300))
def test_the_default_alphabet_loses_nothing(text: str) -> None:
    assert decode_septets(encode_septets(text)) == text


@given(
    time=st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31)),
    quarters=st.integers(-79, 79),
)
def test_times_lose_only_their_fractions(time: datetime, quarters: int) -> None:
    aware = time.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=15 * quarters)))
    assert decode_time(encode_time(aware)) == aware


@given(seconds=st.floats(0, 63 * 7 * 86400))
def test_validity_is_never_shorter_than_asked_and_never_a_step_too_long(seconds: float) -> None:
    octet = relative_octet(seconds)
    assert relative_seconds(octet) >= seconds
    assert octet == 0 or relative_seconds(octet - 1) < seconds
