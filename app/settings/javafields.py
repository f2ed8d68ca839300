"""How the options of the earlier Java system are called and counted there, field by field: theirs → ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

#: Makes our value from theirs; None leaves the field at its default.
Convert = Callable[[Any], Any]

_DAYS = {
    "MON": "monday",
    "TUE": "tuesday",
    "WED": "wednesday",
    "THU": "thursday",
    "FRI": "friday",
    "SAT": "saturday",
    "SUN": "sunday",
}

# -- how their values become ours ------------------------------------------------------------------------


def same(value: Any) -> Any:
    return None if value in ("", None) else value


def seconds(value: Any) -> Any:
    """They count in milliseconds."""
    return max(1, int(value) // 1000) if isinstance(value, int | float) and value > 0 else None


def positive(value: Any) -> Any:
    """0 and "" stand for "as usual" there."""
    return value if str(value).strip() not in ("", "0", "None") else None


def ring(value: Any) -> Any:
    return {0: "none", 1: "once", 2: "repeat"}.get(value)


def prefixes(value: Any) -> Any:
    """Their prefixes may begin with a plus or, at home, with a zero that stands for the country code."""
    words = [word.strip().lstrip("+") for word in re.split(r"[,\s]+", str(value)) if word.strip(" +")]
    return ["62" + word[1:] if word.startswith("0") else word for word in words] or None


def hours(value: Any) -> Any:
    """The Quartz expressions their page offers: every 6 or 12 hours, daily; "" is never."""
    if value == "":
        return 0
    return {"0 0 */6 * * ?": 6, "0 0 */12 * * ?": 12, "0 0 0 * * ?": 24}.get(value)


def minutes(value: Any) -> Any:
    """0 * * * * ? is every minute, 0 */5 * * * ? every five."""
    step = re.fullmatch(r"0 (?:\*|\*/(\d+)) \* \* \* \?", str(value))
    return int(step[1] or 1) if step else None


def key_management(value: Any) -> Any:
    return "wpa3" if "SAE" in str(value) else "wpa2"


def timetable(name: str) -> Callable[[Any], Mapping[str, str]]:
    """Their restarts are at midnight, daily or on one day; every 12 hours becomes daily."""

    def convert(value: Any) -> Mapping[str, str]:
        weekly = re.fullmatch(r"0 0 0 \? \* (\w{3})", str(value))
        if weekly and weekly[1] in _DAYS:
            return {name: "weekly", f"{name}_day": _DAYS[weekly[1]], f"{name}_time": "00:00"}
        return {name: "daily", f"{name}_time": "00:00"} if value else {}

    return convert


# -- field by field: theirs → ours ------------------------------------------------------------------------

Fields = Mapping[str, tuple[str, Convert]]


def _plainly(**names: str) -> dict[str, tuple[str, Convert]]:
    return {theirs: (ours, same) for theirs, ours in names.items()}


GENERAL: Fields = {
    **_plainly(deviceName="device_name", deviceTimeZone="device_time_zone", ntpServer="ntp_server"),
    "dropExpireOTP": ("drop_expired_otp", same),
    "ntpUpdateInterval": ("update_timer", hours),
    "inspectModemInterval": ("inspect_modem_connection", seconds),
}
API: Fields = _plainly(
    httpPort="http_port", httpEnable="enable_http", httpsPort="https_port", httpsEnable="enable_https",
    otpPath="otp_path", messagePath="message_path", smsPath="sms_path", emailPath="email_path",
    blockingPath="blocking_path", unblockingPath="unblocking_path",
)  # fmt: skip
USER: Fields = _plainly(
    username="username", email="email", phone="phone_number", active="active", blocked="blocked"
)
SMS: Fields = {
    **_plainly(countryCode="country_code", logSMS="log_outgoing_sms", monitorSMS="monitor_sms_traffic"),
    "recipientPrefixLength": ("recipient_prefix_length", positive),
}
MODEM: Fields = {
    **_plainly(
        name="name", port="port", manufacturer="manufacturer", model="model", revision="revision",
        imei="imei", imsi="imsi", iccid="iccid", copsOperator="operator", msisdn="msisdn",
        smsCenter="sms_centre", simCardPIN="sim_pin", internetAccess="internet_access", apn="apn",
        apnUsername="apn_username", apnPassword="apn_password", dialNumner="dial_number",
        dialCommand="dial_command", smsAPI="send_sms_from_api", deleteSentSMS="delete_sent_sms",
        defaultModem="default_modem", active="active", parityBit="parity",
        initDial1="init_dial_1", initDial2="init_dial_2", initDial3="init_dial_3", initDial4="init_dial_4",
        initDial5="init_dial_5",
    ),
    "recipientPrefix": ("recipient_prefix", prefixes),
    "baudRate": ("baud_rate", positive),
    "startBits": ("data_bits", positive),
    "stopBits": ("stop_bits", positive),
}  # fmt: skip
EMAIL: Fields = _plainly(
    name="name", host="smtp_host", port="port", ssl="ssl", startTLS="start_tls", auth="authentication",
    senderAddress="sender_account", senderPassword="sender_password", active="active",
)  # fmt: skip
SMTP: Fields = _plainly(
    active="active", softwareName="software_name", serverName="server_name", serverAddress="address",
    serverPort="port",
)  # fmt: skip
BELL: Fields = {
    "smsFailure": ("fail_send_sms", ring),
    "amqpDisconnected": ("amqp_disconnected", ring),
    "mqttDisconnected": ("mqtt_disconnected", ring),
    "wsDisconnected": ("ws_disconnected", ring),
    "redisDisconnected": ("redis_disconnected", ring),
    "activeMQDisconnected": ("activemq_disconnected", ring),
    "stompDisconnected": ("stomp_disconnected", ring),
}
DHCP: Fields = {
    **_plainly(
        domainName="domain_name", ipRouter="router_address", netmask="netmask", subnetMask="subnet_mask",
        domainNameServersAddress="domain_name_servers_address", defaultLeaseTime="default_lease_time",
        maxLeaseTime="maximum_lease_time",
    ),
    "ranges": ("ranges", lambda value: [f"{one['begin']}-{one['end']}" for one in value] or None),
}  # fmt: skip
WLAN: Fields = {
    **_plainly(essid="ssid", key="password", ipAddress="ip_address", prefix="prefix", gateway="gateway"),
    "dns1": ("dns", same),
    "keyMgmt": ("key_management", key_management),
}
ETHERNET: Fields = {
    **_plainly(ipAddress="ip_address", prefix="prefix", gateway="gateway", dns1="dns1", dns2="dns2"),
}
FIREWALL: Fields = {**_plainly(port="port", protocol="protocol")}
DDNS: Fields = {
    **_plainly(
        provider="provider", type="type", zone="zone", recordName="record_name", proxied="proxied",
        forceCreateZone="force_create_zone", active="active",
    ),
    "ttl": ("ttl", positive),
    "cronExpression": ("update_interval", minutes),
}  # fmt: skip
CLOUDFLARE: Fields = _plainly(
    accountId="account_id", authEmail="email", authApiKey="api_key", authToken="token", active="active"
)
NIC: Fields = _plainly(
    username="username", password="password", company="company_name", email="maintainer_email",
    active="active",
)  # fmt: skip
DYNU: Fields = {**NIC, **_plainly(apiVersion="api_version", apiKey="api_key")}


def subscriber(prefix: str, **more: tuple[str, Convert]) -> Fields:
    """Every field of a subscriber begins with its kind there: subscriberAmqpPort."""
    usual: dict[str, tuple[str, Convert]] = {
        **_plainly(
            Enable="enable", SSL="ssl", Address="host", Port="port", Username="username", Password="password",
            Topic="topic",
        ),
        "Timeout": ("timeout", seconds),
        "ReconnectDelay": ("reconnect_delay", seconds),
        **more,
    }  # fmt: skip
    return {f"subscriber{prefix}{name}": rule for name, rule in usual.items()}
