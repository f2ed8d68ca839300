"""Where a text may be cut: UAX #29."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hw.gsm.graphemes import is_boundary


def clusters(text: str) -> list[str]:
    cuts = [at for at in range(len(text) + 1) if is_boundary(text, at)]
    return [text[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize(
    "cluster",
    [
        "\r\n",
        "e\u0301",
        "\u0e01\u0e33",
        "a\u200d",
        "❤\ufe0f",
        "👍🏽",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏳\ufe0f\u200d🌈",
        "❤\ufe0f\u200d🔥",
        "🇮🇩",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\u1112\u1161\u11ab",
        "가\u11a8",
        "각\u11a8",
        "\u0915\u093f",
        "\u0915\u094d\u0937",
        "\u0995\u09cd\u09b7\u09c1",
        "\u0600\u0661",
    ],
    ids=ascii,
)
def test_kept_whole(cluster: str) -> None:
    assert clusters(cluster) == [cluster]
    assert clusters(f"x{cluster}你") == ["x", cluster, "你"]


@pytest.mark.parametrize(
    "apart",
    [
        ["a", "b"],
        ["\n", "\r"],
        ["\r", "\u0301"],
        ["🇮🇩", "🇲🇾", "🇸"],
        ["가", "\u1100\u1161"],
        ["각", "\u1161"],
        ["a\u200d", "👧"],
        ["👧", "👧"],
        ["\u0915\u093f", "\u0915"],
        ["\u0915\u094d", "\u0995"],
        ["\u0e2a", "\u0e27"],
        ["你", "好"],
        ["\u200b", "\u0301"],
        ["a", "\ud83d", "b"],
    ],
    ids=ascii,
)
def test_may_be_cut(apart: list[str]) -> None:
    assert clusters("".join(apart)) == apart


def test_flags_are_counted_from_the_last_known_boundary() -> None:
    assert is_boundary("🇮🇩🇲🇾", 3, since=1)
    assert not is_boundary("🇮🇩🇲🇾", 3)
