"""The inbox: parts in any order, twice, torn, or never."""

from __future__ import annotations

from datetime import UTC, datetime

from hw.gsm.pdu import Deliver, Joined, Shelf, decode, encode_deliver

TIME = datetime(2025, 11, 20, 9, 15, 43, tzinfo=UTC)
LATER = datetime(2025, 11, 20, 11, 0, 0, tzinfo=UTC)


def arrived(pdu: str) -> Deliver:
    message = decode(pdu)
    assert isinstance(message, Deliver)
    return message


def parts(
    text: str, source: str = "+628123456789", reference: int = 7, time: datetime = TIME
) -> list[Deliver]:
    return [arrived(pdu) for pdu in encode_deliver(source, text, time, reference=reference)]


def raw_part(coding: str, user_data: str) -> Deliver:
    return arrived(f"0044038121F300{coding}52110290513482{user_data}")


def texts(ended: list[Joined]) -> list[str | None]:
    return [joined.text for joined in ended]


LONG = "a" * 153 + "b" * 153 + "c"
OTHER = "d" * 153 + "e" * 153 + "f"


def test_a_single_message_comes_out_at_once() -> None:
    shelf = Shelf()
    (joined,) = shelf.put(parts("Hello")[0], at=0)
    assert (joined.text, joined.data, joined.missing) == ("Hello", None, ())
    assert joined.first.address.number == "+628123456789"
    assert len(shelf) == 0


def test_parts_come_in_any_order() -> None:
    first, second, third = parts(LONG)
    shelf = Shelf()
    assert shelf.put(third, at=0) == []
    assert shelf.put(first, at=1) == []
    assert len(shelf) == 2
    (joined,) = shelf.put(second, at=2)
    assert joined.text == LONG
    assert joined.parts == (first, second, third)
    assert len(shelf) == 0


def test_a_part_that_comes_twice_counts_once() -> None:
    first, second, third = parts(LONG)
    shelf = Shelf()
    assert [shelf.put(part, at=0) for part in (first, first, second, first)] == [[], [], [], []]
    assert texts(shelf.put(third, at=0)) == [LONG]


def test_a_part_repeated_after_the_message_was_whole_is_ignored() -> None:
    first, second, third = parts(LONG)
    shelf = Shelf()
    assert [len(shelf.put(part, at=0)) for part in (first, second, third, second)] == [0, 0, 1, 0]
    assert len(shelf) == 0


def test_the_same_message_sent_again_comes_again() -> None:
    shelf = Shelf()
    for part in parts(LONG):
        shelf.put(part, at=0)
    again = [shelf.put(part, at=9) for part in parts(LONG, time=LATER)]
    assert list(map(texts, again)) == [[], [], [LONG]]


def test_two_senders_may_use_one_reference() -> None:
    shelf = Shelf()
    ended = []
    for one, other in zip(parts(LONG), parts(OTHER, source="Bank"), strict=True):
        ended += shelf.put(one, at=0) + shelf.put(other, at=0)
    assert texts(ended) == [LONG, OTHER]


def test_references_of_8_and_16_bits_differ() -> None:
    narrow = raw_part("08", "080500030702014F60")
    wide = raw_part("08", "0906080400070202597D")
    shelf = Shelf()
    assert shelf.put(narrow, at=0) + shelf.put(wide, at=0) == []
    assert len(shelf) == 2


def test_a_reference_that_came_round_gives_the_older_message_up() -> None:
    old, new = parts(LONG), parts(OTHER, time=LATER)
    shelf = Shelf()
    shelf.put(old[0], at=0)
    shelf.put(old[1], at=0)
    (given_up,) = shelf.put(new[0], at=1)
    assert (given_up.text, given_up.missing) == ("a" * 153 + "b" * 153, (3,))
    assert texts(shelf.put(new[1], at=1) + shelf.put(new[2], at=1)) == [OTHER]


def test_what_waited_too_long_comes_out_as_far_as_it_came() -> None:
    first, _, third = parts(LONG)
    shelf = Shelf(patience=60)
    shelf.put(third, at=0)
    shelf.put(first, at=50)
    assert shelf.give_up(at=60) == []
    (joined,) = shelf.give_up(at=61)
    assert (joined.text, joined.missing) == ("a" * 153 + "c", (2,))
    assert len(shelf) == 0


def test_a_late_part_does_not_join_what_was_given_up() -> None:
    first, second, third = parts(LONG)
    shelf = Shelf(patience=60)
    shelf.put(first, at=0)
    shelf.put(second, at=0)
    (given_up,) = shelf.put(third, at=100)
    assert given_up.missing == (3,)
    assert len(shelf) == 1


def test_a_full_shelf_gives_up_the_oldest() -> None:
    shelf = Shelf(most_waiting=2)
    assert shelf.put(parts(LONG, reference=1)[0], at=0) == []
    assert shelf.put(parts(LONG, reference=2)[0], at=1) == []
    (joined,) = shelf.put(parts(LONG, reference=3)[0], at=2)
    assert (joined.missing, len(shelf)) == ((2, 3), 2)


def test_a_torn_surrogate_pair_becomes_whole() -> None:
    shelf = Shelf()
    shelf.put(raw_part("08", "08050003070201D83D"), at=0)
    assert texts(shelf.put(raw_part("08", "08050003070202DE09"), at=0)) == ["😉"]


def test_a_torn_escape_becomes_whole() -> None:
    shelf = Shelf()
    # 7 septets of header and fill bit, one of text: 0x1B << 1, then 0x65 << 1
    shelf.put(raw_part("00", "0805000307020136"), at=0)
    assert texts(shelf.put(raw_part("00", "08050003070202CA"), at=0)) == ["€"]


def test_a_pair_does_not_reach_over_a_missing_part() -> None:
    shelf = Shelf(patience=60)
    shelf.put(raw_part("08", "08050003070301D83D"), at=0)
    shelf.put(raw_part("08", "08050003070303DE09"), at=0)
    assert texts(shelf.give_up(at=61)) == ["\ufffd\ufffd"]


def test_parts_in_different_alphabets() -> None:
    shelf = Shelf()
    shelf.put(raw_part("08", "080500030702014F60"), at=0)
    assert texts(shelf.put(raw_part("00", "08050003070202CA"), at=0)) == ["你e"]


def test_data_is_joined_as_octets() -> None:
    shelf = Shelf()
    shelf.put(raw_part("04", "0805000307020101FF"), at=0)
    (joined,) = shelf.put(raw_part("04", "0705000307020202"), at=0)
    assert (joined.text, joined.data) == (None, b"\x01\xff\x02")


def test_an_impossible_part_number_does_not_wait() -> None:
    shelf = Shelf()
    assert texts(shelf.put(raw_part("08", "080500030702034F60"), at=0)) == ["你"]
