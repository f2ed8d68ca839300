"""The air: parts become messages, and what comes twice is noticed."""

from __future__ import annotations

from hw.gsm.pdu import Submit, decode, encode_submit
from hw.sim.air import Air, Received


def _parts(text: str, number: str = "+62811", reference: int = 0) -> list[Submit]:
    found = []
    for part in encode_submit(number, text, reference=reference):
        message = decode(part.hex, direction="MO")
        assert isinstance(message, Submit)
        found.append(message)
    return found


def test_parts_are_joined_in_any_order_and_across_messages() -> None:
    air = Air(wall=lambda: 1_800_000_000.0)
    long, other = "A long one. " * 30, "ünïcödé 🔐 " * 15
    first, second = _parts(long, reference=1), _parts(other, reference=2)
    for part in [first[1], second[0], first[2], second[2], first[0], second[1], *second[3:]]:
        air.carry("m", part)
    assert {message.text for message in air.inbox("+62811")} == {long, other}
    assert air.inbox()[0] == Received("+62811", long, "m", 1_800_000_000.0, 3, False, "gsm7")


def test_the_same_text_to_the_same_handset_is_a_duplicate() -> None:
    air = Air()
    for number in ("+62811", "+62812", "+62811"):
        for part in _parts("once", number):
            air.carry("m", part)
    assert (air.messages, air.duplicates, air.times("+62811", "once")) == (3, 1, 2)
    air.clear()
    assert (air.messages, air.inbox()) == (0, [])


def test_listeners_hear_whole_messages() -> None:
    air = Air()
    heard: list[Received] = []
    air.listen(heard.append)
    for part in _parts("A long one. " * 30):
        air.carry("m", part)
    assert len(heard) == 1
    assert "long" not in repr(heard)
