"""The PHP library's config.ini, unchanged, and what PHP's dialect makes of each line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otp_publisher import ConfigError, Publisher
from otp_publisher.ini import parse_ini
from otp_publisher.options import Amqp, Mqtt, Redis, Rest, Ws, from_ini

PUBLISHED = """\
[GENERAL]
method = WS
username = kamshory
password = kamshory
manage_otp = true

# How long OTP cache files will be kept
cache_max_age = 300

# Directory where OTP cache will be store.
cache_dir = C:\\cache\\otp

[REST]
url = http://127.0.0.1:8899/api/otp
username = kamshory
password = kamshory\x20

[REDIS]
host = 127.0.0.1
port = 6379
username = kamshory\x20
password = kamshory\x20
topic = sms

[AMQP]
host = 127.0.0.1
port = 5672
username = guest\x20
password = guest\x20
topic = sms

[MQTT]
host = 127.0.0.1
port = 1883
username = user
password = pass
topic = sms
client_id = php

[WS]
host = 127.0.0.1
port = 9000
username = kamshory
password = kamshory
topic = sms
path = /ws/
"""


def test_the_file_as_it_was_published_is_read_without_a_complaint() -> None:
    general, section, problems = from_ini(parse_ini(PUBLISHED))
    assert problems == ()
    assert (general.method, general.manage_otp, general.cache_max_age) == ("WS", True, 300)
    assert general.cache_dir == "C:\\cache\\otp"
    assert isinstance(section, Ws)
    assert section.address() == ("127.0.0.1", 9000)
    assert (section.username, section.password) == ("kamshory", "kamshory")
    assert (section.topic, section.path) == ("sms", "/ws/")


@pytest.mark.parametrize("method", ["REST", "REDIS", "AMQP", "MQTT"])
def test_each_of_its_methods_can_be_chosen(method: str) -> None:
    _, section, problems = from_ini(parse_ini(PUBLISHED.replace("method = WS", f"method = {method}")))
    assert problems == ()
    expected = {
        "REST": Rest("kamshory", "kamshory", url="http://127.0.0.1:8899/api/otp"),
        "REDIS": Redis("kamshory", "kamshory", port=6379),
        "AMQP": Amqp("guest", "guest", port=5672),
        "MQTT": Mqtt("user", "pass", port=1883, client_id="php"),
    }
    assert section == expected[method]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("k = plain", "plain"),
        ("k=plain", "plain"),
        ("k = two words  ", "two words"),
        ("k = a ; comment", "a"),
        ("k = a;b", "a"),
        ('k = "a;b"', "a;b"),
        ('k = "a;b" ; comment', "a;b"),
        ("k = 'a;b'", "a;b"),
        ('k = "  kept  "', "  kept  "),
        (r'k = "say \"hi\""', 'say "hi"'),
        (r'k = "C:\cache\otp"', r"C:\cache\otp"),
        (r'k = "C:\\cache\\otp"', r"C:\cache\otp"),
        (r"k = 'C:\cache\'", "C:\\cache\\"),
        (r"k = C:\cache\otp", r"C:\cache\otp"),
        ('k = "a=b"', "a=b"),
        ("k = a=b", "a=b"),
        ("k =", ""),
        ('k = ""', ""),
        ("k = true", "1"),
        ("k = On", "1"),
        ("k = YES", "1"),
        ("k = false", ""),
        ("k = off", ""),
        ("k = No", ""),
        ("k = none", ""),
        ("k = null", ""),
        ('k = "true"', "true"),
        ("k = 'yes'", "yes"),
        ("k = p#ss", "p#ss"),
        ("k = it's", "it's"),
        ("k = ${SECRET}", "from the environment"),
        ('k = "<${SECRET}>"', "<from the environment>"),
        ("k = '${SECRET}'", "${SECRET}"),
        (r'k = "\${SECRET}"', "${SECRET}"),
        ("k = ${MISSING}", ""),
        ("k = $5", "$5"),
    ],
)
def test_values_as_php_reads_them(line: str, value: str) -> None:
    ini = parse_ini(f"[A]\n{line}\n", {"SECRET": "from the environment"})
    assert ini.problems == ()
    assert ini.sections["A"]["k"].value == value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no equals sign", "no `=`"),
        ('k = "not closed', "not closed"),
        ('k = "a" b', "behind the closing"),
        ('k = a"b', "without quotes"),
        ("[broken", "[NAME]"),
        ("= value", "name"),
        ("list[] = value", "name"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_read(line: str, words: str) -> None:
    ini = parse_ini(f"[A]\nfirst = 1\n{line}\nlast = 2\n")
    assert [problem.line for problem in ini.problems] == [3]
    assert words in str(ini.problems[0])
    assert {key: entry.value for key, entry in ini.sections["A"].items()} == {"first": "1", "last": "2"}


def test_windows_editors_leave_a_mark_at_the_start_and_other_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "config.ini"
    file.write_bytes(b"\xef\xbb\xbf[GENERAL]\r\nmethod = REST\r\n[REST]\r\nurl = http://h/api\r\n")
    assert Publisher.from_ini(file).problems == ()
    file.write_bytes("[GENERAL]\nmethod=REST\n[REST]\npassword = pä\n".encode("latin-1"))
    assert Publisher.from_ini(file).problems == ()


def test_a_value_of_the_wrong_kind_leaves_the_default_and_is_reported() -> None:
    text = "[GENERAL]\nmethod=REDIS\n[REDIS]\nport = many\nmode = tape\ntopic = otp\nunknown = 1\n"
    _, section, problems = from_ini(parse_ini(text))
    assert section == Redis(topic="otp")
    assert [problem.line for problem in problems] == [4, 5, 7]


def test_a_problem_never_quotes_a_password() -> None:
    text = '[GENERAL]\nmethod=REST\npassword = "hidden\n[REST]\npassword = hid"den\n'
    _, _, problems = from_ini(parse_ini(text))
    assert [problem.line for problem in problems] == [3, 5]
    assert "hid" not in " ".join(map(str, problems))


def test_the_general_login_serves_rest_when_its_section_has_none() -> None:
    _, section, _ = from_ini(
        parse_ini("[GENERAL]\nmethod=rest\nusername=u\npassword=p\n[REST]\nurl=http://h/\n")
    )
    assert (section.username, section.password) == ("u", "p")
    _, section, _ = from_ini(parse_ini("[GENERAL]\nmethod=REDIS\nusername=u\npassword=p\n[REDIS]\nhost=h\n"))
    assert (section.username, section.password) == ("", "")


def test_problems_are_kept_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "config.ini"
    file.write_text("[GENERAL]\nmethod = REST\nthis line is wrong\n")
    publisher = Publisher.from_ini(file)
    assert [str(problem) for problem in publisher.problems] == ["line 3: there is no `=` on this line"]
    assert "line 3" in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "SMOKE"}, "SMOKE"),
        ({"method": "REST", "url": "ftp://h/"}, "ftp"),
        ({"method": "REST", "host": "h"}, "no option 'host'"),
        ({"method": "MQTT", "qos": 3}, "qos"),
        ({"method": "AMQP", "port": "x"}, "port"),
        ({"method": "AMQP", "confirm": "perhaps"}, "confirm"),
        ({"method": "REDIS", "topic": " "}, "topic"),
        ({"method": "REST", "manage_otp": True}, "cache_dir"),
        ({"method": "REST", "timeout": 0}, "timeouts"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Publisher(**options)  # type: ignore[arg-type]


def test_a_missing_file_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.ini"):
        Publisher.from_ini(tmp_path / "nowhere.ini")


@given(st.text(st.sampled_from("ab[]=;#\"'\\${} \r\n\ttrue"), max_size=60))
def test_no_file_makes_it_give_up(text: str) -> None:
    ini = parse_ini(text, {})
    assert all(1 <= problem.line <= text.count("\n") + text.count("\r") + 1 for problem in ini.problems)


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_what_was_quoted_comes_back(value: str) -> None:
    written = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    ini = parse_ini(f'[A]\nk = "{written}"\n', {})
    assert ini.sections["A"]["k"].value == value
