"""Sections ddns, vendor_* and acme: names for a changing address, their keepers, certificates for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from app.settings.checks import EmailOrNone, Host, HttpUrl, RecordName, in_ascii
from app.settings.option import option
from app.settings.problems import Finding
from app.settings.section import About, Around, Section

Provider = Literal["cloudflare", "noip", "dynu", "afraid"]
PROVIDERS = {"cloudflare": "Cloudflare", "noip": "No-IP", "dynu": "Dynu", "afraid": "Free DNS Afraid"}


class DdnsRecord(Section):
    """One name that follows the device's public address."""

    about: ClassVar[About] = About(
        name="ddns", title="Dynamic DNS", reset="RESET_DDNS", many=True, key="name"
    )

    name: str = option(..., "Name", longest=63, help="What this record is called here.")

    provider: Provider = option("cloudflare", "Provider", choices=PROVIDERS)
    type: Literal["A", "AAAA"] = option("A", "Type", choices={"A": "A (IPv4)", "AAAA": "AAAA (IPv6)"})
    zone: Host = option(..., "Zone", help="The domain at the provider, such as example.com.")
    record_name: RecordName = option(
        "@", "Record name", help="home or home.example.com; @ is the zone itself."
    )
    ttl: int = option(
        300,
        "TTL",
        unit="s",
        minimum=1,
        maximum=86_400,
        help="1 lets Cloudflare choose; No-IP and Afraid choose.",
    )
    proxied: bool = option(
        False, "Proxied", help="Cloudflare only: visitors reach Cloudflare, not the device."
    )
    update_interval: int = option(
        5, "Update interval", unit="min", minimum=1, maximum=1440, help="How often the address is looked at."
    )
    force_create_zone: bool = option(
        False, "Create the zone", help="Cloudflare and Dynu: make the zone when the account does not have it."
    )
    certificate: bool = option(
        False,
        "Get a certificate",
        help="Cloudflare and Dynu: a certificate for this name, renewed by itself. "
        "Of several names the first one's serves HTTPS.",
    )
    active: bool = option(True, "Active")

    @property
    def fqdn(self) -> str:
        """The whole name, as name servers know it: home.example.com."""
        zone, name = self.zone_name, in_ascii(self.record_name)
        if name in ("@", zone):
            return zone
        if name.endswith("." + zone):
            return name
        return f"{name}.{zone}"

    @property
    def zone_name(self) -> str:
        """The zone, as name servers know it."""
        return in_ascii(self.zone.rstrip(".").lower())

    def conflicts(self) -> Iterable[Finding]:
        if self.certificate and self.provider not in ("cloudflare", "dynu"):
            yield Finding(
                ("certificate", "provider"),
                "is possible with Cloudflare and Dynu only: they can hold the proof",
            )

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.proxied and self.provider != "cloudflare":
            yield Finding(("proxied", "provider"), "only Cloudflare can hide the device behind a proxy")
        if self.force_create_zone and self.provider not in ("cloudflare", "dynu"):
            yield Finding(("force_create_zone", "provider"), "this provider cannot create a zone by itself")


class Cloudflare(Section):
    """The account at Cloudflare; a token is enough, the global key needs the e-mail too."""

    about: ClassVar[About] = About(
        name="vendor_cloudflare", title="Cloudflare", reset="RESET_VENDOR_CLOUDFLARE"
    )

    endpoint: HttpUrl = option("https://api.cloudflare.com/client/v4", "Endpoint")
    account_id: str = option("", "Account id", help="Needed only to create zones.")
    email: EmailOrNone = option("", "E-mail")
    api_key: str = option("", "API key", secret=True, help="The global key; a token is better.")
    token: str = option("", "Token", secret=True, help="With the permissions Zone:Read and DNS:Edit.")
    active: bool = option(False, "Active")

    def conflicts(self) -> Iterable[Finding]:
        if self.active and not self.token and not (self.api_key and self.email):
            yield Finding(("token", "api_key", "email"), "must be given, or the API key and its e-mail")


class _NicAccount(Section):
    """What the accounts that speak nic/update have in common."""

    username: str = option("", "User name")
    password: str = option("", "Password", secret=True)
    company_name: str = option("OTP-Pi", "Company name", help="The providers want to know who asks.")
    maintainer_email: EmailOrNone = option(
        "", "Maintainer e-mail", help="Told to the provider in each request."
    )
    active: bool = option(False, "Active")


class NoIp(_NicAccount):
    """The account at No-IP."""

    about: ClassVar[About] = About(name="vendor_noip", title="No-IP", reset="RESET_VENDOR_NOIP")

    endpoint: HttpUrl = option("https://dynupdate.no-ip.com/nic/update", "Endpoint")

    def conflicts(self) -> Iterable[Finding]:
        if self.active and not (self.username and self.password):
            yield Finding(("username", "password"), "must be given with a password")

    def cautions(self, around: Around) -> Iterable[Finding]:
        if self.active and not self.maintainer_email:
            yield Finding(("maintainer_email",), "No-IP blocks clients that name no maintainer")


class Dynu(_NicAccount):
    """The account at Dynu: nic wants user and password, v2 the API key."""

    about: ClassVar[About] = About(name="vendor_dynu", title="Dynu", reset="RESET_VENDOR_DYNU")

    api_version: Literal["nic", "v2"] = option(
        "v2", "API version", choices={"nic": "nic/update", "v2": "API v2"}
    )
    endpoint: HttpUrl = option("https://api.dynu.com", "Endpoint")
    api_key: str = option("", "API key", secret=True, help="Version v2, and certificates.")

    def conflicts(self) -> Iterable[Finding]:
        if not self.active:
            return
        if self.api_version == "v2" and not self.api_key:
            yield Finding(("api_key", "api_version"), "must be given for API v2")
        if self.api_version == "nic" and not (self.username and self.password):
            yield Finding(("username", "password"), "must be given with a password")


class Afraid(_NicAccount):
    """The account at Free DNS Afraid: user and password, or a record's own update token as the password."""

    about: ClassVar[About] = About(
        name="vendor_afraid",
        title="Free DNS Afraid",
        reset="RESET_VENDOR_AFRAID",
        help="Without a user name the password is the update token of one record (Dynamic DNS v2).",
    )

    endpoint: HttpUrl = option("https://freedns.afraid.org", "Endpoint")
    sync_endpoint: HttpUrl = option("https://sync.afraid.org", "Endpoint for tokens, IPv4")
    sync_endpoint_v6: HttpUrl = option("https://v6.sync.afraid.org", "Endpoint for tokens, IPv6")

    def conflicts(self) -> Iterable[Finding]:
        if self.active and not self.password:
            yield Finding(("password",), "must be given")


class PublicAddress(Section):
    """Where the device learns under which address the world sees it."""

    about: ClassVar[About] = About(
        name="public_address",
        title="Public address",
        reset="RESET_DDNS",
        help="The address of the uplink counts where it is public; else these services are asked in turn.",
    )

    services: tuple[HttpUrl, ...] = option(
        ("https://api.ipify.org", "https://ifconfig.me/ip", "https://icanhazip.com"),
        "Look-up services, IPv4",
        help="Each answers a request with the address it came from, as plain text.",
    )
    services_v6: tuple[HttpUrl, ...] = option(
        ("https://api6.ipify.org", "https://ifconfig.co/ip", "https://icanhazip.com"),
        "Look-up services, IPv6",
    )


class Acme(Section):
    """The authority that signs the certificates of DDNS records."""

    about: ClassVar[About] = About(name="acme", title="Certificate authority", reset="RESET_DDNS")

    directory: HttpUrl = option(
        "https://acme-v02.api.letsencrypt.org/directory", "Directory", help="Any authority that speaks ACME."
    )
    email: EmailOrNone = option("", "E-mail", help="Where the authority writes when a certificate runs out.")
    agree: bool = option(
        False,
        "Agree to its terms",
        help="No certificate is asked for before you agree to the authority's terms.",
    )
    propagation: int = option(
        120,
        "Wait for the proof",
        unit="s",
        minimum=0,
        maximum=1800,
        help="Longest wait until the name servers show it.",
    )
