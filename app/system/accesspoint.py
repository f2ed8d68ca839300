"""The access point's files, pure functions of the settings: hostapd, dhcpd, dnsmasq, and the address."""

from __future__ import annotations

from app.settings.network import Dhcp, Wlan

INTERFACE = "wlan0"
HEAD = "# Written from the settings of OTP-Pi; a change here is lost.\n"

_KEYS = {
    # 802.11w (management frames protected): off, possible, required; WPA3 requires it.
    "wpa2": ("WPA-PSK", 0),
    "wpa2-wpa3": ("WPA-PSK SAE", 1),
    "wpa3": ("SAE", 2),
}


def hostapd(wlan: Wlan, driver: str = "nl80211") -> str:
    """hostapd.conf(5). Without a password there is no access point: "" then."""
    if not wlan.password:
        return ""
    keys, protection = _KEYS[wlan.key_management]
    five = wlan.channel > 14
    lines = [
        f"interface={INTERFACE}",
        f"driver={driver}",
        # In hexadecimal: no sign in a name can end the line or mean something else.
        f"ssid2={wlan.ssid.encode().hex()}",
        "utf8_ssid=1",
        f"country_code={wlan.country}",
        "ieee80211d=1",
        f"hw_mode={'a' if five else 'g'}",
        f"channel={wlan.channel}",
        "ieee80211n=1",
        *(["ieee80211ac=1"] if five else []),
        "wmm_enabled=1",
        # Whoever joins talks to the device, not to the others who joined.
        "ap_isolate=1",
        "auth_algs=1",
        "wpa=2",
        f"wpa_key_mgmt={keys}",
        "rsn_pairwise=CCMP",
        f"ieee80211w={protection}",
        *(["sae_require_mfp=1"] if wlan.key_management == "wpa2-wpa3" else []),
        f"wpa_passphrase={wlan.password}",
    ]
    return HEAD + "\n".join(lines) + "\n"


def environment(wlan: Wlan) -> str:
    """What otppi-wlan.service sets: address, country, and a gateway where there is one."""
    lines = [f"ADDRESS={wlan.ip_address}/{wlan.prefix}", f"COUNTRY={wlan.country}"]
    if wlan.gateway:
        lines.append(f"GATEWAY={wlan.gateway}")
    return HEAD + "\n".join(lines) + "\n"


def dhcpd(dhcp: Dhcp) -> str:
    """dhcpd.conf(5): one subnet, computed from router and netmask, so that it always matches its ranges."""
    network = dhcp.network
    further = [f"option domain-name-servers {', '.join(dhcp.domain_name_servers)};"]
    servers = ", ".join(dict.fromkeys((dhcp.domain_name_servers_address, *dhcp.domain_name_servers)))
    lines = [
        "authoritative;",
        "ddns-update-style none;",
        f'option domain-name "{dhcp.domain_name}";',
        *(further if dhcp.domain_name_servers else []),
        f"default-lease-time {dhcp.default_lease_time};",
        f"max-lease-time {dhcp.maximum_lease_time};",
        "",
        f"subnet {network.network_address} netmask {network.netmask} {{",
        f"  option routers {dhcp.router_address};",
        f"  option subnet-mask {dhcp.subnet_mask};",
        f'  option domain-search "{dhcp.domain_name}";',
        f"  option domain-name-servers {servers};",
        *(f"  range {first} {last};" for first, last in dhcp.spans()),
        "}",
    ]
    return HEAD + "\n".join(lines) + "\n"


def dnsmasq(wlan: Wlan, dhcp: Dhcp) -> str:
    """dnsmasq's file: the device's names, and every other one where nobody can be asked (captive portal)."""
    own = wlan.ip_address
    names = dict.fromkeys((dhcp.domain_name, "otppi.lan", "otp-pi.local"))
    lines = [
        f"interface={INTERFACE}",
        "except-interface=lo",
        "bind-dynamic",
        "no-resolv",
        "no-hosts",
        "no-poll",
        "user=dnsmasq",
        "log-facility=-",
        # A telephone that comes home to another network must forget soon.
        "local-ttl=30",
        *(f"address=/{name}/{own}" for name in names),
        f"server={wlan.dns}" if wlan.dns else f"address=/#/{own}",
    ]
    return HEAD + "\n".join(lines) + "\n"
