"""The types that check themselves: what they take, what they make of it, what they refuse."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.settings import checks
from app.settings.problems import Wrong

RULES = [
    checks.host, checks.ipv4, checks.netmask, checks.ipv4_range, checks.time_zone, checks.hour_minute,
    checks.url_path, checks.msisdn, checks.msisdn_prefix, checks.country_calling_code, checks.email,
    checks.serial_port, checks.dial_string, checks.username, checks.password_hash, checks.iccid,
    checks.iso_country, checks.digits(4, 8, "a PIN"), checks.url("https"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "given", "kept"),
    [
        (checks.host, "pool.ntp.org", "pool.ntp.org"),
        (checks.host, "localhost", "localhost"),
        (checks.host, "_mail._tcp.example.com", "_mail._tcp.example.com"),
        (checks.host, "bücher.example", "bücher.example"),
        (checks.host, "192.168.0.11", "192.168.0.11"),
        (checks.host, "[2001:DB8::1]", "2001:db8::1"),
        (checks.netmask, "255.255.252.0", "255.255.252.0"),
        (checks.netmask, "0.0.0.0", "0.0.0.0"),
        (checks.ipv4_range, "192.168.0.40 - 192.168.0.254", "192.168.0.40-192.168.0.254"),
        (checks.time_zone, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        (checks.hour_minute, "0:00", "00:00"),
        (checks.hour_minute, "23:59", "23:59"),
        (checks.url_path, "/api/v1.2/~otp_x-y", "/api/v1.2/~otp_x-y"),
        (checks.msisdn, "(0812) 345-6789", "08123456789"),
        (checks.msisdn_prefix, "+62811", "62811"),
        (checks.email, "o'brien+otp@bücher.example", "o'brien+otp@bücher.example"),
        (checks.serial_port, "/dev/serial/by-id/usb-1a86_USB", "/dev/serial/by-id/usb-1a86_USB"),
        (checks.serial_port, "sim://m1?delay=200", "sim://m1?delay=200"),
        (checks.dial_string, "*99***1#", "*99***1#"),
        (checks.iso_country, "id", "ID"),
        (checks.url("http", "https"), "https://api.example.com:8443/v4", "https://api.example.com:8443/v4"),
        (checks.or_none(checks.ipv4), "", ""),
    ],
)
def test_a_right_value_is_kept_in_one_form(rule: checks.Rule, given: str, kept: str) -> None:
    assert rule(given) == kept
    assert rule(kept) == kept


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (checks.host, ""),
        (checks.host, "-bad.example"),
        (checks.host, "a..b"),
        (checks.host, "256.1.1.1"),
        (checks.host, "x" * 64 + ".example"),
        (checks.host, "a b"),
        (checks.host, "[::1"),
        (checks.ipv4, "192.168.0"),
        (checks.ipv4, "::1"),
        (checks.netmask, "255.0.255.0"),
        (checks.netmask, "255.255.255.01"),
        (checks.ipv4_range, "192.168.0.254-192.168.0.40"),
        (checks.ipv4_range, "192.168.0.40"),
        (checks.time_zone, "../../etc/passwd"),
        (checks.time_zone, ""),
        (checks.hour_minute, "24:00"),
        (checks.hour_minute, "12:60"),
        (checks.hour_minute, "٣:٠٥"),
        (checks.url_path, "/"),
        (checks.msisdn, "++62811"),
        (checks.msisdn, "1234567890123456"),
        (checks.email, "a@b@c"),
        (checks.email, "a b@example.com"),
        (checks.email, "@example.com"),
        (checks.serial_port, "/dev/../etc/shadow"),
        (checks.serial_port, "http://example.com"),
        (checks.dial_string, '112";'),
        (checks.password_hash, "secret"),
        (checks.url("https"), "http://example.com"),
        (checks.url("https"), "https://example.com:99999"),
        (checks.url("https"), "https://"),
    ],
)
def test_a_wrong_value_is_refused(rule: checks.Rule, value: str) -> None:
    with pytest.raises(Wrong):
        rule(value)


def sentence(rule: checks.Rule, value: str) -> str:
    """What a wrong value is told."""
    with pytest.raises(Wrong) as caught:
        rule(value)
    return str(caught.value)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: getattr(rule, "__name__", "rule"))
@given(value=st.text(max_size=80))
@example(value="digits")
@example(value="path such as")
@example(value="https")
def test_any_text_is_kept_or_refused_but_never_repeated(rule: checks.Rule, value: str) -> None:
    try:
        kept = rule(value)
    except Wrong as error:
        # A word of the sentence itself may be what was given, by chance or taken from the sources: then
        # another value that is as wrong hears the same sentence.
        assert value not in str(error) or sentence(rule, f"{value}\0") == str(error)
    else:
        assert rule(kept) == kept


@pytest.mark.parametrize(
    ("prefix", "mask"), [(0, "0.0.0.0"), (1, "128.0.0.0"), (22, "255.255.252.0"), (32, "255.255.255.255")]
)
def test_prefix_and_netmask_say_the_same(prefix: int, mask: str) -> None:
    assert checks.netmask_of(prefix) == mask
    assert checks.prefix_of(mask) == prefix
    assert checks.disagreement(prefix, mask) == ""


def test_a_netmask_that_contradicts_the_prefix_is_told_with_both() -> None:
    assert checks.disagreement(24, "255.255.0.0") == (
        "netmask 255.255.0.0 is a prefix of 16, but the prefix says 24: both must agree"
    )
    assert checks.disagreement(24, "") == ""
