"""Dynamic DNS as one part: built once, started, stopped, and told when settings changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.clock import Clock
from app.ddns.address import PublicAddresses
from app.ddns.afraid import AfraidVendor
from app.ddns.base import Proofs, Vendor
from app.ddns.cloudflare import CloudflareVendor
from app.ddns.dynu import DynuVendor
from app.ddns.http import Http
from app.ddns.noip import NoIpVendor
from app.ddns.updater import Keeping, Updater, task
from app.settings.ddns import Acme, Afraid, Cloudflare, DdnsRecord, Dynu, NoIp, PublicAddress
from app.settings.section import Section
from app.settings.snapshot import Settings
from app.store.ddns import DdnsHistory, Entry

if TYPE_CHECKING:
    from app.ddns.acme import Shown
    from app.ddns.certificates import Certificates, Holding, Serve
    from app.settings.keypair import KeyPair

# Whose change ``DdnsOffice.apply`` wants to hear of.
SECTIONS = (DdnsRecord, Cloudflare, NoIp, Dynu, Afraid, PublicAddress, Acme)

Find = Callable[[Settings], PublicAddresses]


class DdnsOffice:
    """folder: for certificates and the key of the ACME account.

    serve: takes each certificate into use; withdraw: called when no name wants one any more.
    """

    def __init__(
        self,
        settings: Settings,
        history: DdnsHistory,
        folder: Path,
        clock: Clock,
        serve: Serve,
        withdraw: Callable[[], object] = lambda: None,
        *,
        http: Http | None = None,
        find: Find | None = None,
        shown: Shown | None = None,
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
        self._clock = clock
        self._serve = serve
        self._withdraw = withdraw
        self._certificates: Certificates | None = None
        self._started = False

    def start(self) -> None:
        """Begin; a certificate that is kept from before is taken into use at once."""
        self._started = True
        self.apply(self._settings)
        self._updater.start()

    def stop(self) -> None:
        if self._certificates is not None:
            self._certificates.stop()
        self._updater.stop()

    def apply(self, settings: Settings) -> None:
        """Take over changed settings; a record that was stopped and whose settings changed begins anew."""
        self._settings = settings
        if not self._started:
            return
        vendors = {provider: self._vendor(provider) for provider in ("cloudflare", "noip", "dynu", "afraid")}
        records = {item: one for item, one in settings.items(DdnsRecord).items() if one.active}
        self._updater.load({item: task(one, *vendors[one.provider]) for item, one in records.items()})
        self._want_certificates(
            {
                one.fqdn: (one, _proofs(vendors[one.provider][1]))
                for one in records.values()
                if one.certificate
            }
        )

    def _want_certificates(self, wanted: Mapping[str, tuple[DdnsRecord, Proofs | None]]) -> None:
        """What certificates take is loaded when the first one is wanted: it is larger than all the rest."""
        if not wanted:
            self._withdraw()
        if self._certificates is None:
            if not wanted:
                return
            from app.ddns.certificates import Certificates

            self._certificates = Certificates(
                self._folder, self._clock, self._issue, self._serve, self._stopping
            )
            self._certificates.start()
        self._certificates.load(dict(wanted))

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
        return [] if self._certificates is None else self._certificates.holdings()

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
        from app.ddns.acme import Authority, shown_by_name_servers

        shown = self._shown or shown_by_name_servers
        authority = Authority(self._settings.one(Acme), self._folder, shown, self._stopping, self._verify)
        return authority.issue(record, proofs)

    def _public_addresses(self, settings: Settings) -> PublicAddresses:
        wanted = settings.one(PublicAddress)
        return PublicAddresses(self._http, wanted.services, wanted.services_v6)


def _proofs(vendor: Vendor | None) -> Proofs | None:
    return vendor if isinstance(vendor, (CloudflareVendor, DynuVendor)) else None
