"""The pages of the device: changes on trial, clock, power, bell, brokers, mail, names, certificates, card."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.settings.ddns import DdnsRecord, NoIp, PublicAddress
from app.settings.keystore import Keystore
from app.settings.mail import EmailAccount
from app.settings.network import Dhcp, FirewallRule, Wlan
from app.settings.subscribers import SubscriberMqtt, SubscriberRedis
from app.settings.users import User
from app.system import card
from app.system.device import NOT_OURS
from bench.ports import free_port
from hw.rtc import Rtc
from tests.ddns.servers import answering
from tests.keypairs import signed_by_itself
from tests.mail.servers import MailServer, running
from tests.wanting import need, program
from tests.web.admin.site import Client, Page, Site, eventually, user
from tests.web.admin.test_pages import fields_of, pairs

KEYFILES = Path(__file__).parents[2] / "settings" / "keyfiles"


def notes(site: Site) -> list[str]:
    """What the device would have done."""
    return list(site.system.notes)


def after(page: Page, client: Client) -> Page:
    """Where a form leads."""
    assert page.status == 303, page.words
    return client.get(page.location)


# -- on trial ---------------------------------------------------------------------------------------------


def change_channel(ann: Client, channel: str) -> Page:
    fields = fields_of(ann.get("/settings/wlan").text) | {"channel": [channel]}
    return ann.post("/settings/wlan", pairs(fields))


def test_a_change_of_the_network_is_on_trial_until_it_is_confirmed(site: Site, ann: Client) -> None:
    assert "takes effect for 60 s" in ann.get("/settings/wlan").words
    page = change_channel(ann, "11")
    assert page.location == "/network/trial"
    told = ann.get("/network/trial").words
    assert "in force for 60 s and then goes back by itself" in told
    assert "Confirm it from a browser that can still reach the device" in told
    assert "Access point" in told
    assert "Confirm: keep the change" in ann.get("/messages").words  # from any page
    assert "Confirm: keep the change" not in Client(site).sign_in("vera").get("/messages").words
    assert "Confirmed: the change stays." in after(ann.post("/network/trial/confirm"), ann).words
    assert site.store.read(Wlan).value.channel == 11  # type: ignore[union-attr]
    assert "Confirm: keep the change" not in ann.get("/messages").words
    assert "the change was confirmed and stays" in ann.get("/network/trial").words
    audit = site.service.admin.house.audit
    eventually(lambda: "trial.confirmed" in [one.what for one in audit.page(0, 10)])


def test_a_change_that_nobody_confirms_goes_back_by_itself(site: Site, ann: Client) -> None:
    site.service.device.trial.seconds = 1.0
    before = site.store.read(Wlan).value.channel  # type: ignore[union-attr]
    change_channel(ann, "3")
    eventually(lambda: site.store.read(Wlan).value.channel == before)  # type: ignore[union-attr]
    eventually(lambda: not site.service.device.trial.waiting)
    site.service.device.trial.seconds = 60.0
    assert "the change went back: nobody confirmed within 1 s" in ann.get("/network/trial").words
    assert "It was too late" in after(ann.post("/network/trial/confirm"), ann).words


def test_a_change_goes_back_at_once_on_wish(site: Site, ann: Client) -> None:
    rule = {"name": ["x"], "port": ["2222"], "protocol": ["tcp"], "state": ["open"]}
    assert ann.post("/settings/firewall/new", pairs(rule)).location == "/network/trial"
    assert "x" in site.store.read(FirewallRule).value  # type: ignore[operator]
    assert ann.post("/settings/firewall/delete/x").location == "/network/trial"
    assert "Everything is as it was" in after(ann.post("/network/trial/back"), ann).words
    assert "x" not in site.store.read(FirewallRule).value  # type: ignore[operator]


def test_a_wrong_change_begins_no_trial(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/dhcp").text) | {"ranges": ["10.0.0.1-10.0.0.9"]}
    assert ann.post("/settings/dhcp", pairs(fields)).status == 422
    assert not site.service.device.trial.waiting
    fields = fields_of(ann.get("/settings/dhcp").text)
    assert ann.post("/settings/dhcp", pairs(fields)).location == "/settings/dhcp"
    assert not site.service.device.trial.waiting


def test_a_form_that_somebody_else_overtook_begins_no_trial(site: Site, ann: Client) -> None:
    fields = fields_of(ann.get("/settings/dhcp").text)
    site.store.save(Dhcp, Dhcp(default_lease_time=1800))
    page = ann.post("/settings/dhcp", pairs(fields | {"default_lease_time": ["900"]}))
    assert page.status == 409
    assert not site.service.device.trial.waiting


def test_a_restored_network_is_on_trial_too(site: Site, ann: Client) -> None:
    backup = ann.post("/system/backup").text.encode()
    site.store.save(Dhcp, Dhcp(default_lease_time=600))
    page = ann.upload("/system/restore", "file", backup)
    assert page.location == "/network/trial"
    assert "dhcp" in site.service.device.trial.names
    ann.post("/network/trial/back")
    assert site.store.read(Dhcp).value.default_lease_time == 600  # type: ignore[union-attr]


# -- the clock --------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(site: Site) -> Iterator[Site]:
    """The clock is not trusted: no chip, no time server so far."""
    properties = site.service.device._bus._properties  # type: ignore[attr-defined]
    properties["NTPSynchronized"] = False
    site.door.clockface._seen = None
    yield site
    properties["NTPSynchronized"] = True
    site.door.clockface._seen = None


def test_the_clock_is_shown_with_zone_server_and_chip(site: Site, ann: Client) -> None:
    told = ann.get("/system/time").words
    for words in ("Device time", "Trusted yes", "Time server", "Clock chip", "Asia/Jakarta"):
        assert words in told
    vera = Client(site).sign_in("vera").get("/system/time").words
    assert "Trusted yes" in vera
    assert "Take the time of this browser" not in vera


def test_the_clock_chip_is_shown_with_its_temperature_and_its_trouble(
    site: Site, ann: Client, tmp_path: Path
) -> None:
    chip = tmp_path / "sys/class/rtc/rtc0"
    (chip / "device/hwmon/hwmon3").mkdir(parents=True)
    (chip / "name").write_text("rtc-ds1307 1-0068\n")
    (chip / "since_epoch").write_text("1795193553\n")
    (chip / "device/hwmon/hwmon3/temp1_input").write_text("24250\n")
    clock = site.service.device.time
    usual, clock._rtc = clock._rtc, Rtc(tmp_path)
    try:
        site.door.clockface._seen = None
        told = ann.get("/system/time").words
        assert "the clock chip (rtc-ds1307) keeps the time" in told
        assert "24.2 °C" in told
        (chip / "since_epoch").write_text("")  # the kernel gives no time that the chip does not vouch for
        site.door.clockface._seen = None
        assert "stood still: set the clock, look at its battery" in ann.get("/system/time").words
    finally:
        clock._rtc = usual
        site.door.clockface._seen = None


def test_the_clock_is_set_from_the_browser_and_by_hand(site: Site, ann: Client) -> None:
    now = time.time()
    assert "The clock is set." in after(ann.post("/system/time/set", {"unix": f"{now:.3f}"}), ann).words
    assert f"timedate1.SetTime({int(round(now, 3) * 1e6)}, False, False)" in notes(site)
    ann.post("/system/time/set", {"typed": "2030-01-02 10:00:00"})
    # 10:00 in Jakarta is 03:00 UTC: 1893553200 Unix seconds.
    assert "timedate1.SetTime(1893553200000000, False, False)" in notes(site)
    for wrong in ({"unix": "0"}, {"unix": "nan"}, {"unix": "inf"}, {"typed": "yesterday"}, {}):
        page = after(ann.post("/system/time/set", wrong), ann)
        assert "that is not the time of today" in page.words, wrong


def test_zone_and_time_server_are_saved_on_the_page_of_the_time(site: Site, ann: Client) -> None:
    page = ann.post("/system/time", {"device_time_zone": "Mars/Base"})
    assert page.status == 422
    fields = {"device_time_zone": "Asia/Makassar", "ntp_server": "id.pool.ntp.org", "update_timer": "12"}
    assert "Saved." in after(ann.post("/system/time", fields), ann).words
    eventually(lambda: "timedate1.SetTimezone('Asia/Makassar', False)" in notes(site))
    ann.post("/system/time", {"device_time_zone": "Asia/Jakarta"})


def test_the_way_in_offers_the_browsers_time_when_the_clock_is_not_trusted(doubtful: Site) -> None:
    client = Client(doubtful)
    assert "The device's clock is not trusted: no clock chip" in client.get("/login").words
    now = "1900000000.5"
    client.post("/login", {"username": "ann", "password": "wrong", "take-time": "on", "unix": now})
    oscar = {"username": "oscar", "password": "four green horses", "take-time": "on", "unix": now}
    client.post("/login", oscar)
    assert not any("1900000000" in note for note in notes(doubtful))
    ann = Client(doubtful)
    ann.post("/login", {**oscar, "username": "ann"})
    assert "timedate1.SetTime(1900000000500000, False, False)" in notes(doubtful)
    assert "The clock is set." in ann.get("/").words


def test_a_trusted_clock_is_not_set_on_the_way_in(site: Site) -> None:
    assert "clock is not trusted" not in Client(site).get("/login").words
    fields = {"username": "ann", "password": "four green horses", "take-time": "on", "unix": "1910000000"}
    Client(site).post("/login", fields)
    assert not any("1910000000" in note for note in notes(site))


def test_without_signing_in_the_clock_is_set_only_before_the_first_administrator(fresh) -> None:  # type: ignore[no-untyped-def]
    site: Site = fresh(people=False)
    client = Client(site)
    properties = site.service.device._bus._properties  # type: ignore[attr-defined]
    assert client.post("/setup/time", {"unix": "1900000000"}).location == "/setup"
    assert not any("SetTime(" in note for note in notes(site))  # it was right
    properties["NTPSynchronized"] = False
    site.door.clockface._seen = None
    assert "The device's clock is not trusted" in client.get("/setup").words
    assert client.post("/setup/time", {"unix": "1900000000"}).location == "/setup"
    assert "timedate1.SetTime(1900000000000000, False, False)" in notes(site)
    assert client.post("/setup/time", {"unix": "5"}).status == 422
    site.store.put(User, "ann", user("ann", "administrator"))
    client.post("/setup/time", {"unix": "1950000000"})
    assert not any("1950000000" in note for note in notes(site))


# -- power ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "noted"),
    [
        ("reboot", "Manager.Reboot(False)"),
        ("shut-down", "Manager.PowerOff(False)"),
        ("expand", "Manager.StartUnit('otppi-expand.service', 'replace')"),
        ("clean-up", "Manager.StartUnit('otppi-cleanup.service', 'replace')"),
    ],
)
def test_a_deed_says_what_it_will_do_asks_and_is_told_in_the_audit(
    site: Site, ann: Client, deed: str, noted: str
) -> None:
    before = notes(site).count(noted)
    asked = ann.get(f"/system/power/{deed}")
    assert "Leave everything as it is" in asked.words
    assert 'class="danger"' in asked.text
    assert notes(site).count(noted) == before
    page = ann.post(f"/system/power/{deed}")
    assert page.status in (200, 303)
    assert notes(site).count(noted) == before + 1
    audit = site.service.admin.house.audit
    eventually(lambda: any(one.what == f"device.{deed}" for one in audit.page(0, 10, "device.")))


def test_a_machine_that_is_no_device_says_what_is_missing(site: Site, ann: Client) -> None:
    site.service.device.why_not = NOT_OURS
    try:
        told = ann.get("/system/power")
        assert NOT_OURS in told.words
        assert 'href="/system/power/reboot"' not in told.text
        assert 'href="/system/restart"' in told.text
        before = len(notes(site))
        assert NOT_OURS in after(ann.post("/system/power/reboot"), ann).words
        assert NOT_OURS in after(ann.post("/system/time/set", {"unix": "1900000000"}), ann).words
        assert NOT_OURS in ann.get("/network").words
        assert len(notes(site)) == before
    finally:
        site.service.device.why_not = ""


def test_there_is_no_other_deed(site: Site, ann: Client) -> None:
    assert ann.get("/system/power/explode").status == 404
    assert ann.post("/system/power/explode").status == 404


# -- buttons ----------------------------------------------------------------------------------------------


def test_a_melody_is_played_and_silenced(site: Site, ann: Client) -> None:
    page = ann.post("/settings/bell/act/play", {"asked": "mqtt_disconnected"})
    assert "It is being played." in after(page, ann).words
    eventually(lambda: any("plays 784 587 Hz" in note for note in notes(site)))
    assert (
        "there is no such melody" in after(ann.post("/settings/bell/act/play", {"asked": "../x"}), ann).words
    )
    assert "The bell is silent" in after(ann.post("/settings/bell/act/silence"), ann).words


def test_a_broker_that_is_not_there_is_told_in_words(site: Site, ann: Client) -> None:
    port = free_port()
    site.store.save(SubscriberRedis, SubscriberRedis(port=port))
    eventually(lambda: site.service.settings.one(SubscriberRedis).port == port)
    told = after(ann.post("/settings/subscriber_redis/act/test"), ann).words
    assert f"127.0.0.1:{port} refused the connection: is the broker running there?" in told


@pytest.mark.parametrize("section", ["ws", "amqp", "mqtt", "redis", "activemq", "stomp"])
def test_each_subscriber_has_a_test_button(ann: Client, section: str) -> None:
    assert (
        f'action="/settings/subscriber_{section}/act/test"' in ann.get(f"/settings/subscriber_{section}").text
    )


def test_a_broker_that_answers_is_told_and_left_as_it_was(site: Site, ann: Client, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    mosquitto, missing = program("mosquitto", "mosquitto")
    need(missing)
    broker = subprocess.Popen([mosquitto, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        site.store.save(SubscriberMqtt, SubscriberMqtt(port=port))
        eventually(lambda: site.service.settings.one(SubscriberMqtt).port == port)
        words = f"127.0.0.1:{port} took the connection, the account and the topic"

        def tried() -> bool:
            return words in after(ann.post("/settings/subscriber_mqtt/act/test"), ann).words

        eventually(tried)
        site.store.save(SubscriberMqtt, SubscriberMqtt(port=port, enable=True))
        eventually(lambda: site.service.brokers.subscriber(SubscriberMqtt).status.connected)
        told = after(ann.post("/settings/subscriber_mqtt/act/test"), ann).words
        assert f"127.0.0.1:{port} is connected now" in told
        assert "connected since" in told
        assert site.service.brokers.subscriber(SubscriberMqtt).status.attempts == 1
        site.store.save(SubscriberMqtt, SubscriberMqtt(port=port))
    finally:
        broker.terminate()
        broker.wait(10)


def test_a_test_mail_shows_the_whole_conversation_without_the_password(site: Site, ann: Client) -> None:
    with running(MailServer(users={"me@example.com": "sesame-open"})) as server:
        account = EmailAccount(
            name="first",
            smtp_host="127.0.0.1",
            port=server.port,
            start_tls=False,
            sender_account="me@example.com",
            sender_password="sesame-open",
        )
        site.store.put(EmailAccount, "first", account)
        eventually(lambda: "first" in site.service.settings.items(EmailAccount))
        page = ann.post("/settings/email/act/test", {"item": "first", "asked": "ani@example.com"})
        shown = after(page, ann)
        assert "took the mail: 250" in shown.words
        assert "C: MAIL FROM:<me@example.com>" in shown.words
        assert "AUTH PLAIN ***" in shown.words or "C: ***" in shown.words
        assert "sesame-open" not in shown.text
        assert len(server.mails) == 1
        wrong = account.model_copy(update={"sender_password": "other-word"})
        site.store.put(EmailAccount, "first", wrong)
        eventually(lambda: site.service.settings.items(EmailAccount)["first"] == wrong)
        shown = after(ann.post("/settings/email/act/test", {"item": "first", "asked": "a@example.com"}), ann)
        assert "535 5.7.8 Authentication credentials invalid" in shown.words
        assert "other-word" not in shown.text
    site.store.remove(EmailAccount, "first")


def test_a_name_is_updated_now_and_its_history_is_shown(site: Site, ann: Client) -> None:
    with answering("9.9.9.9", "good", "9.9.9.9", "nochg", "9.9.9.9", "nochg") as server:
        site.store.save(PublicAddress, PublicAddress(services=(f"{server.url}/ip",), services_v6=()))
        site.store.save(NoIp, NoIp(endpoint=server.url, username="u", password="p", active=True))
        record = DdnsRecord(name="home", provider="noip", zone="example.com", record_name="otp")
        site.store.put(DdnsRecord, "home", record)
        keepings = site.service.ddns.keepings
        eventually(lambda: [one.state for one in keepings()] == ["done"])
        assert "No-IP set" in ann.get("/network/names").words
        told = after(ann.post("/network/names/home"), ann).words
        assert "No-IP had the address already" in told
        again = after(ann.post("/network/names/home"), ann).words
        assert "this name was updated a moment ago; wait a minute" in again
        history = ann.get("/network/names/home").words
        assert "No-IP set" in history
        assert ann.get("/network/names/none").status == 404
        assert "That name is not active." in after(ann.post("/network/names/none"), ann).words
    site.store.remove(DdnsRecord, "home")


@pytest.mark.parametrize(
    ("file", "password"), [("rsa.jks", "rahasia1"), ("keytool.p12", "rahasia1"), ("pem", "")]
)
def test_a_certificate_is_uploaded_as_a_file(site: Site, ann: Client, file: str, password: str) -> None:
    octets = _pem() if file == "pem" else (KEYFILES / file).read_bytes()
    fields = {"name": "shop", "password": password, "active": "on"}
    page = ann.upload("/settings/keystore/new", "file.certificate", octets, **fields)
    assert page.status == 303, page.words
    eventually(lambda: "shop" in site.service.settings.items(Keystore))
    told = ann.get("/settings/keystore").words
    assert "good until" in told
    assert "it serves HTTPS" in told
    assert "it serves HTTPS" in ann.get("/network").words
    assert "PRIVATE KEY" not in ann.get("/settings/keystore/item/shop").text
    ann.post("/settings/keystore/delete/shop")
    eventually(lambda: not site.service.settings.items(Keystore))


def _pem() -> bytes:
    pair = signed_by_itself(["otp.example.com"], datetime.now(UTC))
    return pair.chain_pem() + pair.key_pem()


def test_a_file_that_is_no_certificate_is_refused_with_a_sentence(site: Site, ann: Client) -> None:
    fields = {"name": "bad", "active": "on"}
    page = ann.upload("/settings/keystore/new", "file.certificate", b"\x00\x01nonsense", **fields)
    assert page.status == 422
    assert "neither PEM nor PKCS#12 nor JKS" in page.words


# -- the card ---------------------------------------------------------------------------------------------


def test_the_card_is_shown_with_its_codes(site: Site, ann: Client) -> None:
    assert "This machine has no card" in ann.get("/system/card").words
    made = card.Card(
        serial="10000000abcd", ssid="OTP-Pi-abcd", password="seven <b>birds", setup_code="1234-5678"
    )
    site.service.device.card = made
    try:
        page = ann.get("/system/card")
        for words in (
            "OTP-Pi-abcd",
            "seven <b>birds",
            "1234-5678",
            "http://192.168.0.11:8888",
            "10000000abcd",
        ):
            assert words in page.words or words in page.text.replace("&lt;", "<").replace("&gt;", ">")
        assert page.text.count("<figcaption>") == 2
        assert page.text.count("<path") >= 2
        assert "<b>birds" not in page.text
    finally:
        site.service.device.card = None


def test_the_addresses_of_the_device_are_shown(site: Site, ann: Client) -> None:
    site.service.device.addresses = lambda: {"eth0": ["192.0.2.7"], "wlan0": ["192.168.0.11"]}  # type: ignore[method-assign]
    told = ann.get("/network").words
    assert "eth0 192.0.2.7" in told
    assert "wlan0 192.168.0.11" in told
    del site.service.device.addresses
