"""Dynamic DNS as one part: built once, started, stopped, and told when settings changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.clock import Clock
from app.ddns.acme import Authority, Shown, shown_by_name_servers
from app.ddns.address import PublicAddresses
from app.ddns.afraid import AfraidVendor
from app.ddns.base import Proofs, Vendor
from app.ddns.certificates import Certificates, Holding, Serve
from app.ddns.cloudflare import CloudflareVendor
from app.ddns.dynu import DynuVendor
from app.ddns.http import Http
from app.ddns.noip import NoIpVendor
from app.ddns.updater import Keeping, Updater, task
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.keypair import KeyPair
from app.settings.section import Section
from app.settings.snapshot import Settings
from app.store.ddns import DdnsHistory, Entry

# Whose change ``DdnsOffice.apply`` wants to hear of.
SECTIONS = (DdnsRecord, Cloudflare, NoIp, Dynu, Afraid, PublicAddress, Acme)

Find = Callable[[Settings], PublicAddresses]


class DdnsOffice:
    """folder: for certificates and the key of the ACME account; serve: takes each certificate into use."""

    def __init__(
        self,
        settings: Settings,
        history: DdnsHistory,
        folder: Path,
        clock: Clock,
        serve: Serve,
        *,
        http: Http | None = None,
        find: Find | None = None,
        shown: Shown = shown_by_name_servers,
        verify: bool | str = True,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._http = http or Http()
        self._find = find or self._public_addresses
        self._shown = shown
        self._verify = verify
        self._stopping = threading.Event()
        self._updater = Updater(history, clock, lambda: self._find(self._settings))
        self._certificates = Certificates(folder, clock, self._issue, serve, self._stopping)
        self.apply(settings)

    def start(self) -> None:
        self._updater.start()
        self._certificates.start()

    def stop(self) -> None:
        self._certificates.stop()
        self._updater.stop()

    def apply(self, settings: Settings) -> None:
        """Take over changed settings; a record that was stopped and whose settings changed begins anew."""
        self._settings = settings
        vendors = {provider: self._vendor(provider) for provider in ("cloudflare", "noip", "dynu", "afraid")}
        records = {item: one for item, one in settings.items(DdnsRecord).items() if one.active}
        self._updater.load({item: task(one, *vendors[one.provider]) for item, one in records.items()})
        self._certificates.load(
            {
                one.fqdn: (one, _proofs(vendors[one.provider][1]))
                for one in records.values()
                if one.certificate
            }
        )

    # For the pages.

    def keepings(self) -> list[Keeping]:
        """Each active record: its address, the last result in words, when it is looked at next."""
        return self._updater.keepings()

    def update_now(self, item: str) -> Keeping:
        """Takes seconds. Raises KeyError, and base.Later when asked again within a minute."""
        return self._updater.update_now(item)

    def history(self, item: str) -> Sequence[Entry]:
        """What became of a record's updates, newest first."""
        return self._updater.history(item)

    def holdings(self) -> list[Holding]:
        """Each name that wants a certificate: until when it has one, or why not."""
        return self._certificates.holdings()

    def _vendor(self, provider: str) -> tuple[Section, Vendor | None]:
        settings, http = self._settings, self._http
        match provider:
            case "cloudflare":
                cloudflare = settings.one(Cloudflare)
                return cloudflare, CloudflareVendor(cloudflare, http) if cloudflare.active else None
            case "noip":
                noip = settings.one(NoIp)
                return noip, NoIpVendor(noip, http) if noip.active else None
            case "dynu":
                dynu = settings.one(Dynu)
                return dynu, DynuVendor(dynu, http) if dynu.active else None
            case _:
                afraid = settings.one(Afraid)
                return afraid, AfraidVendor(afraid, http) if afraid.active else None

    def _issue(self, record: DdnsRecord, proofs: Proofs) -> KeyPair:
        settings = self._settings.one(Acme)
        return Authority(settings, self._folder, self._shown, self._stopping, self._verify).issue(
            record, proofs
        )

    def _public_addresses(self, settings: Settings) -> PublicAddresses:
        wanted = settings.one(PublicAddress)
        return PublicAddresses(self._http, wanted.services, wanted.services_v6)


def _proofs(vendor: Vendor | None) -> Proofs | None:
    return vendor if isinstance(vendor, (CloudflareVendor, DynuVendor)) else None
