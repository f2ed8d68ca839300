"""Every option of every section: a right value is saved and loaded, a wrong one refused with a sentence.

The tables are written by hand; a field that is missing here fails a test: a new section brings its values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.settings.parse import from_pairs
from app.settings.section import Section, check
from app.settings.sections import SECTIONS
from app.settings.store import SettingsStore


class Row(NamedTuple):
    """good: as written after `set`; kept: as in the file; bad: refused; why: words of the sentence."""

    good: str
    kept: Any
    bad: str
    why: str


SWITCH_OFF = Row("off", False, "maybe", "'maybe' is neither on nor off")
SWITCH_ON = Row("yes", True, "2", "'2' is neither on nor off")
LINES = "holds a line break or a control character"
TIME = Row("4:05", "04:05", "25:00", "'25:00' is not a time of day")
PATH = Row("/v2/otp", "/v2/otp", "api/otp", "'api/otp' is not a path such as /api/otp")
OFTEN = Row("weekly", "weekly", "hourly", "'hourly' is not one of never, daily, weekly")
DAY = Row("Friday", "friday", "payday", "'payday' is not one of monday, tuesday")
NUMBER = Row("+62 811-1234", "+628111234", "12", "'12' is not a telephone number")
COUNT = Row("30", 30, "-1", "-1 is out of range: 0 to")
RING = Row("repeat", "repeat", "always", "'always' is not one of none, once, repeat")
PAIR = (Path(__file__).parent / "keyfiles" / "keystore.pem").read_text().strip()
KEY = (Path(__file__).parent / "keyfiles" / "keystore-key.pem").read_text().strip()
INIT = Row("AT+CGDCONT=1", "AT+CGDCONT=1", "ATZ\rATD112;", LINES)


def text(good: str) -> Row:
    return Row(good, good, "first\nsecond", LINES)


MAIL = Row("it@example.com", "it@example.com", "it", "'it' is not a mail address")
SECRET = Row("t0k3n", "t0k3n", "a\nb", "the value given " + LINES)
ENDPOINT = Row("http://10.0.0.5:8080/x", "http://10.0.0.5:8080/x", "ftp://x", "'ftp://x' is not an address")
SERVICES = Row("http://10.0.0.5/ip", ["http://10.0.0.5/ip"], "10.0.0.5", "'10.0.0.5' is not an address")
#: A vendor's account is off until its credentials are there, which one field alone does not bring.
NOT_YET = Row("off", False, "maybe", "'maybe' is neither on nor off")
NIC = {
    "username": text("ani"),
    "password": SECRET,
    "company_name": text("PT Contoh"),
    "maintainer_email": MAIL,
    "active": NOT_YET,
}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CLIENT = Row("pi.7", "pi.7", "pi 7", "'pi 7' is not a client id")


def subscriber(**own: Row) -> dict[str, Row]:
    """The fields all brokers share, in their order, with those of one broker."""
    shared = {
        "enable": SWITCH_ON,
        "host": Row("broker.example", "broker.example", "a b", "'a b' is neither a host name nor an address"),
        "port": Row("8443", 8443, "0", "0 is out of range: 1 to 65535"),
        "ssl": SWITCH_ON,
        "ca_certificate": Row(PEM, PEM, "MIIB", "'MIIB' is not a certificate in PEM"),
        "trust_self_signed": SWITCH_ON,
        "username": text("gateway"),
        "password": Row("pass:word", "pass:word", "a\nb", "the value given " + LINES),
        "topic": Row("otp", "otp", "", "must be given"),
        "timeout": Row("30", 30, "0", "0 is out of range: 1 to 300 s"),
        "reconnect_delay": Row("5", 5, "3601", "3601 is out of range: 1 to 3600 s"),
        "refresh": Row("Every hour", 60, "7", "'7' is not one of 0, 5, 10"),
    }
    return {**shared, **own}


VALUES: dict[str, dict[str, Row]] = {
    "general": {
        "device_name": text("Branch office"),
        "otp_expiration": Row("60000", 60000, "999", "999 is out of range: 1000 to 86400000 ms"),
        "drop_expired_otp": SWITCH_OFF,
        "otp_digits": Row("8", 8, "3", "3 is out of range: 4 to 10"),
        "otp_tries": Row("3", 3, "0", "0 is out of range: 1 to 100"),
        "duplicate_window": Row("0", 0, "1.5", "'1.5' is not a whole number"),
        "otp_store": Row("embedded", "embedded", "mysql", "'mysql' is not one of embedded, redis"),
        "otp_store_url": Row(
            "redis://:pw@10.0.0.5:6379/0",
            "redis://:pw@10.0.0.5:6379/0",
            "http://10.0.0.5",
            "the value given is not an address that begins with redis:// or rediss://",
        ),
        "otp_store_secret": Row("s3cret:words", "s3cret:words", "a\nb", "the value given " + LINES),
        "device_time_zone": Row("UTC", "UTC", "Asia/Atlantis", "'Asia/Atlantis' is not a time zone"),
        "ntp_server": Row("10.0.0.1", "10.0.0.1", "ntp server", "'ntp server' is neither a host name"),
        "update_timer": Row("daily", 24, "7", "'7' is not one of 0, 6, 12, 24"),
        "inspect_modem_connection": Row("never", 0, "1", "'1' is not one of 0, 2, 5, 10, 30"),
        "restart_service": OFTEN,
        "restart_service_day": DAY,
        "restart_service_time": TIME,
        "restart_device": OFTEN,
        "restart_device_day": DAY,
        "restart_device_time": TIME,
        "language": Row("id", "id", "fr", "'fr' is not one of en, id"),
    },
    "inbox": {
        "stop_blocks": SWITCH_ON,
        "stop_words": Row(
            "STOP, UNREG", ["STOP", "UNREG"], ",".join("abcdefghijklmnopqrstu"), "more than 20"
        ),
    },
    "inbox_rules": {
        "name": text("orders"),
        "active": SWITCH_OFF,
        "modem": text("sim1"),
        "sender": text("BANK"),
        "words": text("transfer"),
        "webhook": Row(
            "http://a.example/in", "http://a.example/in", "ftp://x", "'ftp://x' is not an address"
        ),
        "webhook_secret": text("s3cret words"),
        "email": Row("a@example.com", "a@example.com", "nobody", "'nobody' is not a mail address"),
        "mqtt_topic": text("sms/in"),
    },
    "canary": {
        "active": SWITCH_ON,
        "interval": Row("30", 30, "4", "4 is out of range: 5 to 1440 min"),
        "daily_budget": Row("5", 5, "0", "0 is out of range: 1 to 1000"),
        "patience": Row("60", 60, "9", "9 is out of range: 10 to 3600 s"),
    },
    "metrics": {
        "token": Row(
            "prometheus-reads-this-1",
            "prometheus-reads-this-1",
            "too short",
            "the value given is not a token: 20 characters or more",
        ),
    },
    "balance": {
        "name": text("sim1 credit"),
        "active": SWITCH_OFF,
        "modem": text("sim1"),
        "code": Row("*123#", "*123#", "hello", "'hello' is not a USSD code"),
        "pattern": Row("Rp ([0-9]+)", "Rp ([0-9]+)", "a\nb", LINES),
        "threshold": Row("5000", 5000.0, "-1", "-1 is out of range: 0 to"),
        "interval": Row("12", 12, "0", "0 is out of range: 1 to 720 h"),
    },
    "api": {
        "http_port": Row("8080", 8080, "65536", "65536 is out of range: 1 to 65535"),
        "enable_http": SWITCH_OFF,
        "https_port": Row("443", 443, "https", "'https' is not a whole number"),
        "enable_https": SWITCH_OFF,
        "otp_path": PATH,
        "message_path": Row("/m", "/m", "/a/../b", "'/a/../b' is not a path"),
        "sms_path": Row("/s", "/s", "/a?b", "'/a?b' is not a path"),
        "email_path": Row("/e", "/e", "", "'' is not a path"),
        "blocking_path": Row("/b", "/b", "/b/", "'/b/' is not a path"),
        "unblocking_path": Row("/u", "/u", "/ü", "'/ü' is not a path"),
        "modem_path": Row("/mo", "/mo", "//mo", "'//mo' is not a path"),
        "ussd_path": Row("/us", "/us", "/u s", "'/u s' is not a path"),
    },
    "api_users": {
        "username": Row("shop", "shop", "a:b", "'a:b' is not a user name"),
        "email": Row("it@example.com", "it@example.com", "it@", "'it@' is not a mail address"),
        "phone_number": NUMBER,
        "password": Row("correct horse", "HASH(correct horse)", "a\x00b", "the value given " + LINES),
        "active": SWITCH_OFF,
        "blocked": SWITCH_ON,
        "allowed_commands": Row(
            "send-sms, echo", ["send-sms", "echo"], "send-fax", "'send-fax' is not one of request-otp"
        ),
        "per_minute_limit": COUNT,
    },
    "users": {
        "username": Row("ann", "ann", "a nn", "'a nn' is not a user name"),
        "name": text("Ann Doe"),
        "role": Row("Viewer", "viewer", "king", "'king' is not one of administrator, operator, viewer"),
        "phone_number": NUMBER,
        "email": Row("ann@example.com", "ann@example.com", "ann", "'ann' is not a mail address"),
        "password": Row("correct horse", "HASH(correct horse)", "a\x00b", "the value given " + LINES),
        "totp_key": Row(
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "123456",
            "the value given is not the key of an authenticator app",
        ),
        "active": SWITCH_OFF,
        "blocked": SWITCH_ON,
    },
    "sms": {
        "country_code": Row("+66", "66", "062", "'062' is not a country code"),
        "recipient_prefix_length": Row("6", 6, "16", "16 is out of range: 1 to 15"),
        "log_outgoing_sms": SWITCH_ON,
        "monitor_sms_traffic": SWITCH_OFF,
        "delivery_reports": SWITCH_ON,
        "national_alphabets": SWITCH_ON,
        "limit_per_minute": COUNT,
        "limit_per_day": COUNT,
    },
    "modems": {
        "name": text("blue stick"),
        "port": Row("/dev/ttyUSB3", "/dev/ttyUSB3", "ttyUSB3", "'ttyUSB3' is not a serial port"),
        "active": SWITCH_OFF,
        "default_modem": SWITCH_ON,
        "recipient_prefix": Row("62811,+62812", ["62811", "62812"], "0811", "'0811' is not the beginning"),
        "send_sms_from_api": SWITCH_OFF,
        "delete_sent_sms": SWITCH_OFF,
        "limit_per_minute": COUNT,
        "limit_per_day": COUNT,
        "manufacturer": text("SIMCOM"),
        "model": text("SIM800"),
        "revision": text("1418B05SIM800"),
        "imei": Row("490154203237518", "490154203237518", "4901", "'4901' is not an IMEI: 14 to 16 digits"),
        "imsi": Row("510101234567890", "510101234567890", "51-01", "'51-01' is not an IMSI"),
        "iccid": Row(
            "8962100000000000000F", "8962100000000000000F", "8962", "'8962' is not the number of a SIM card"
        ),
        "operator": text("TELKOMSEL"),
        "msisdn": NUMBER,
        "sms_centre": NUMBER,
        "sim_pin": Row("0123", "0123", "12", "the value given is not a PIN: 4 to 8 digits"),
        "baud_rate": Row("9600", 9600, "fast", "'fast' is not a whole number"),
        "data_bits": Row("7", 7, "9", "'9' is not one of 5, 6, 7, 8"),
        "parity": Row("even", "E", "X", "'X' is not one of N, E, O, M, S"),
        "stop_bits": Row("1.5", 1.5, "3", "'3' is not one of 1"),
        "internet_access": SWITCH_ON,
        "internet_route": Row("default", "default", "never", "'never' is not one of default, fallback"),
        "apn": text("internet"),
        "apn_username": text("wap"),
        "apn_password": Row("wap123", "wap123", "a\nb", "the value given " + LINES),
        "dial_number": Row("*99***1#", "*99***1#", "*99#;", "'*99#;' is not a dial number"),
        "init_dial_1": INIT,
        "init_dial_2": INIT,
        "init_dial_3": INIT,
        "init_dial_4": INIT,
        "init_dial_5": INIT,
        "dial_command": text("ATDT"),
    },
    "blocking": {
        "number": Row("628123456789", "628123456789", "08123456789", "'08123456789' is not a number in"),
        "state": Row("whitened", "whitened", "grey", "'grey' is not one of blocked, whitened"),
        "since": Row("1700000000", 1700000000, "yesterday", "'yesterday' is not a whole number"),
        "by": text("admin"),
    },
    "keystore": {
        "name": text("branch office"),
        "certificate": Row(PAIR, PAIR, "bm90aGluZw", "neither PEM nor a file in base64"),
        "key": Row(KEY, KEY, "MIGH", "the value given is not in PEM"),
        "password": Row("sandi", "sandi", "a\nb", "the value given " + LINES),
        "active": SWITCH_OFF,
    },
    "wlan": {
        "ssid": Row("Branch é", "Branch é", "", "'' is not the name of a Wi-Fi: 1 to 32"),
        "password": Row("correct horse", "correct horse", "1234567", "the value given is not a Wi-Fi"),
        "key_management": Row("wpa3", "wpa3", "wep", "'wep' is not one of wpa2, wpa2-wpa3, wpa3"),
        "country": Row("de", "DE", "Indonesia", "'Indonesia' is not a country in two letters"),
        "channel": Row("36", 36, "14", "'14' is not one of 1, 2, 3"),
        "ip_address": Row("192.168.9.1", "192.168.9.1", "192.168.9", "'192.168.9' is not an IPv4 address"),
        "prefix": Row("16", 16, "33", "33 is out of range: 0 to 32"),
        "netmask": Row("255.255.255.0", "255.255.255.0", "255.0.255.0", "its ones must come first"),
        "gateway": Row("192.168.0.1", "192.168.0.1", "gateway", "'gateway' is not an IPv4 address"),
        "dns": Row("9.9.9.9", "9.9.9.9", "::1", "'::1' is not an IPv4 address"),
    },
    "dhcp": {
        "domain_name": Row("branch.lan", "branch.lan", 'x"; }', "is neither a host name nor an address"),
        "domain_name_servers": Row("9.9.9.9", ["9.9.9.9"], "9.9.9.9,ns", "is not an IPv4 address"),
        "router_address": Row("192.168.0.12", "192.168.0.12", "router", "'router' is not an IPv4 address"),
        "netmask": Row("255.255.255.0", "255.255.255.0", "24", "'24' is not a netmask"),
        "subnet_mask": Row("255.255.255.0", "255.255.255.0", "x", "'x' is not a netmask"),
        "domain_name_servers_address": Row("192.168.0.2", "192.168.0.2", "", "'' is not an IPv4 address"),
        "default_lease_time": Row("600", 600, "59", "59 is out of range: 60 to 2592000 s"),
        "maximum_lease_time": Row("86400", 86400, "0", "0 is out of range: 60 to 2592000 s"),
        "ranges": Row(
            "192.168.0.50 - 192.168.0.60",
            ["192.168.0.50-192.168.0.60"],
            "192.168.0.60-192.168.0.50",
            "the lower address comes first",
        ),
    },
    "ethernet": {
        "method": Row("automatic", "automatic", "pppoe", "'pppoe' is not one of automatic, fixed"),
        "ip_address": Row("10.0.0.2", "10.0.0.2", "10.0.0.256", "'10.0.0.256' is not an IPv4 address"),
        "prefix": Row("8", 8, "-1", "-1 is out of range: 0 to 32"),
        "netmask": Row("255.255.255.0", "255.255.255.0", "mask", "'mask' is not a netmask"),
        "gateway": Row("10.0.0.1", "10.0.0.1", "gw", "'gw' is not an IPv4 address"),
        "dns1": Row("10.0.0.1", "10.0.0.1", "ns", "'ns' is not an IPv4 address"),
        "dns2": Row("9.9.9.9", "9.9.9.9", "1.1", "'1.1' is not an IPv4 address"),
    },
    "firewall": {
        "name": text("Metrics"),
        "port": Row("9100", 9100, "0", "0 is out of range: 1 to 65535"),
        "protocol": Row("UDP", "udp", "sctp", "'sctp' is not one of tcp, udp"),
        "state": Row("closed", "closed", "ajar", "'ajar' is not one of open, closed"),
    },
    "bell": {
        "fail_send_sms": RING,
        "amqp_disconnected": RING,
        "mqtt_disconnected": RING,
        "ws_disconnected": RING,
        "redis_disconnected": RING,
        "activemq_disconnected": RING,
        "stomp_disconnected": RING,
        "gpio_pin": Row("18", 18, "28", "28 is out of range: 0 to 27"),
        "quiet_from": Row("", "", "24:00", "'24:00' is not a time of day"),
        "quiet_until": Row("", "", "noon", "'noon' is not a time of day"),
    },
    "email": {
        "name": text("office mail"),
        "smtp_host": Row("mail.example.com", "mail.example.com", "mail server", "is neither a host name"),
        "port": Row("465", 465, "0", "0 is out of range: 1 to 65535"),
        "ssl": SWITCH_ON,
        "start_tls": SWITCH_OFF,
        "authentication": SWITCH_OFF,
        "sender_account": text("otp@example.com"),
        "sender_password": Row("sandi", "sandi", "a\nb", "the value given " + LINES),
        "from_address": Row("a@b.example", "a@b.example", "a b@c.example", "is not a mail address"),
        "daily_limit": COUNT,
        "active": SWITCH_OFF,
    },
    "smtp": {
        "active": SWITCH_ON,
        "software_name": text("OTP gateway"),
        "server_name": Row("mail.lan", "mail.lan", "mail lan", "'mail lan' is neither a host name"),
        "address": Row("0.0.0.0", "0.0.0.0", "::", "'::' is not an IPv4 address"),
        "port": Row("2525", 2525, "smtp", "'smtp' is not a whole number"),
        "allowed_addresses": Row(
            "192.168.0.7, fd00::1/8",
            ["192.168.0.7/32", "fd00::/8"],
            "192.168.0",
            "'192.168.0' is neither an address nor a network",
        ),
        "require_tls": SWITCH_OFF,
    },
    "ddns": {
        "name": text("branch office"),
        "provider": Row("No-IP", "noip", "dyndns", "'dyndns' is not one of cloudflare, noip, dynu, afraid"),
        "type": Row("aaaa", "AAAA", "MX", "'MX' is not one of A, AAAA"),
        "zone": Row("example.org", "example.org", "example org", "is neither a host name"),
        "record_name": Row("*.Home", "*.home", "192.168.0.7", "is an address, not the name of a record"),
        "ttl": Row("1", 1, "0", "0 is out of range: 1 to 86400 s"),
        "proxied": SWITCH_ON,
        "update_interval": Row("1440", 1440, "1441", "1441 is out of range: 1 to 1440 min"),
        "force_create_zone": SWITCH_ON,
        "certificate": SWITCH_ON,
        "active": SWITCH_OFF,
    },
    "vendor_cloudflare": {
        "endpoint": ENDPOINT,
        "account_id": text("023e105f4ecef8ad9ca31a8372d0c353"),
        "email": MAIL,
        "api_key": SECRET,
        "token": SECRET,
        "active": NOT_YET,
    },
    "vendor_noip": NIC | {"endpoint": ENDPOINT},
    "vendor_dynu": NIC
    | {
        "api_version": Row("nic", "nic", "v3", "'v3' is not one of nic, v2"),
        "endpoint": ENDPOINT,
        "api_key": SECRET,
    },
    "vendor_afraid": NIC | {"endpoint": ENDPOINT, "sync_endpoint": ENDPOINT, "sync_endpoint_v6": ENDPOINT},
    "public_address": {"services": SERVICES, "services_v6": SERVICES},
    "acme": {
        "directory": ENDPOINT,
        "email": MAIL,
        "agree": SWITCH_ON,
        "propagation": Row("0", 0, "1801", "1801 is out of range: 0 to 1800 s"),
    },
    "subscriber_amqp": subscriber(
        virtual_host=Row("/otp", "/otp", "", "must be given"),
        version=Row("1.0", "1.0", "2.0", "'2.0' is not one of 0.9.1, 1.0"),
        durable=SWITCH_ON,
    ),
    "subscriber_redis": subscriber(
        database=Row("3", 3, "-1", "-1 is out of range: 0 to 65535"),
        mode=Row("Stream", "stream", "set", "'set' is not one of channel, list, stream"),
    ),
    "subscriber_mqtt": subscriber(
        topic=Row("$share/pi/sms", "$share/pi/sms", "a/#/b", "'a/#/b' is not an MQTT topic"),
        client_id=CLIENT,
        protocol=Row("5", "5", "3", "'3' is not one of 3.1.1, 5"),
        qos=Row("2", 2, "3", "'3' is not one of 0, 1, 2"),
    ),
    "subscriber_activemq": subscriber(
        client_id=CLIENT,
        destination=Row("Topic", "topic", "list", "'list' is not one of queue, topic"),
        time_to_live=Row("0", 0, "-1", "-1 is out of range: 0 to 86400 s"),
    ),
    "subscriber_stomp": subscriber(virtual_host=text("/otp")),
    "subscriber_ws": subscriber(
        path=Row("/ws?room=1", "/ws?room=1", "ws", "'ws' is not a path such as /ws"),
        topic_parameter=Row("channel", "channel", "room", "'room' is not one of topic, channel"),
    ),
}

#: What an item needs before one of its fields can be tried.
NEEDED = {
    "inbox_rules": {"name": "orders"},
    "balance": {"name": "credit"},
    "api_users": {"username": "somebody"},
    "users": {"username": "somebody"},
    "modems": {"name": "m1", "port": "sim://m1"},
    "blocking": {"number": "628111"},
    "firewall": {"name": "metrics", "port": 9100},
    "keystore": {"name": "office", "certificate": PAIR},
    "email": {
        "name": "m1",
        "smtp_host": "mail.example.org",
        "sender_account": "otp@example.org",
    },
    "ddns": {"name": "d1", "zone": "example.com"},
}

FIELDS = [
    pytest.param(section, field, id=f"{section.about.name}.{field}")
    for section in SECTIONS
    for field in section.options
]


def row(section: type[Section], field: str) -> Row:
    return VALUES[section.about.name][field]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.about.name)
def test_every_declared_field_has_its_values_here(section: type[Section]) -> None:
    assert list(VALUES[section.about.name]) == list(section.options)


@pytest.mark.parametrize(("section", "field"), FIELDS)
def test_a_right_value_is_saved_and_loaded(section: type[Section], field: str, tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    good = row(section, field)
    item = "x1" if section.about.many else ""
    checked = from_pairs(
        section, [f"{field}={good.good}"], NEEDED.get(section.about.name), item, hasher=fake_hash
    )
    assert checked.problems == ()
    assert checked.value is not None
    if item:
        store.put(section, item, checked.value)
    else:
        store.save(section, checked.value)

    text = json.loads(store.path(section).read_text(encoding="utf-8"))
    expected = HASH if section.options[field].hashed else good.kept
    assert (text[item] if item else text)[field] == expected
    again = store.load()
    assert again.problems == ()
    value = again.settings.items(section)[item] if item else again.settings.one(section)
    assert value == checked.value


@pytest.mark.parametrize(("section", "field"), FIELDS)
def test_a_wrong_value_is_refused_with_a_sentence(section: type[Section], field: str) -> None:
    bad = row(section, field)
    item = "x1" if section.about.many else ""
    checked = from_pairs(
        section, [f"{field}={bad.bad}"], NEEDED.get(section.about.name), item, hasher=fake_hash
    )
    assert checked.value is None
    (problem,) = checked.problems
    assert (problem.section, problem.item, problem.field) == (section.about.name, item, field)
    assert bad.why in problem.sentence
    if section.options[field].secret:
        assert bad.bad not in problem.sentence


@pytest.mark.parametrize(("section", "field"), FIELDS)
@pytest.mark.parametrize("value", [None, {}, {"a": 1}, [[]], [None], 1e400, "\ud800", "x" * 5000])
def test_a_value_of_another_kind_in_a_file_is_refused(
    section: type[Section], field: str, value: object
) -> None:
    raw = {**NEEDED.get(section.about.name, {}), field: value}
    checked = check(section, raw, "x1" if section.about.many else "")
    assert checked.value is None
    (problem,) = checked.problems
    assert problem.field == field
    assert len(problem.sentence) < 300
    assert problem.sentence.isprintable()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.about.name)
def test_the_defaults_obey_their_own_rules(section: type[Section]) -> None:
    defaults = {name: option.default for name, option in section.options.items() if not option.required}
    if not section.about.many:
        assert all(not option.required for option in section.options.values())
    checked = check(section, {**NEEDED.get(section.about.name, {}), **defaults})
    assert checked.problems == ()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.about.name)
def test_a_section_is_declared_completely(section: type[Section]) -> None:
    about = section.about
    assert about.name.isidentifier() and about.name.islower()
    assert about.title
    assert bool(about.key) == about.many
    if about.key:
        assert section.options[about.key].required
    for option in section.options.values():
        assert option.name.islower()
        assert option.label[0].isupper()
        assert option.default not in ("", None) or not option.choices


def test_no_two_sections_have_one_name() -> None:
    names = [section.about.name for section in SECTIONS]
    assert len(set(names)) == len(names)


HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g"


def fake_hash(password: str) -> str:
    """Stands in for argon2 at the seam that the parser offers; checks that it gets the password itself."""
    assert password == VALUES["api_users"]["password"].good
    return HASH
