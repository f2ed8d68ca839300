"""The configuration of the earlier Java system, in the form in which its devices keep it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.settings import javaimport
from app.settings.api import Api, ApiUser
from app.settings.bell import Bell
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.keystore import Keystore
from app.settings.mail import EmailAccount
from app.settings.modems import Modem
from app.settings.network import Dhcp, Ethernet, Wlan
from app.settings.sms import Sms
from app.settings.store import SettingsStore
from app.settings.subscribers import SubscriberAmqp, SubscriberRedis, SubscriberWs

OLD: dict[str, Any] = {
    "general/general-config.json": {
        "ntpUpdateInterval": "0 0 */12 * * ?",
        "restartService": "0 0 0 ? * TUE",
        "inspectModemInterval": 5000,
        "otpExpirationOffset": 30000,
        "deviceTimeZone": "Asia/Makassar",
        "ntpServer": "ntp.branch.lan",
        "restartDevice": "0 0 0 * * ?",
        "deviceName": "Branch",
        "dropExpireOTP": False,
    },
    "api/services.json": {
        "emailPath": "/api/email",
        "httpsEnable": False,
        "otpPath": "/otp",
        "httpPort": 8080,
        "httpsPort": 8443,
    },
    "api/urses.json": {
        "shop": {
            "password": "5f4dcc3b5aa765d61d8327deb882cf99",
            "lastActive": 0,
            "blocked": False,
            "phone": "08121",
            "name": "Shop",
            "active": True,
            "email": "it@shop.example",
            "username": "shop",
        },
    },
    "api/blocking.json": {"6281234567890": True, "6281234567891": False},
    "gsm/sms.json": {"logSMS": True, "recipientPrefixLength": 6, "countryCode": "62", "monitorSMS": False},
    "gsm/devices.json": {
        "e9d6": {
            "name": "Blue",
            "port": "/dev/ttyUSB0",
            "baudRate": 0,
            "parityBit": "N",
            "stopBits": "",
            "startBits": "",
            "recipientPrefix": "0811,62812, +62813",
            "simCardPIN": "",
            "smsAPI": True,
            "deleteSentSMS": False,
            "defaultModem": True,
            "active": True,
            "imei": "490154203237518",
            "dialNumner": "*99***1#",
            "internetAccess": True,
            "apn": "internet",
        },
        "d740": {"name": "Blue", "port": "/dev/ttyUSB1", "baudRate": 9600, "active": False},
        "ffff": {"name": "Desk", "port": "COM4"},
    },
    "email/sender-account.json": [
        {
            "senderAddress": "otp@example.org",
            "auth": True,
            "port": 465,
            "senderPassword": "sandi",
            "ssl": True,
            "startTLS": False,
            "name": "Office",
            "host": "mail.example.org",
            "active": True,
            "id": "1",
        },
    ],
    "bell/bell-config.json": {
        "smsFailure": 2,
        "amqpDisconnected": 1,
        "wsDisconnected": 0,
        "mqttDisconnected": 9,
    },
    "network/dhcpd.json": {
        "domainNameServersAddress": "10.0.0.1",
        "maxLeaseTime": "420",
        "defaultLeaseTime": "120",
        "ranges": [{"begin": "10.0.0.40", "end": "10.0.0.50"}],
        "ipRouter": "10.0.0.1",
        "domainName": "otp.lan",
        "netmask": "255.255.255.0",
        "subnetMask": "255.255.255.0",
        "domainNameServers": ["otp.lan"],
    },
    "network/wlan.json": {
        "keyMgmt": "WPA-PSK",
        "essid": "Branch",
        "key": "correct horse",
        "prefix": "24",
        "ipAddress": "10.0.0.1",
        "gateway": "",
        "netmask": "255.255.255.0",
        "dns1": "9.9.9.9",
    },
    "network/ethernet.json": {
        "ipAddress": "10.1.0.2",
        "prefix": "24",
        "gateway": "10.1.0.1",
        "dns1": "9.9.9.9",
        "dns2": "",
        "netmask": "255.255.255.0",
    },
    "subscriber/subscriber-amqp.json": {
        "subscriberAmqpPort": 5673,
        "subscriberAmqpTimeout": 4000,
        "subscriberAmqpEnable": True,
        "subscriberAmqpAddress": "rabbit.lan",
        "subscriberAmqpUsername": "u",
        "subscriberAmqpPassword": "p",
        "subscriberAmqpVersion": 1,
        "subscriberAmqpPath": "",
        "subscriberAmqpTopic": "otp",
    },
    "subscriber/subscriber-ws.json": {"subscriberWsPath": "/ws2", "subscriberWsReconnectDelay": 20000},
    "subscriber/subscriber-redis.json": {"subscriberRedisPort": "many"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in OLD.items():
        path = tmp_path / "resource/data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return tmp_path


def imported(folder: Path) -> tuple[SettingsStore, list[str]]:
    store = SettingsStore(folder / "home")
    found = javaimport.read(folder / "resource")
    store.replace(found.values)
    assert store.load().problems == ()
    return store, found.remarks


def test_single_sections_are_taken_over(folder: Path) -> None:
    settings = imported(folder)[0].load().settings
    general = settings.one(General)
    assert (general.device_name, general.device_time_zone) == ("Branch", "Asia/Makassar")
    assert (general.ntp_server, general.update_timer) == ("ntp.branch.lan", 12)
    assert (general.drop_expired_otp, general.inspect_modem_connection) == (False, 5)
    assert (general.restart_service, general.restart_service_day) == ("weekly", "tuesday")
    assert (general.restart_device, general.restart_device_time) == ("daily", "00:00")
    api = settings.one(Api)
    assert (api.otp_path, api.http_port, api.enable_https) == ("/otp", 8080, False)
    sms = settings.one(Sms)
    assert (sms.recipient_prefix_length, sms.log_outgoing_sms, sms.monitor_sms_traffic) == (6, True, False)
    bell = settings.one(Bell)
    assert (bell.fail_send_sms, bell.amqp_disconnected, bell.ws_disconnected) == ("repeat", "once", "none")


def test_the_network_is_taken_over(folder: Path) -> None:
    settings = imported(folder)[0].load().settings
    wlan = settings.one(Wlan)
    assert (wlan.ssid, wlan.password, wlan.ip_address) == ("Branch", "correct horse", "10.0.0.1")
    dhcp = settings.one(Dhcp)
    assert (dhcp.ranges, dhcp.default_lease_time) == (("10.0.0.40-10.0.0.50",), 120)
    ethernet = settings.one(Ethernet)
    assert (ethernet.method, ethernet.ip_address, ethernet.gateway) == ("fixed", "10.1.0.2", "10.1.0.1")


def test_modems_are_taken_over_with_their_prefixes(folder: Path) -> None:
    store, remarks = imported(folder)
    modems = store.load().settings.items(Modem)
    assert list(modems) == ["Blue", "Blue-2"]
    blue = modems["Blue"]
    assert blue.recipient_prefix == ("62811", "62812", "62813")
    assert (blue.baud_rate, blue.default_modem, blue.delete_sent_sms) == (115200, True, False)
    assert (blue.dial_number, blue.apn, blue.internet_access) == ("*99***1#", "internet", True)
    assert (modems["Blue-2"].name, modems["Blue-2"].baud_rate, modems["Blue-2"].active) == (
        "Blue 2",
        9600,
        False,
    )
    assert any("modems/Desk.port: 'COM4' is not a serial port" in remark for remark in remarks)


def test_users_come_without_their_passwords_and_it_is_said(folder: Path) -> None:
    store, remarks = imported(folder)
    shop = store.load().settings.items(ApiUser)["shop"]
    assert (shop.email, shop.phone_number, shop.password) == ("it@shop.example", "08121", "")
    assert any("the old passwords cannot be carried over" in remark for remark in remarks)
    assert not any("5f4dcc3b" in remark for remark in remarks)


def test_lists_are_taken_over(folder: Path) -> None:
    settings = imported(folder)[0].load().settings
    blocked = settings.items(BlockedNumber)
    assert {number: one.state for number, one in blocked.items()} == {
        "6281234567890": "blocked",
        "6281234567891": "whitened",
    }
    office = settings.items(EmailAccount)["Office"]
    assert (office.smtp_host, office.port, office.ssl, office.sender_password) == (
        "mail.example.org", 465, True, "sandi",
    )  # fmt: skip


def test_subscribers_are_taken_over(folder: Path) -> None:
    store, remarks = imported(folder)
    settings = store.load().settings
    amqp = settings.one(SubscriberAmqp)
    assert (amqp.enable, amqp.host, amqp.port, amqp.topic) == (True, "rabbit.lan", 5673, "otp")
    assert (amqp.version, amqp.timeout, amqp.virtual_host) == ("1.0", 4, "/")
    ws = settings.one(SubscriberWs)
    assert (ws.path, ws.reconnect_delay) == ("/ws2", 20)
    assert settings.one(SubscriberRedis).port == 6379
    assert any("subscriber_redis.port: 'many' is not a whole number" in remark for remark in remarks)


def test_a_java_keystore_is_taken_over(folder: Path) -> None:
    keys = folder / "resource/data/keystore"
    keys.mkdir()
    (keys / "1a60.jks").write_bytes((Path(__file__).parent / "keyfiles/rsa.jks").read_bytes())
    listed = {
        "1a60": {
            "fileName": "site.jks",
            "filePassword": "rahasia1",
            "fileExtension": "jks",
            "active": True,
            "id": "1a60",
        },
        "2b": {"fileName": "gone.jks", "filePassword": "x", "fileExtension": "jks", "id": "2b"},
    }
    (keys / "keystores.json").write_text(json.dumps(listed))
    store, remarks = imported(folder)
    entry = store.load().settings.items(Keystore)["site.jks"]
    assert entry.active
    assert entry.pair().chain
    assert "the certificate file gone.jks is missing and was left out" in remarks


def test_a_file_that_cannot_be_read_costs_only_itself(folder: Path) -> None:
    (folder / "resource/data/gsm/sms.json").write_text("{")
    store, remarks = imported(folder)
    assert store.load().settings.one(General).device_name == "Branch"
    assert any(remark.startswith("sms.json was left out: it is not JSON") for remark in remarks)


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        javaimport.read(tmp_path)
