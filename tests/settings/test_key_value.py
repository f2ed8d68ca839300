"""`name=value` words and form fields: what people type becomes settings, or a sentence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.settings.api import Api, ApiUser
from app.settings.modems import Modem
from app.settings.parse import from_form, from_pairs
from app.settings.section import check
from app.settings.sms import Sms

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g"


def hashed(password: str) -> str:
    assert password == "correct horse"
    return HASH


def test_the_line_of_the_manual_makes_a_modem() -> None:
    words = "name=m1 port=/dev/pts/7 active=true recipient_prefix=62811,62812 default_modem=true"
    modem = from_pairs(Modem, words.split(), None, "m1").value
    assert modem is not None
    assert (modem.name, modem.port, modem.active, modem.default_modem) == ("m1", "/dev/pts/7", True, True)
    assert modem.recipient_prefix == ("62811", "62812")


def test_switches_are_written_in_many_ways() -> None:
    for word in ("true", "TRUE", "on", "yes", "1", " On "):
        assert from_pairs(Sms, [f"delivery_reports={word}"], None).value == Sms(delivery_reports=True)
    for word in ("false", "off", "No", "0", ""):
        assert from_pairs(Sms, [f"monitor_sms_traffic={word}"], None).value == Sms(monitor_sms_traffic=False)


def test_other_fields_keep_their_values() -> None:
    old = Api(http_port=80, otp_path="/o")
    assert from_pairs(Api, ["https_port=443"], old).value == Api(http_port=80, https_port=443, otp_path="/o")


def test_a_wrong_field_of_a_file_can_be_put_right() -> None:
    raw = {"http_port": "many", "https_port": 443, "long_gone": 1}
    assert from_pairs(Api, ["http_port=80"], raw).value == Api(http_port=80, https_port=443)


def test_every_wrong_word_is_told() -> None:
    words = ["http_port", "https_prot=1", "sms_path=x", "otp_path=/a", "otp_path=/b"]
    problems = from_pairs(Api, words, None).problems
    assert [str(problem) for problem in problems] == [
        "api: 'http_port' is not of the form name=value",
        "api.https_prot: there is no such option in api: did you mean https_port?",
        "api.otp_path: is given twice",
        "api.sms_path: 'x' is not a path such as /api/otp (letters, digits and . _ ~ - between slashes)",
    ]


def test_a_value_may_hold_an_equals_sign() -> None:
    modem = from_pairs(Modem, ["port=sim://m1", "init_dial_2=AT+CGDCONT=1"], None, "m1").value
    assert modem is not None
    assert modem.init_dial_2 == "AT+CGDCONT=1"


def test_a_password_is_hashed_and_a_hash_is_not_taken_for_one() -> None:
    user = from_pairs(ApiUser, ["password=correct horse"], None, "u", hasher=hashed).value
    assert user is not None
    assert user.password == HASH
    given_as_password: list[str] = []
    from_pairs(ApiUser, [f"password={HASH}"], None, "u", hasher=lambda p: given_as_password.append(p) or HASH)
    assert given_as_password == [HASH]


def test_a_form_with_an_empty_secret_keeps_it() -> None:
    old = Modem(name="m1", port="sim://a", sim_pin="1234", apn_password="hush", active=True)
    form = {"name": "m1", "port": "sim://b", "sim_pin": "", "apn_password": "", "csrf": "x", "active": "on"}
    new = from_form(Modem, form, old, "m1").value
    assert new is not None
    assert (new.port, new.sim_pin, new.apn_password) == ("sim://b", "1234", "hush")


def test_a_form_can_replace_or_clear_a_secret() -> None:
    old = Modem(name="m1", port="sim://a", sim_pin="1234", apn_password="hush")
    new = from_form(Modem, {"sim_pin": "9876", "apn_password": ""}, old, "m1", clear=["apn_password"]).value
    assert new is not None
    assert (new.sim_pin, new.apn_password) == ("9876", "")


def test_a_switch_that_the_browser_did_not_send_is_off() -> None:
    old = Modem(name="m1", port="sim://a", active=True, recipient_prefix=("62811",))
    whole = from_form(Modem, {"name": "m1"}, old, "m1").value
    part = from_form(Modem, {"name": "m1"}, old, "m1", whole=False).value
    assert whole is not None
    assert part is not None
    assert (whole.active, whole.recipient_prefix) == (False, ())
    assert (part.active, part.recipient_prefix) == (True, ("62811",))


def test_a_list_comes_as_lines_commas_or_several_fields() -> None:
    for value in ("62811, 62812", "62811\r\n62812\r\n", ["62811", "62812"]):
        new = from_form(Modem, {"port": "sim://a", "recipient_prefix": value}, None, "m1").value
        assert new is not None
        assert new.recipient_prefix == ("62811", "62812")


def test_the_sentence_about_a_wrong_secret_does_not_hold_it() -> None:
    (problem,) = from_form(Modem, {"port": "sim://a", "sim_pin": "0815x"}, None, "m1").problems
    assert problem.field == "sim_pin"
    assert "0815x" not in problem.sentence


@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_words_give_a_section_or_sentences(words: list[str]) -> None:
    checked = from_pairs(Api, words, None)
    assert (checked.value is None) == bool(checked.problems)
    assert all(problem.sentence.isprintable() for problem in checked.problems)


VALUE = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(["on", "off", "62811,62812", "1e9", "0x1F", "²"]),
)


@given(st.dictionaries(st.sampled_from([*Modem.options]), VALUE, max_size=8))
def test_what_is_accepted_is_accepted_again_from_its_file(fields: dict[str, str]) -> None:
    words = [f"{name}={value}" for name, value in {"port": "sim://a", **fields}.items()]
    checked = from_pairs(Modem, words, None, "m1")
    if checked.value is None:
        assert checked.problems
        return
    again = check(Modem, checked.value.model_dump(mode="json"), "m1")
    assert again.problems == ()
    assert again.value == checked.value
