"""What sections say against themselves, and against each other: everything at once, by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.api import Api, ApiUser
from app.settings.cross import all_cautions, cross_problems
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.network import Ethernet, Wlan
from app.settings.parse import from_pairs
from app.settings.problems import Problem
from app.settings.section import Around, Section, check, check_many, item_id
from app.settings.sections import SECTIONS, by_flags
from app.settings.snapshot import Settings
from app.settings.store import SettingsStore


def settings(**values: object) -> Settings:
    fresh = SettingsStore(Path("/nowhere")).load().settings
    for section in SECTIONS:
        if section.about.name in values:
            fresh = fresh.replaced(section, values[section.about.name])  # type: ignore[arg-type]
    return fresh


def test_all_wrong_fields_are_told_at_once() -> None:
    checked = check(Api, {"http_port": 0, "otp_path": "otp", "enable_https": "perhaps", "htpp_port": 1})
    assert checked.value is None
    assert checked.problems == (
        Problem("api", "", "htpp_port", "there is no such option in api: did you mean http_port?"),
        Problem("api", "", "http_port", "0 is out of range: 1 to 65535"),
        Problem("api", "", "enable_https", "'perhaps' is neither on nor off"),
        Problem(
            "api",
            "",
            "otp_path",
            "'otp' is not a path such as /api/otp (letters, digits and . _ ~ - between slashes)",
        ),
    )


def test_a_contradiction_is_told_beside_a_wrong_field() -> None:
    checked = check(General, {"otp_store": "redis", "otp_store_secret": "s" * 16, "otp_digits": 99})
    assert [(problem.field, problem.sentence) for problem in checked.problems] == [
        ("otp_digits", "99 is out of range: 4 to 10"),
        ("otp_store_url", "must be given when the OTP store is redis"),
    ]


def test_a_contradiction_is_not_made_up_from_a_wrong_field() -> None:
    given = {"otp_store": "redis", "otp_store_secret": "s" * 16, "otp_store_url": "nonsense"}
    checked = check(General, given)
    assert [problem.field for problem in checked.problems] == ["otp_store_url"]
    assert "nonsense" not in checked.problems[0].sentence


def test_what_must_be_given_is_told() -> None:
    checked = check(Modem, {"name": "m1"}, "m1")
    assert checked.problems == (Problem("modems", "m1", "port", "must be given"),)


def test_the_name_of_an_item_is_its_id_unless_given() -> None:
    checked = check(Modem, {"port": "sim://a"}, "m1")
    assert checked.value is not None
    assert checked.value.name == "m1"


def test_the_good_items_of_a_collection_survive_a_broken_one() -> None:
    checked = check_many(
        Modem, {"m1": {"port": "sim://a"}, "m2": {"port": "COM3"}, "m3": 5, "../m4": {"port": "sim://d"}}
    )
    assert checked.value is not None
    assert list(checked.value) == ["m1"]
    assert [(problem.item, problem.field) for problem in checked.problems] == [
        ("m2", "port"),
        ("m3", ""),
        ("", ""),
    ]
    assert "'../m4' cannot be the id of an item" in checked.problems[2].sentence


def test_two_api_users_cannot_have_one_name() -> None:
    checked = check_many(ApiUser, {"a": {"username": "shop"}, "b": {"username": "Shop"}})
    assert checked.problems == (
        Problem("api_users", "b", "username", "'Shop' is already taken by api_users/a"),
    )


def test_two_active_modems_cannot_have_one_port() -> None:
    port = {"port": "/dev/ttyUSB0"}
    checked = check_many(Modem, {"m1": port, "m2": {**port, "active": False}, "m3": port})
    assert checked.problems == (
        Problem("modems", "m3", "port", "/dev/ttyUSB0 is already the port of the active modem m1"),
    )


def test_two_listeners_cannot_have_one_port() -> None:
    found = cross_problems(settings(api=Api(http_port=9000, https_port=9000)))
    assert found == [Problem("api", "", "https_port", "port 9000 is already taken by api.http_port")]


def test_a_listener_that_is_off_takes_no_port() -> None:
    assert cross_problems(settings(api=Api(http_port=9000, https_port=9000, enable_http=False))) == []


def test_the_ports_of_the_device_itself_are_taken() -> None:
    found = cross_problems(settings(api=Api(http_port=8888)))
    assert found == [Problem("api", "", "http_port", "port 8888 is already taken by the admin pages")]


def test_warnings_are_apart_from_problems() -> None:
    modem = Modem(name="m1", port="/dev/ttyUSB9", default_modem=True, send_sms_from_api=False)
    idle = Modem(name="m2", port="/dev/ttyUSB8", default_modem=True, active=False)
    whole = settings(modems={"m1": modem, "m2": idle}, api_users={"u": ApiUser(username="u")})
    assert cross_problems(whole) == []
    assert [str(warning) for warning in all_cautions(whole, Around(port_exists=lambda port: False))] == [
        "api_users/u.password: u has no password and cannot sign in",
        "modems/m1.port: /dev/ttyUSB9 does not exist now: the modem counts as absent",
        "modems/m1.default_modem: is the default modem, but closed to the API",
        "modems/m2.default_modem: is the default modem, but is not active",
    ]


def test_a_secret_is_not_in_the_text_of_a_section() -> None:
    modem = Modem(name="m1", port="sim://a", sim_pin="4711", apn_password="hush")
    assert "4711" not in f"{modem} {modem!r}"
    assert "hush" not in f"{modem} {modem!r}"


def test_ids_are_made_from_names_and_never_twice() -> None:
    assert item_id("SIM 1 (blue)") == "SIM-1-blue"
    assert item_id("SIM 1 (blue)", ["SIM-1-blue"]) == "SIM-1-blue-2"
    assert item_id("../../etc") == "etc"
    assert item_id("電話") == "item"


def test_reset_flags_choose_their_sections() -> None:
    chosen = by_flags({"RESET_API", "RESET_MODEM", "RESET_NOTHING", ""})
    assert [section.about.name for section in chosen] == ["api", "modems"]


@pytest.mark.parametrize("section", [Wlan, Ethernet])
def test_a_netmask_alone_says_how_long_the_prefix_is(section: type[Section]) -> None:
    given = {"ip_address": "10.0.0.1", "netmask": "255.255.0.0"}
    assert check(section, given).value.prefix == 16  # type: ignore[union-attr]
    # The old prefix, which the file holds, gives way to the netmask that is given, and the other way round.
    old = section.model_validate({"ip_address": "10.0.0.1", "prefix": 24, "netmask": "255.255.255.0"})
    changed = from_pairs(section, ["netmask=255.255.0.0"], old).value
    assert (changed.prefix, changed.netmask) == (16, "255.255.0.0")  # type: ignore[union-attr]
    changed = from_pairs(section, ["prefix=8"], old).value
    assert (changed.prefix, changed.netmask) == (8, "")  # type: ignore[union-attr]
    both = from_pairs(section, ["prefix=8", "netmask=255.255.0.0"], old)
    assert "both must agree" in str(both.problems)
    assert "is not a netmask" in str(check(section, {"netmask": "255.0.255.0"}).problems)


def test_an_access_point_that_leaves_dhcps_network_is_a_caution(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    assert not [one for one in store.load().warnings if one.section in ("wlan", "dhcp")]
    store.save(Wlan, Wlan(ip_address="10.9.0.1"))
    why = "DHCP serves 192.168.0.0/24, but the access point is in 10.9.0.0/24: nobody would get an address"
    told = [(one.section, one.field, one.sentence) for one in store.load().warnings]
    assert ("wlan", "ip_address", why) in told and ("dhcp", "router_address", why) in told
