"""Keyed fingerprints."""

from __future__ import annotations

from app.core.digest import KeyedDigest


def test_a_digest_is_hmac_sha256_over_length_and_octets_of_each_field() -> None:
    # RFC 4231 gives no vector of this form; by hand: key "k", data 00000001 61 00000002 c3a9,
    # as `printf '\0\0\0\1a\0\0\0\2\303\251' | openssl dgst -sha256 -hmac k` prints it.
    assert KeyedDigest(b"k")("a", "é").hex() == EXPECTED


EXPECTED = "64ca9b55d2e5b6759f3d64612f1a572442b82602551ab59f3ab4b0947c4f293e"


def test_fields_do_not_run_together() -> None:
    digest = KeyedDigest(b"k" * 32)
    assert digest("ab", "c") != digest("a", "bc") != digest("abc") != digest("abc", "")


def test_another_key_gives_another_digest() -> None:
    assert KeyedDigest(b"a" * 32)("x") != KeyedDigest(b"b" * 32)("x")
