"""Password files as `htpasswd` and `openssl passwd` write them. Every hash below came from one of the two."""

from pathlib import Path

import pytest

from otp_publisher.broker.htpasswd import parse, verify
from otp_publisher.broker.topics import parse as parse_topics
from otp_publisher.broker.watched import Watched

WRITTEN = {
    # htpasswd -nbB -C 5 anna 'pa:ss'
    "bcrypt": ("$2y$05$G4qcosIyGjC8RAgAMCSmxuPLF7sQ/8oJG6UuQkuL/03AjzQ30khjq", b"pa:ss"),
    # htpasswd -nbm apr secret
    "apr1": ("$apr1$ySf9UYB.$O9PV0X86AvpNm1yLVDaB2.", b"secret"),
    # htpasswd -nbs sha secret
    "sha": ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", b"secret"),
    # htpasswd -nb2 five secret; htpasswd -nb5 six secret
    "sha256": ("$5$cdKXYFnciAAsYcF6$KaIedTui0nsoNzsMYx0THMRCR9EtgTl1ZBkvB.myam5", b"secret"),
    "sha512": (
        "$6$8O1ubVhBHC9627XM$Mq1g1/dVvw.4xDHpiNz/fzb20twpugyjs1S4kMCaoxgVAsylR1WTmKEqD0KNQWauQFEkq3ysCULhx"
        ".oFcyWt0.",
        b"secret",
    ),
    # openssl passwd -apr1 -salt abcdefgh secret, and -5, and -6
    "openssl apr1": ("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", b"secret"),
    "openssl sha256": ("$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.", b"secret"),
    "openssl sha512": (
        "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
        b"secret",
    ),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_right_password_and_no_other(kind: str) -> None:
    stored, password = WRITTEN[kind]
    assert parse(f"user:{stored}\n").hashes == {"user": stored}
    assert verify(stored, password)
    for wrong in (
        password + b"x",
        password[:-1],
        password.upper(),
        b"",
        b"\0",
        b"\xff" * 100,
        stored.encode(),
    ):
        assert not verify(stored, wrong)


def test_a_password_longer_than_bcrypt_looks_is_cut_as_htpasswd_cuts_it() -> None:
    # htpasswd -nbB -C 4 long $(printf 'a%.0s' {1..80})
    stored = "$2y$04$sZqIC5IMu27RtUA0MH/Mm.X3CtXZHXKhWIevrRgmyoKyTu4e4yLRC"
    assert verify(stored, b"a" * 80)
    assert not verify(stored, b"a" * 71)


@pytest.mark.parametrize(
    "line",
    [
        "plain:secret",
        "des:H1bF0/lSCaQvs",
        "md5:$1$abcdefgh$irWbblnpmw.5z7wgBnprh0",
        "empty:",
        "no colon",
        ":{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "cut:$2y$05$G4qcosIyGjC8RAgAMCSmxuPLF7sQ",
        "cut:{SHA}5en6G6MezRroT3X",
    ],
)
def test_lines_that_are_of_no_use_are_numbered_and_let_nobody_in(line: str) -> None:
    passwords = parse(f"# a comment\n\n{line}\ngood:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    assert passwords.bad_lines == (3,)
    assert list(passwords.hashes) == ["good"]


def test_topic_rules_are_numbered_too() -> None:
    rules = parse_topics("anna: sms\nnonsense\n: sms\n")
    assert rules.bad_lines == (2, 3)
    assert rules.allow("anna", "sms")
    assert not rules.allow("bert", "sms")


def test_a_warning_names_the_line_and_not_what_it_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("plain:topsecret\n")
    Watched(file, parse)
    assert "line 1" in caplog.text
    assert "topsecret" not in caplog.text


def test_a_file_written_over_by_half_is_read_again_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    watched = Watched(file, parse)
    file.write_text("a:{SHA}5en6")
    assert watched.current.hashes == {}
    file.write_text("b:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    assert list(watched.current.hashes) == ["b"]
