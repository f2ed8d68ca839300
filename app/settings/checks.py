"""Types that check themselves, shared by all sections: hosts, addresses, ports, time zones, paths, numbers.

Each refuses by `Wrong` with a predicate that never repeats the value. The names ending in `OrNone` also take
an empty text.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from app.settings.problems import Wrong

Rule = Callable[[str], str]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_SERIAL_URL = re.compile(r"(?:sim|socket|rfc2217|spy|loop|hwgrep|alt)://\S*")


def host(text: str) -> str:
    """A host name (RFC 1123 §2.1, or international) or an IPv4 or IPv6 address."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text  # as in a URL
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        ascii_name = text.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    labels = ascii_name.split(".")
    # A last label of digits alone would be a mistyped address, not a name (RFC 3696 §2).
    if len(ascii_name) > 253 or labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
        raise Wrong("is neither a host name nor an address")
    return text


def in_ascii(name: str) -> str:
    """A name with its international labels in ASCII (RFC 5891)."""
    return name if name.isascii() else ".".join(map(_label_in_ascii, name.split(".")))


def _label_in_ascii(label: str) -> str:
    if label.isascii():  # also what is no host's: * and _acme-challenge
        return label
    import idna  # its tables are large, and few names need them

    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except idna.IDNAError:
        return label.encode("idna").decode("ascii")  # by the older rules, as the check lets it through


def ipv4(text: str) -> str:
    """An IPv4 address in four decimal parts."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise Wrong("is not an IPv4 address such as 192.168.0.11") from None


def network(text: str) -> str:
    """One address or a network of them: 192.168.0.7, 192.168.0.0/24, fd00::/8."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise Wrong("is neither an address nor a network such as 192.168.0.0/24") from None


def record_name(text: str) -> str:
    """The name of a DNS record: a host name, one relative to its zone, or @ for the zone itself."""
    if text in ("@", "*"):
        return text
    # A wildcard is a label of its own and only the first (RFC 4592 §2.1.1).
    plain = host(text.removeprefix("*."))
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        return text.rstrip(".").lower()
    raise Wrong("is an address, not the name of a record")


def netmask(text: str) -> str:
    """A netmask in dotted form whose ones come first, such as 255.255.255.0."""
    try:
        value = int(ipaddress.IPv4Address(text))
    except ValueError:
        raise Wrong("is not a netmask such as 255.255.255.0") from None
    inverse = value ^ 0xFFFFFFFF
    if inverse & (inverse + 1):
        raise Wrong("is not a netmask: its ones must come first, as in 255.255.255.0")
    return text


def prefix_of(mask: str) -> int:
    """The prefix length that says the same as a netmask: "255.255.255.0" → 24."""
    return int(ipaddress.IPv4Address(mask)).bit_count()


def netmask_of(prefix: int) -> str:
    """The netmask that says the same as a prefix length: 24 → "255.255.255.0"."""
    return str(ipaddress.IPv4Address((0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF))


def disagreement(prefix: int, mask: str) -> str:
    """The sentence when a netmask and a prefix length differ; "" when they agree or there is no netmask."""
    if not mask or prefix_of(mask) == prefix:
        return ""
    return f"netmask {mask} is a prefix of {prefix_of(mask)}, but the prefix says {prefix}: both must agree"


def ipv4_range(text: str) -> str:
    """Two IPv4 addresses, the lower first: 192.168.0.40-192.168.0.254."""
    first, dash, last = text.replace(" ", "").partition("-")
    try:
        low, high = ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)
    except ValueError:
        raise Wrong("is not a range of addresses such as 192.168.0.40-192.168.0.254") from None
    if low > high:
        raise Wrong("is not a range: the lower address comes first")
    return f"{low}{dash}{high}"


def time_zone(text: str) -> str:
    """A zone of the time zone database, such as Asia/Jakarta."""
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong("is not a time zone such as Asia/Jakarta") from None
    return text


def hour_minute(text: str) -> str:
    """A time of day in 24 hours, 00:00 to 23:59; "3:05" becomes "03:05"."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text, re.ASCII)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise Wrong("is not a time of day such as 03:30")
    return f"{int(found[1]):02}:{found[2]}"


def url_path(text: str) -> str:
    """The path of an address: /api/otp. No dots alone, no blanks, no query: it is compared exactly."""
    if not _PATH.fullmatch(text) or any(part in (".", "..") for part in text.split("/")):
        raise Wrong("is not a path such as /api/otp (letters, digits and . _ ~ - between slashes)")
    return text


def msisdn(text: str) -> str:
    """A telephone number: 3 to 15 digits (ITU-T E.164 §6.2), a plus first or not; blanks and dashes go."""
    digits = re.sub(r"[ ().-]", "", text)
    if not re.fullmatch(r"\+?\d{3,15}", digits, re.ASCII):
        raise Wrong("is not a telephone number")
    return digits


def msisdn_prefix(text: str) -> str:
    """The first digits of international numbers, without a plus: 62811."""
    digits = text.removeprefix("+")
    if not re.fullmatch(r"[1-9]\d{0,14}", digits, re.ASCII):
        raise Wrong("is not the beginning of an international number such as 62811")
    return digits


def country_calling_code(text: str) -> str:
    """The country code of telephone numbers: 1 to 3 digits (ITU-T E.164), without a plus."""
    digits = text.removeprefix("+")
    if not re.fullmatch(r"[1-9]\d{0,2}", digits, re.ASCII):
        raise Wrong("is not a country code such as 62")
    return digits


def email(text: str) -> str:
    """A mail address: local part, @, domain; international ones too (RFC 6531)."""
    local, at, domain = text.rpartition("@")
    try:
        host(domain)
    except Wrong:
        at = ""
    if not at or not local or len(local) > 64 or re.search(r"[\s@<>(),:;\"\\\[\]]", local):
        raise Wrong("is not a mail address")
    return text


def serial_port(text: str) -> str:
    """A device path or a pyserial URL; it need not exist now."""
    path = text.startswith("/") and len(text) > 1 and ".." not in text.split("/")
    if not text.isprintable() or not (path or _SERIAL_URL.fullmatch(text)):
        raise Wrong("is not a serial port such as /dev/ttyUSB0 (a full path, or sim://NAME)")
    return text


def dial_string(text: str) -> str:
    """What may follow ATD (3GPP TS 27.007 §6.2): digits and * # + , A to D, P T W."""
    if not re.fullmatch(r"[0-9*#+,A-DPTWptw]{1,40}", text):
        raise Wrong("is not a dial number such as *99#")
    return text


def ussd_code(text: str) -> str:
    """What asks the network by USSD: digits, *, # and +."""
    if not re.fullmatch(r"[0-9*#+]{1,160}", text):
        raise Wrong("is not a USSD code such as *888#")
    return text


def username(text: str) -> str:
    """A name to sign in with: no colon (RFC 7617 §2 ends the name there), no blanks."""
    if not text or len(text) > 64 or ":" in text or re.search(r"\s", text) or not text.isprintable():
        raise Wrong("is not a user name: at most 64 characters, no blanks and no colon")
    return text


def password_hash(text: str) -> str:
    """The argon2id hash of a password as `passwords.hash_password` makes it."""
    if not re.fullmatch(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+", text):
        raise Wrong("is not the hash of a password")
    return text


def totp_key(text: str) -> str:
    """The shared key of an authenticator app: base32 (RFC 4648 §6), 128 bits or more (RFC 4226 §4)."""
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z2-7]{26,64}", plain):
        raise Wrong("is not the key of an authenticator app")
    return plain


def iso_country(text: str) -> str:
    """A country in two letters (ISO 3166-1), capital."""
    if not re.fullmatch(r"[A-Za-z]{2}", text):
        raise Wrong("is not a country in two letters such as ID")
    return text.upper()


def ssid(text: str) -> str:
    """The name of a Wi-Fi: 1 to 32 octets (IEEE 802.11-2020 §9.4.2.2)."""
    if not 1 <= len(text.encode("utf-8", "replace")) <= 32:
        raise Wrong("is not the name of a Wi-Fi: 1 to 32 characters, fewer where they are not plain letters")
    return text


def wifi_password(text: str) -> str:
    """A passphrase: 8 to 63 printable ASCII characters (IEEE 802.11-2020 annex J.4)."""
    if not re.fullmatch(r"[ -~]{8,63}", text):
        raise Wrong("is not a Wi-Fi password: 8 to 63 letters, digits and signs, without accents")
    return text


def iccid(text: str) -> str:
    """The number of a SIM card: 18 to 22 digits, sometimes with a filling F (ITU-T E.118)."""
    if not re.fullmatch(r"\d{18,22}|\d{17,21}[Ff]", text, re.ASCII):
        raise Wrong("is not the number of a SIM card: 18 to 22 digits")
    return text


def pem(text: str) -> str:
    """Something in PEM (RFC 7468); what it is is looked at by whoever needs it."""
    if not re.search(r"-----BEGIN [A-Z0-9 ]+-----\s.*-----END ", text, re.DOTALL):
        raise Wrong("is not in PEM: it begins with a line such as -----BEGIN PRIVATE KEY-----")
    return text


def certificate(text: str) -> str:
    """One or more certificates in PEM."""
    if not re.search(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", text):
        raise Wrong("is not a certificate in PEM: it begins with -----BEGIN CERTIFICATE-----")
    return text


def digits(shortest: int, longest: int, what: str) -> Rule:
    """A rule for texts of digits alone, such as PINs and serial numbers of SIM cards."""

    def rule(text: str) -> str:
        if not re.fullmatch(rf"\d{{{shortest},{longest}}}", text, re.ASCII):
            raise Wrong(f"is not {what}: {shortest} to {longest} digits")
        return text

    return rule


def url(*schemes: str) -> Rule:
    """A rule for addresses with one of the schemes and a host."""

    def rule(text: str) -> str:
        try:
            parts = urlsplit(text)
            found = parts.scheme in schemes and host(parts.hostname or "") and (parts.port or 1) > 0
        except ValueError:  # Wrong is one too
            found = ""
        if not found or re.search(r"\s", text) or not text.isprintable():
            raise Wrong(f"is not an address that begins with {' or '.join(s + '://' for s in schemes)}")
        return text

    return rule


def or_none(rule: Rule) -> Rule:
    """The rule, or an empty text."""
    return lambda text: rule(text) if text else text


Port = Annotated[int, Field(ge=1, le=65535)]
Prefix = Annotated[int, Field(ge=0, le=32)]
Host = Annotated[str, AfterValidator(host)]
HostOrNone = Annotated[str, AfterValidator(or_none(host))]
Ipv4 = Annotated[str, AfterValidator(ipv4)]
Ipv4OrNone = Annotated[str, AfterValidator(or_none(ipv4))]
Network = Annotated[str, AfterValidator(network)]
RecordName = Annotated[str, AfterValidator(record_name)]
Netmask = Annotated[str, AfterValidator(netmask)]
NetmaskOrNone = Annotated[str, AfterValidator(or_none(netmask))]
Ipv4Range = Annotated[str, AfterValidator(ipv4_range)]
TimeZone = Annotated[str, AfterValidator(time_zone)]
HourMinute = Annotated[str, AfterValidator(hour_minute)]
HourMinuteOrNone = Annotated[str, AfterValidator(or_none(hour_minute))]
UrlPath = Annotated[str, AfterValidator(url_path)]
Msisdn = Annotated[str, AfterValidator(msisdn)]
MsisdnOrNone = Annotated[str, AfterValidator(or_none(msisdn))]
MsisdnPrefix = Annotated[str, AfterValidator(msisdn_prefix)]
CallingCode = Annotated[str, AfterValidator(country_calling_code)]
Email = Annotated[str, AfterValidator(email)]
EmailOrNone = Annotated[str, AfterValidator(or_none(email))]
SerialPort = Annotated[str, AfterValidator(serial_port)]
DialString = Annotated[str, AfterValidator(dial_string)]
Username = Annotated[str, AfterValidator(username)]
PasswordHashOrNone = Annotated[str, AfterValidator(or_none(password_hash))]
TotpKeyOrNone = Annotated[str, AfterValidator(or_none(totp_key))]
CertificateOrNone = Annotated[str, AfterValidator(or_none(certificate))]
PemOrNone = Annotated[str, AfterValidator(or_none(pem))]
Ssid = Annotated[str, AfterValidator(ssid)]
WifiPasswordOrNone = Annotated[str, AfterValidator(or_none(wifi_password))]
IsoCountry = Annotated[str, AfterValidator(iso_country)]
RedisUrlOrNone = Annotated[str, AfterValidator(or_none(url("redis", "rediss")))]
HttpUrlOrNone = Annotated[str, AfterValidator(or_none(url("http", "https")))]
UssdCode = Annotated[str, AfterValidator(ussd_code)]
HttpUrl = Annotated[str, AfterValidator(url("http", "https"))]
PinOrNone = Annotated[str, AfterValidator(or_none(digits(4, 8, "a PIN")))]
ImeiOrNone = Annotated[str, AfterValidator(or_none(digits(14, 16, "an IMEI")))]
IccidOrNone = Annotated[str, AfterValidator(or_none(iccid))]
ImsiOrNone = Annotated[str, AfterValidator(or_none(digits(6, 15, "an IMSI")))]

#: Serial parity as pyserial names it.
PARITIES = {"N": "none", "E": "even", "O": "odd", "M": "mark", "S": "space"}
